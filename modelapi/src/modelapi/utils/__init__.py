"""`kserve.utils`: KServe's name for what `modelapi.utils.utils` has."""

from modelapi.utils.utils import (
    cpu_count,
    generate_uuid,
    get_predict_input,
    get_predict_response,
    is_v1,
    is_v2,
    strtobool,
    to_headers,
)

__all__ = [
    "cpu_count",
    "generate_uuid",
    "get_predict_input",
    "get_predict_response",
    "is_v1",
    "is_v2",
    "strtobool",
    "to_headers",
]
