"""`minReplicas`: a component's unit as many times as asked.

The ingress spreads its requests over them; a transformer calls one address behind which they all are, as it would call
the Service of its predictor.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from isvc.manifest.documents import ComponentFields
from isvc.plan.component import Planned
from isvc.plan.units import Component, Condition, Endpoint, Need, Piece, Port, Probe, Unit, Word

MOST = 16


def copies(planned: Planned, spec: ComponentFields) -> tuple[Unit, ...]:
    """The units beyond the first. Those of a pod with several containers are not copied."""
    count = min(spec.min_replicas or 1, MOST)
    if planned.unit.pod or planned.agent is not None:
        return ()
    return tuple(_copy(planned.unit, f"{planned.unit.name}-{number}") for number in range(2, count + 1))


def cluster_address(planned: Planned, others: Sequence[Unit]) -> Unit:
    """The address of all instances, a connection to the next of them each time."""
    names = [planned.unit.name, *(unit.name for unit in others)]
    instances = [((f"--{port}",), (Endpoint(name, port),)) for name in names for port in ("http", "grpc")]
    return Unit(
        name=f"{planned.unit.name}-service",
        component=Component.SERVICE,
        command=(
            *(("kserve-agent",), ("balance",), ("--http_port",), (Port("http"),), ("--grpc_port",), (Port("grpc"),)),
            *(word for pair in instances for word in pair),
        ),
        ports=(("http", 8080), ("grpc", 9000)),
        needs=tuple(Need(name, Condition.READY) for name in names),
        probe=Probe("http"),
    )


def copy_notices(planned: Planned, spec: ComponentFields, path: str, *, behind: bool) -> Iterator[str]:
    """`behind` a transformer connections are spread, not requests."""
    count = spec.min_replicas or 1
    if spec.min_replicas == 0:
        yield f"{path}.minReplicas: 0 is 1 here: nothing is scaled to zero"
    if count > MOST:
        yield f"{path}.minReplicas: {MOST} instances run here, not {count}"
    if count > 1 and (planned.unit.pod or planned.agent is not None):
        yield f"{path}.minReplicas is ignored: of several containers together one instance runs here"
    elif count > 1 and behind:
        yield f"{path}.minReplicas: each connection of the transformer goes to the next instance, as by a ClusterIP"
    for name, value in (("maxReplicas", spec.max_replicas), ("scaleTarget", spec.scale_target)):
        if value is not None:
            yield f"{path}.{name} is ignored: nothing scales here; KServe on Kubernetes is the engine that does"
    if spec.scale_metric is not None:
        yield f"{path}.scaleMetric is ignored: nothing scales here; KServe on Kubernetes is the engine that does"


def _copy(unit: Unit, name: str) -> Unit:
    def renamed(piece: Piece) -> Piece:
        return Endpoint(name, piece.port) if isinstance(piece, Endpoint) and piece.unit == unit.name else piece

    def word(word: Word) -> Word:
        return tuple(renamed(piece) for piece in word)

    return replace(
        unit,
        name=name,
        command=tuple(map(word, unit.command)),
        environment=tuple((key, word(value)) for key, value in unit.environment),
    )
