"""The error tree: names and built-in bases that users' except clauses rely on."""

import pytest

from modelapi import errors


def test_the_names_of_kserve_are_here() -> None:
    for name in (
        "InferenceError",
        "InvalidInput",
        "ModelMissingError",
        "ModelNotFound",
        "ModelNotReady",
        "NoModelReady",
        "ServerNotLive",
        "ServerNotReady",
        "UnsupportedProtocol",
        "WorkersShouldBeLessThanMaxWorkersError",
    ):
        assert issubclass(getattr(errors, name), errors.ModelApiError)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (errors.InvalidInput("bad"), "bad"),
        (errors.ModelNotFound("m"), "Model with name m does not exist."),
        (errors.ModelNotReady("m"), "Model with name m is not ready."),
        (errors.ModelNotReady("m", "why"), "Model with name m is not ready. why"),
        (errors.InferenceError("bad"), "bad"),
        (errors.InferenceError("bad", "E7"), "[E7] bad"),
        (errors.PredictorNotConfigured(), "Could not find predictor_host."),
        (errors.ServerNotReady(), "Server is not ready."),
        (errors.ServerNotReady(detail="why"), "Server is not ready. why"),
        (errors.ServerNotLive(), "Server is not live."),
        (errors.PredictorRejected(429, "slow down"), "slow down"),
    ],
)
def test_the_text_is_what_a_caller_reads(error: errors.ModelApiError, text: str) -> None:
    assert str(error) == text


def test_built_in_bases_are_kept() -> None:
    assert issubclass(errors.InvalidInput, ValueError)
    assert issubclass(errors.InferenceError, RuntimeError)
    assert issubclass(errors.PredictorNotConfigured, NotImplementedError)
    assert issubclass(errors.PredictorTimeout, TimeoutError)
