"""The transformer's command line, which KServe completes, and the port of the predictor that it calls."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from isvc.errors import PlanError
from isvc.plan.units import Condition, Directory, Endpoint, Folder, Mount, Need, Port, Probe, ServicePlan, Unit, Word

Planned = Callable[..., ServicePlan]
Find = Callable[[ServicePlan, str], Unit]

REST, GRPC = Endpoint("iris-predictor", "http"), Endpoint("iris-predictor", "grpc")
MODEL_NAME: list[Word] = [("--model_name",), ("iris",)]
HOST: list[Word] = [("--predictor_host",), (REST,)]
HTTP: list[Word] = [("--http_port",), (Port("http"),)]
OUR_GRPC: list[Word] = [("--grpc_port",), (Port("grpc"),)]
H2C = "ports: [{name: h2c, containerPort: 9000}], "


def _spec(args: str = "[]", *, ports: str = "", container: str = "", component: str = "") -> str:
    predictor = f"{{triton: {{{ports}storageUri: gs://bucket/a}}}}"
    return (
        f"{{predictor: {predictor}, transformer: {{{component}"
        f"containers: [{{{container}image: 'my/transformer:1', command: [python, -m, own], args: {args}}}]}}}}"
    )


def _arguments(unit: Unit) -> list[Word]:
    assert unit.command[:3] == (("python",), ("-m",), ("own",))
    return list(unit.command[3:])


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ("[]", [*MODEL_NAME, *HOST, *HTTP, *OUR_GRPC]),
        ("[--model_name, lily]", [("--model_name",), ("lily",), *HOST, *HTTP, *OUR_GRPC]),
        ("[--model_name=lily]", [("--model_name=lily",), *HOST, *HTTP, *OUR_GRPC]),
        ("[--model-name, lily]", [("--model-name",), ("lily",), *MODEL_NAME, *HOST, *HTTP, *OUR_GRPC]),
        ("[--http_port=9999]", [("--http_port=", Port("http")), *MODEL_NAME, *HOST, *OUR_GRPC]),
        ("[--grpc_port, '9998']", [*OUR_GRPC, *MODEL_NAME, *HOST, *HTTP]),
        ("[--predictor_host, iris-predictor.default]", [*HOST, *MODEL_NAME, *HTTP, *OUR_GRPC]),
        (
            "[--predictor_host, 'http://iris-predictor.default.svc.cluster.local:80']",
            [*HOST, *MODEL_NAME, *HTTP, *OUR_GRPC],
        ),
        ("[--predictor_host=other:80]", [("--predictor_host=", "other:80"), *MODEL_NAME, *HTTP, *OUR_GRPC]),
        (
            "[--labels, /mnt/models/l]",
            [("--labels",), (Directory("transformer-models"), "/l"), *MODEL_NAME, *HOST, *HTTP, *OUR_GRPC],
        ),
    ],
)  # fmt: skip
def test_arguments_are_added_in_kserves_order_unless_one_starts_the_same(
    planned: Planned, unit: Find, args: str, expected: list[Word]
) -> None:
    assert _arguments(unit(planned(_spec(args)), "transformer")) == expected


def test_container_concurrency_becomes_workers(planned: Planned, unit: Find) -> None:
    found = unit(planned(_spec(component="containerConcurrency: 3, ")), "transformer")
    assert _arguments(found) == [*MODEL_NAME, *HOST, *HTTP, ("--workers",), ("3",), *OUR_GRPC]
    found = unit(planned(_spec("[--workers_of_mine]", component="containerConcurrency: 3, ")), "transformer")
    assert ("--workers",) not in _arguments(found)


def test_the_rest_of_the_unit(planned: Planned, unit: Find) -> None:
    container = "env: [{name: A, value: b}, {name: INFERENCE_SERVICE_NAME, value: c}], ports: [{containerPort: 8090}], "
    service = planned(_spec("[--grpc_port=8099, $(A)]", container=container))
    found = unit(service, "transformer")
    assert found.environment == (("A", ("b",)), ("INFERENCE_SERVICE_NAME", ("iris",)))
    assert found.ports == (("http", 8090), ("grpc", 8099))
    assert found.needs == (Need("iris-predictor", Condition.READY),)
    assert found.probe == Probe("http", None)
    assert (found.image, found.folder) == ("my/transformer:1", "/sample/transformer")
    assert ("b",) in found.command
    assert service.route.rest == Endpoint("iris-transformer", "http")
    assert service.route.grpc == Endpoint("iris-transformer", "grpc")


def test_an_http_probe_of_ones_own_is_used(planned: Planned, unit: Find) -> None:
    container = "readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 5}, "
    assert unit(planned(_spec(container=container)), "transformer").probe == Probe("http", "/ready")


@pytest.mark.parametrize(
    ("args", "ports", "called", "told"),
    [
        ("[]", "", REST, ""),
        ("[--protocol, v2]", "", REST, ""),
        ("[--protocol, grpc-v2]", H2C, GRPC, ""),
        ("[--predictor_protocol=grpc-v2]", H2C, GRPC, ""),
        ("[--protocol=grpc-v2, --predictor_protocol=v2]", "", REST, ""),
        ("[]", H2C, REST, "calls REST, and on a cluster iris-predictor.default:80 would be the predictor's gRPC port"),
        (
            "[--predictor_protocol, grpc-v2]",
            "",
            GRPC,
            "calls gRPC, and on a cluster iris-predictor.default:80 would be",
        ),
    ],
)
def test_the_port_called_is_the_one_of_the_protocol_spoken(
    planned: Planned, unit: Find, args: str, ports: str, called: Endpoint, told: str
) -> None:
    service = planned(_spec(args, ports=ports))
    assert (called,) in unit(service, "transformer").command
    assert any("on a cluster" in notice for notice in service.notices) is bool(told)
    assert not told or any(told in notice for notice in service.notices)


def test_the_flag_that_kserve_ignores_is_told(planned: Planned) -> None:
    said = "--protocol grpc-v2 selects gRPC here; KServe's SDK ignores it and wants --predictor_protocol grpc-v2"
    assert said in planned(_spec("[--protocol, grpc-v2]", ports=H2C)).notices
    assert said not in planned(_spec("[--predictor_protocol, grpc-v2]", ports=H2C)).notices


def test_without_a_command_the_settings_say_what_runs(planned: Planned, unit: Find) -> None:
    spec = _spec().replace("command: [python, -m, own], ", "")
    service = planned(spec)
    assert unit(service, "transformer").command[:3] == (("python",), ("-m",), ("model",))
    assert "command: python -m model (isvc.yaml; the YAML has none)" in service.notices


def test_a_model_of_its_own_is_fetched_apart_from_the_predictors(planned: Planned, unit: Find) -> None:
    service = planned(_spec(container="env: [{name: STORAGE_URI, value: gs://bucket/labels}], "))
    assert [unit.name for unit in service.units] == [
        "iris-storage-initializer",
        "iris-transformer-storage-initializer",
        "iris-predictor",
        "iris-transformer",
    ]
    own = Directory("transformer-models")
    fetch, found = unit(service, "transformer-storage-initializer"), unit(service, "transformer")
    assert fetch.command == (("storage-init",), (Folder("/sample/bucket/labels"),), (own,))
    assert ("STORAGE_URI", (own,)) in found.environment
    assert found.mounts == (Mount(own, "/mnt/models"),)
    assert found.needs[0] == Need("iris-transformer-storage-initializer", Condition.COMPLETED)


@pytest.mark.parametrize(
    ("args", "container", "said"),
    [
        ("[--protocol, grpc-v3]", "", '.args: --protocol cannot be "grpc-v3"; write one of v1, v2, grpc-v2'),
        ("[]}, {image: sidecar", "", "containers[1].image: no folder is known for the image sidecar"),
        ("[]", "env: [{name: STORAGE_URI, value: ftp://x}], ", "env[0]: storageUri, must be one of"),
        ("[]", "env: [{name: STORAGE_URI}], ", "is not supported"),
    ],
)
def test_what_cannot_run_is_refused_with_its_place(planned: Planned, args: str, container: str, said: str) -> None:
    with pytest.raises(PlanError) as caught:
        planned(_spec(args, container=container))
    assert said in str(caught.value)
    assert str(caught.value).startswith("x.yaml:4: spec.transformer.containers[")


def test_an_unknown_image_is_refused_with_the_line_to_write(planned: Planned) -> None:
    with pytest.raises(PlanError, match=r"containers\[0\].image: no folder is known for the image other:1"):
        planned(_spec().replace("my/transformer:1", "other:1"))
