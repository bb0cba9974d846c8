"""`minReplicas`: a component's unit as many times as asked, requests spread over them by the ingress."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from isvc.manifest.documents import ComponentFields
from isvc.plan.component import Planned
from isvc.plan.units import Endpoint, Piece, Unit, Word

MOST = 16


def copies(planned: Planned, spec: ComponentFields) -> tuple[Unit, ...]:
    """The units beyond the first. Those of a pod with several containers are not copied."""
    count = min(spec.min_replicas or 1, MOST)
    if planned.unit.pod or planned.agent is not None:
        return ()
    return tuple(_copy(planned.unit, f"{planned.unit.name}-{number}") for number in range(2, count + 1))


def copy_notices(planned: Planned, spec: ComponentFields, path: str, *, behind: bool) -> Iterator[str]:
    """`behind` a transformer nobody spreads requests: it calls one address."""
    count = spec.min_replicas or 1
    if spec.min_replicas == 0:
        yield f"{path}.minReplicas: 0 is 1 here: nothing is scaled to zero"
    if count > MOST:
        yield f"{path}.minReplicas: {MOST} instances run here, not {count}"
    if count > 1 and (planned.unit.pod or planned.agent is not None):
        yield f"{path}.minReplicas is ignored: of several containers together one instance runs here"
    elif count > 1 and behind:
        yield f"{path}.minReplicas: the transformer calls the first instance; the ingress spreads its own requests"
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
