"""What a component of a service comes to: the unit that answers for it, and those around it."""

from __future__ import annotations

from dataclasses import dataclass

from isvc.plan.units import Endpoint, Unit


@dataclass(frozen=True, slots=True)
class Planned:
    unit: Unit
    """The server that callers reach: of a collocated pair, the transformer."""
    model_name: str
    before: tuple[Unit, ...] = ()
    """What has to end before it starts: storage initializers, init containers."""
    beside: tuple[Unit, ...] = ()
    """The other containers of its pod."""
    notices: tuple[str, ...] = ()
    speaks_grpc_first: bool = False
    """Whether KServe sends port 80 of the component to a gRPC port."""
    part: str = ""
    """Of a predictor: `predictor`, or `<name>-predictor`."""
    agent: Unit | None = None
    """In front of `unit` for REST, where there is a logger or a batcher."""

    @property
    def units(self) -> tuple[Unit, ...]:
        return (*self.before, *self.beside, self.unit, *([self.agent] if self.agent else []))

    @property
    def rest(self) -> Endpoint:
        return Endpoint((self.agent or self.unit).name, "http")

    @property
    def grpc(self) -> Endpoint:
        return Endpoint(self.unit.name, "grpc")
