"""`kserve.protocol.grpc.grpc_predict_v2_pb2`: the messages, from the one copy of them that this process loads."""

from typing import Any

from modelapi.codec.v2_grpc import messages


def __getattr__(name: str) -> Any:
    return getattr(messages, name)
