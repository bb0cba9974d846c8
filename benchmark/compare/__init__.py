"""V1 JSON, V2 JSON, V2 binary and gRPC side by side, on both hops: `python -m benchmark.compare`."""
