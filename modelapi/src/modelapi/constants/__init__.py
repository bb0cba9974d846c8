"""`kserve.constants`: see `modelapi.constants.constants`."""

from modelapi.constants.constants import INFERENCE_CONTENT_LENGTH_HEADER, PredictorProtocol

__all__ = ["INFERENCE_CONTENT_LENGTH_HEADER", "PredictorProtocol"]
