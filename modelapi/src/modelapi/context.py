"""`kserve.context`: the predictor's configuration for code that runs without a ModelServer.

A ModelServer hands its configuration to its models itself, and needs nothing of this.
"""

from contextvars import ContextVar

from modelapi.config import PredictorConfig

_predictor_config: ContextVar[PredictorConfig | None] = ContextVar("predictor_config", default=None)


def set_predictor_config(config: PredictorConfig | None) -> None:
    """Let models of this context that have no predictor of their own use this one."""
    _predictor_config.set(config)


def get_predictor_config() -> PredictorConfig | None:
    """What was set, or None."""
    return _predictor_config.get()
