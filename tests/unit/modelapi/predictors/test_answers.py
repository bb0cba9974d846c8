"""What an answer that is no success means."""

import orjson
import pytest

from modelapi.errors import PredictorFailed, PredictorRejected, PredictorTimeout, PredictorUnavailable
from modelapi.predictors.answers import error_of, message_of, named, plain


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":"no such model"}', "no such model"),
        (b'{"detail":"Not Found"}', "Not Found"),
        (b'{"detail":[{"loc":["body"],"msg":"Field required"},"too long"]}', "body: Field required; too long"),
        (b'{"code":503,"type":"ServiceUnavailable","message":"no worker"}', "no worker"),
        (b'{"error":{"message":"nested"}}', "nested"),
        (b'{"error":""}', ""),
        (b'{"error":null}', ""),
        (b'{"error":null,"message":"second"}', "second"),
        (b'{"other":1}', ""),
        (b"null", ""),
        (b"42", ""),
        (b'"text"', "text"),
        (b"upstream connect error\n", "upstream connect error"),
        (b"<html><body>502</body></html>", ""),
        (b"", ""),
        (b"None", ""),
        (b'{"error":"None"}', ""),
        (b"\xff\xfe\x00", ""),
    ],
)
def test_the_message_is_the_sentence_in_the_body(body: bytes, message: str) -> None:
    assert message_of(body) == message


def test_of_a_traceback_only_the_last_line_is_kept() -> None:
    trace = 'Traceback (most recent call last):\n  File "/app/secret.py", line 1, in f\n    g()\nValueError: bad\n'
    assert message_of(orjson.dumps({"error": trace})) == "ValueError: bad"
    assert plain(trace) == "ValueError: bad"


def test_a_long_message_is_cut_and_lines_are_joined() -> None:
    assert plain("a\n  b\tc") == "a b c"
    assert len(plain("x" * 10_000)) == 503


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, PredictorFailed),
        (400, PredictorRejected),
        (404, PredictorRejected),
        (429, PredictorRejected),
        (499, PredictorRejected),
        (500, PredictorFailed),
        (501, PredictorFailed),
        (502, PredictorFailed),
        (503, PredictorUnavailable),
        (504, PredictorTimeout),
        (599, PredictorFailed),
    ],
)
@pytest.mark.parametrize("body", [b"", b'{"error":"why"}', b'{"error":null}', b"None"])
def test_every_status_has_its_error_and_a_sentence(status: int, kind: type[Exception], body: bytes) -> None:
    error = error_of(status, body, "predictor:80")
    assert type(error) is kind
    assert str(error)
    assert "None" not in str(error)
    if b"why" in body:
        assert "why" in str(error)


def test_a_rejection_keeps_the_status_and_the_words_of_the_predictor() -> None:
    error = error_of(429, b'{"error":"slow down"}', "predictor:80")
    assert isinstance(error, PredictorRejected)
    assert (error.status, str(error)) == (429, "slow down")


def test_a_status_without_a_name_is_its_number() -> None:
    assert named(404) == "404 Not Found"
    assert named(599) == "599"
