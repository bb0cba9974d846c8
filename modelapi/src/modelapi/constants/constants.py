"""`kserve.constants.constants`, as far as transformers use it. Those of KServe's Kubernetes client are not here."""

from modelapi.config import PredictorProtocol

INFERENCE_CONTENT_LENGTH_HEADER = "inference-header-content-length"

__all__ = ["INFERENCE_CONTENT_LENGTH_HEADER", "PredictorProtocol"]
