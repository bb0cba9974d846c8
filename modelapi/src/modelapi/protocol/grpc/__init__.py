"""`kserve.protocol.grpc`: the protobuf messages under the names of KServe's generated modules."""
