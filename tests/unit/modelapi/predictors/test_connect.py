"""The one switch on protocol, the headers that travel back, and what each wire loads. No sockets are opened."""

import subprocess
import sys

import pytest

from modelapi.config import PredictorConfig
from modelapi.errors import InvalidInput, PredictorNotConfigured
from modelapi.predictors import connect
from modelapi.predictors.grpc_v2 import GrpcV2Predictor
from modelapi.predictors.headers import forwarded, returned
from modelapi.predictors.rest_v1 import RestV1Predictor
from modelapi.predictors.rest_v2 import RestV2Predictor


@pytest.mark.parametrize(
    ("protocol", "kind"), [("v1", RestV1Predictor), ("v2", RestV2Predictor), ("grpc-v2", GrpcV2Predictor)]
)
def test_the_protocol_chooses_the_wire(protocol: str, kind: type) -> None:
    assert type(connect(PredictorConfig("predictor:80", protocol))) is kind


def test_equal_configurations_share_one_predictor_and_others_do_not() -> None:
    one = connect(PredictorConfig("a:80", "v2"))
    assert connect(PredictorConfig("a:80", "v2")) is one
    assert connect(PredictorConfig("b:80", "v2")) is not one
    assert connect(PredictorConfig("a:80", "v2", predictor_request_retries=1)) is not one


@pytest.mark.parametrize("protocol", ["v1", "v2", "grpc-v2"])
def test_a_host_that_is_none_is_refused_before_anything_is_sent(protocol: str) -> None:
    with pytest.raises(PredictorNotConfigured, match="without http://"):
        connect(PredictorConfig("http://predictor", protocol))


def test_headers_that_describe_the_predictors_own_answer_stay_behind() -> None:
    answer = {
        "Content-Type": "application/json",
        "Content-Encoding": "gzip",
        "Content-Length": "7",
        "Transfer-Encoding": "chunked",
        "Inference-Header-Content-Length": "5",
        "Connection": "close",
        "Date": "now",
        "Server": "uvicorn",
        "X-Model-Version": "3",
        "Server-Timing": "predict;dur=1",
    }
    assert returned(answer.items()) == {"x-model-version": "3", "server-timing": "predict;dur=1"}


def test_request_id_trace_and_authorization_travel_on_and_nothing_else() -> None:
    sent = {"x-request-id": "r", "authorization": "Bearer t", "tracestate": "a=b", "cookie": "c", "host": "h"}
    assert forwarded(sent) == {"x-request-id": "r", "authorization": "Bearer t", "tracestate": "a=b"}
    assert forwarded({}) == {}


@pytest.mark.parametrize("value", ["ü", "a\x01b", "a\nb: c", "\x7f"])
def test_a_header_that_no_wire_can_carry_is_the_callers_mistake(value: str) -> None:
    with pytest.raises(InvalidInput, match="x-request-id cannot go on"):
        forwarded({"x-request-id": value})


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("modelapi.predictors", ("aiohttp", "grpc", "httpx")),
        ("modelapi.predictors.rest_v1", ("grpc", "httpx")),
        ("modelapi.predictors.rest_v2", ("grpc", "httpx", "fastapi")),
        ("modelapi.predictors.grpc_v2", ("httpx", "fastapi")),
        ("modelapi.predictors.fake", ("aiohttp", "grpc", "httpx")),
    ],
)
def test_a_wire_loads_no_other_wires_client(module: str, absent: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print([name for name in {absent!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
