"""`kserve.predictor_config`: PredictorConfig under the name of KServe's module."""

from modelapi.config import PredictorConfig

__all__ = ["PredictorConfig"]
