"""One user for each way of asking an InferenceService: `locust -f loadtest/`, with or without the web page.

    locust -f loadtest/ --headless -u 8 -t 20s --host http://127.0.0.1:8080 --service-host ... --model ...

Each user sends one request after another over a connection of its own; bodies are made before the first one. What is
timed is the wire: from the first byte sent to the last one received. Answers are checked after that, and one without a
prediction counts as a failure. Modules of this folder without a leading `_` are taken for locustfiles by Locust.
"""

from __future__ import annotations

import _measure  # noqa: F401  # its listeners
import _payload
from _users import GrpcUser, RestUser


class V1Rest(RestUser):
    """V1 REST: the instances as JSON."""

    protocol = "V1 REST"
    form = staticmethod(_payload.v1)


class V2RestJson(RestUser):
    """V2 REST, JSON: the picture as base64 text in a BYTES tensor."""

    protocol = "V2 REST JSON"
    form = staticmethod(_payload.v2_json)


class V2RestBinary(RestUser):
    """V2 REST, binary-tensor extension: the picture's own bytes after a JSON header."""

    protocol = "V2 REST binary"
    form = staticmethod(_payload.v2_binary)


class V2Grpc(GrpcUser):
    """V2 gRPC: the picture's own bytes as raw input contents."""

    protocol = "V2 gRPC"
    form = staticmethod(_payload.v2_grpc)
