"""What belongs to the task at hand: the caller's deadline; and `kserve.context`, the predictor's configuration for code
that runs without a ModelServer. (A ModelServer hands its configuration to its models itself.)
"""

import time
from contextvars import ContextVar

from modelapi.config import PredictorConfig

_predictor_config: ContextVar[PredictorConfig | None] = ContextVar("predictor_config", default=None)
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


def set_deadline(seconds: float | None) -> None:
    """The caller of this task waits so long and no longer; None: there is no telling."""
    _deadline.set(None if seconds is None else time.monotonic() + seconds)


def seconds_left(most: float) -> float:
    """How long this task may wait for something: `most`, or what is left to its caller."""
    deadline = _deadline.get()
    return most if deadline is None else min(most, deadline - time.monotonic())


def set_predictor_config(config: PredictorConfig | None) -> None:
    """Let models of this context that have no predictor of their own use this one."""
    _predictor_config.set(config)


def get_predictor_config() -> PredictorConfig | None:
    """What was set, or None."""
    return _predictor_config.get()
