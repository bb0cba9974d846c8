"""`kserve.protocol.grpc.grpc_predict_v2_pb2_grpc`: the stub and the servicer."""

from tritonclient.grpc.service_pb2_grpc import (
    GRPCInferenceService,
    GRPCInferenceServiceServicer,
    GRPCInferenceServiceStub,
    add_GRPCInferenceServiceServicer_to_server,
)

__all__ = [
    "GRPCInferenceService",
    "GRPCInferenceServiceServicer",
    "GRPCInferenceServiceStub",
    "add_GRPCInferenceServiceServicer_to_server",
]
