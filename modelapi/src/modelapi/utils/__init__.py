"""`kserve.utils`: KServe's name for what `modelapi.utils.utils` has."""

from modelapi.utils.utils import (
    cpu_count,
    create_response_cloudevent,
    generate_uuid,
    get_current_k8s_namespace,
    get_default_target_namespace,
    get_ig_namespace,
    get_isvc_namespace,
    get_predict_input,
    get_predict_response,
    is_running_in_k8s,
    is_structured_cloudevent,
    is_v1,
    is_v2,
    strtobool,
    to_headers,
)

__all__ = [
    "cpu_count",
    "create_response_cloudevent",
    "generate_uuid",
    "get_current_k8s_namespace",
    "get_default_target_namespace",
    "get_ig_namespace",
    "get_isvc_namespace",
    "get_predict_input",
    "get_predict_response",
    "is_running_in_k8s",
    "is_structured_cloudevent",
    "is_v1",
    "is_v2",
    "strtobool",
    "to_headers",
]
