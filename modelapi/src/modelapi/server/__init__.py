"""Being called: REST (FastAPI on uvicorn) and gRPC (grpcio), each a thin layer over the data plane."""
