"""A predictor for tests: it answers from a script and keeps what it was asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Call:
    """One question to the predictor."""

    verb: str
    payload: Any
    model_name: str
    headers: dict[str, str]


class FakePredictor:
    """Answers from a script, in order; its last line answers every further call.

        predictor = FakePredictor(PredictorUnavailable("down"), {"predictions": [2]})

    Args:
        script: each an answer (a dict, an InferResponse), an exception to raise, or a function of the payload.
        is_ready: what `ready` says.
        response_headers: what the answers' headers are.
    """

    def __init__(self, *script: Any, is_ready: bool = True, response_headers: Mapping[str, str] | None = None) -> None:
        if not script:
            raise ValueError("FakePredictor needs at least one answer.")
        self._script = list(script)
        self._response_headers = dict(response_headers or {})
        self.is_ready = is_ready
        self.calls: list[Call] = []
        self.closed = False

    async def predict(
        self,
        payload: Any,
        model_name: str,
        headers: Mapping[str, str],
        response_headers: dict[str, str] | None = None,
    ) -> Any:
        """The script's next answer."""
        if response_headers is not None:
            response_headers.update(self._response_headers)
        return self._next(Call("predict", payload, model_name, dict(headers)))

    async def explain(self, payload: Any, model_name: str, headers: Mapping[str, str]) -> Any:
        """The script's next answer."""
        return self._next(Call("explain", payload, model_name, dict(headers)))

    async def ready(self, model_name: str) -> bool:
        return self.is_ready

    async def close(self) -> None:
        self.closed = True

    def _next(self, call: Call) -> Any:
        self.calls.append(call)
        line: Any = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if isinstance(line, BaseException):
            raise line
        answer: Callable[[Any], Any] | None = line if callable(line) else None
        return answer(call.payload) if answer else line
