"""`minReplicas`: instances of a component, and what is said where they are fewer."""

from __future__ import annotations

from collections.abc import Callable

from isvc.plan.units import Endpoint, ServicePlan, Unit

Planned = Callable[..., ServicePlan]
PREDICTOR = "triton: {storageUri: gs://bucket/a}"


def _unit(service: ServicePlan, name: str) -> Unit:
    return next(unit for unit in service.units if unit.name == name)


def test_a_copy_is_the_unit_under_another_name(planned: Planned) -> None:
    service = planned(f"{{predictor: {{minReplicas: 2, {PREDICTOR}}}}}")
    first, second = _unit(service, "iris-predictor"), _unit(service, "iris-predictor-2")
    assert (first.command, first.needs, first.mounts) == (second.command, second.needs, second.mounts)
    assert service.instances(Endpoint("iris-predictor", "grpc")) == (
        Endpoint("iris-predictor", "grpc"),
        Endpoint("iris-predictor-2", "grpc"),
    )


def test_what_is_otherwise_is_told(planned: Planned) -> None:
    transformer = "transformer: {containers: [{image: my/transformer}]}"
    told = "\n".join(planned(f"{{predictor: {{minReplicas: 2, {PREDICTOR}}}, {transformer}}}").notices)
    assert "spec.predictor.minReplicas: each connection of the transformer goes to the next instance" in told
    told = "\n".join(planned(f"{{predictor: {{minReplicas: 0, {PREDICTOR}}}}}").notices)
    assert "spec.predictor.minReplicas: 0 is 1 here" in told
    service = planned(f"{{predictor: {{minReplicas: 99, {PREDICTOR}}}}}")
    assert "spec.predictor.minReplicas: 16 instances run here, not 99" in service.notices
    assert len(service.units) == 17


def test_a_pod_of_several_containers_is_not_copied(planned: Planned) -> None:
    spec = "{predictor: {minReplicas: 2, batcher: {}, %s}}" % PREDICTOR  # noqa: UP031  # braces
    service = planned(spec)
    assert service.copies == ()
    assert "spec.predictor.minReplicas is ignored: of several containers together one instance runs here" in "\n".join(
        service.notices
    )
