"""Being slow and failing on request.

The settings, and what they do to each inference. Seeded, and changeable while it runs.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from modelapi.errors import DeadlineExceeded, InferenceError, InvalidInput, ModelApiError, ServerNotReady

MAX_LATENCY_MS = 3_600_000.0

# What an injected error is raised as; modelapi's servers give each of them its REST and its gRPC status.
_ERRORS: dict[int, Callable[[str], ModelApiError]] = {
    500: InferenceError,
    503: ServerNotReady,
    504: DeadlineExceeded,
}


@dataclass(frozen=True)
class FaultSettings:
    """What happens to each inference: `latency_ms` plus or minus up to `jitter_ms`, an error with chance `error_rate`.

    `error_status` is the REST status of that error; gRPC answers with its sibling. `seed` starts the sequence of
    chances anew.
    Raises InvalidInput for values that make no sense.
    """

    latency_ms: float = 0.0
    jitter_ms: float = 0.0
    error_rate: float = 0.0
    error_status: int = 503
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("latency_ms", "jitter_ms"):
            if not 0 <= getattr(self, name) <= MAX_LATENCY_MS:
                raise InvalidInput(f"{name} must be between 0 and {MAX_LATENCY_MS:.0f}, got {getattr(self, name)}.")
        if not 0 <= self.error_rate <= 1:
            raise InvalidInput(f"error_rate must be between 0 and 1, got {self.error_rate}.")
        if self.error_status not in _ERRORS:
            raise InvalidInput(f"error_status must be one of {sorted(_ERRORS)}, got {self.error_status}.")

    @property
    def quiet(self) -> bool:
        """Nothing is injected."""
        return not (self.latency_ms or self.jitter_ms or self.error_rate)


def from_json(body: Any) -> FaultSettings:
    """Settings from a decoded JSON object; what it leaves out is as if there were no fault. Raises InvalidInput."""
    if not isinstance(body, Mapping):
        raise InvalidInput(f"expected a JSON object of {_names()}, got {type(body).__name__}.")
    unknown = sorted(set(body) - {field.name for field in fields(FaultSettings)})
    if unknown:
        raise InvalidInput(f"unknown field {unknown[0]!r}: it must be one of {_names()}.")
    for name, value in body.items():
        whole = name in ("error_status", "seed")
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            raise InvalidInput(f"{name} must be {'a whole number' if whole else 'a number'}, got {value!r}.")
    return FaultSettings(**body)


class Faults:
    """The settings in force, shared by every model of the server, and how often they struck."""

    def __init__(self, settings: FaultSettings, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._sleep = sleep
        self.change(settings)

    def change(self, settings: FaultSettings) -> None:
        """Put other settings in force; the sequence and the counts start anew. Requests under way keep the old ones."""
        self.settings = settings
        self._random = random.Random(settings.seed)  # noqa: S311  # reproducible on purpose, and no secret
        self._requests = self._errors = 0

    def report(self) -> dict[str, Any]:
        """The settings and the counts since they were set, as JSON."""
        return {**asdict(self.settings), "requests": self._requests, "errors": self._errors}

    async def strike(self, model: str) -> None:
        """Wait as long as this request is to be slow, then return or raise the error it is to fail with."""
        settings = self.settings
        self._requests += 1
        if settings.quiet:
            return
        # Both chances are drawn for every request, so that the n-th request fares the same whatever the other
        # setting is.
        jitter, chance = self._random.uniform(-1, 1), self._random.random()
        fails = chance < settings.error_rate
        self._errors += fails
        delay = max(0.0, settings.latency_ms + jitter * settings.jitter_ms) / 1000
        if delay:
            await self._sleep(delay)
        if fails:
            raise _ERRORS[settings.error_status](f"Injected error {settings.error_status} for model {model!r}.")


def _names() -> str:
    return ", ".join(field.name for field in fields(FaultSettings))
