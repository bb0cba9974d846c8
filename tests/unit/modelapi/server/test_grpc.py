"""The gRPC edge's table; the wire itself is in the integration tests."""

import grpc
import pytest

from modelapi import errors
from modelapi.server.grpc import details_of, status_of


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidInput("x"), grpc.StatusCode.INVALID_ARGUMENT),
        (errors.ModelNotFound("m"), grpc.StatusCode.NOT_FOUND),
        (errors.ModelNotReady("m"), grpc.StatusCode.UNAVAILABLE),
        (errors.PredictorNotConfigured(), grpc.StatusCode.UNIMPLEMENTED),
        (NotImplementedError("x"), grpc.StatusCode.UNIMPLEMENTED),
        (errors.PredictorTimeout("x"), grpc.StatusCode.DEADLINE_EXCEEDED),
        (errors.PredictorRejected(429, "x"), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (errors.PredictorRejected(422, "x"), grpc.StatusCode.INVALID_ARGUMENT),
        (errors.Overloaded(1), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (KeyError("x"), grpc.StatusCode.INTERNAL),
    ],
)
def test_errors_have_the_status_that_they_mean(error: Exception, code: grpc.StatusCode) -> None:
    """KServe answers UNKNOWN for a model that is not ready and for what is not implemented."""
    assert status_of(error) is code


def test_details_are_a_sentence_of_bounded_length() -> None:
    assert details_of(KeyError("instances")) == "KeyError : 'instances'"
    assert len(details_of(errors.InvalidInput("x" * 100_000))) == 4096
