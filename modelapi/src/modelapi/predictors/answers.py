"""What an answer that is no success means, as an error of `modelapi.errors`.

| the predictor                                | here                 |
| -------------------------------------------- | -------------------- |
| 4xx, and gRPC's siblings of them             | PredictorRejected, with the predictor's own message |
| 503, UNAVAILABLE, no connection, cut off     | PredictorUnavailable |
| 504, DEADLINE_EXCEEDED, no answer in time    | PredictorTimeout     |
| any other 5xx, 3xx, other gRPC codes, a body that is no answer | PredictorFailed |
"""

from http import HTTPStatus
from typing import Any

import orjson

from modelapi.errors import PredictorError, PredictorFailed, PredictorRejected, PredictorTimeout, PredictorUnavailable

RETRYABLE_STATUSES = frozenset({502, 503, 504})

_LONGEST_MESSAGE = 500
_TRACEBACK = "Traceback (most recent call last)"


def error_of(status: int, body: bytes, address: str) -> PredictorError:
    """The error that an answer with this HTTP status, which is not 2xx, stands for."""
    message = message_of(body)
    if 400 <= status < 500:
        return PredictorRejected(status, message or f"The predictor at {address} answered {named(status)}.")
    said = f": {message}" if message else "."
    if status == 503:
        return PredictorUnavailable(f"The predictor at {address} is not available{said}")
    if status == 504:
        return PredictorTimeout(f"The predictor at {address} got no answer in time{said}")
    return PredictorFailed(f"The predictor at {address} answered {named(status)}{said}")


def named(status: int) -> str:
    """`500 Internal Server Error`; the number alone if the status has no name."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def message_of(body: bytes) -> str:
    """The sentence in an error body, or "": `error`, `detail` or `message` of a JSON object, else the text."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return plain(body.decode(errors="replace"))
    return plain(_sentence(value))


def plain(text: str) -> str:
    """The text as one short line: no page of HTML, nothing binary, and of a traceback only its last line."""
    stripped = text.strip()
    if stripped.startswith("<") or "\ufffd" in stripped or stripped in ("None", "null"):
        return ""
    if _TRACEBACK in stripped:
        stripped = stripped.splitlines()[-1]
    line = " ".join(stripped.split())
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[:_LONGEST_MESSAGE]}..."


def _sentence(value: Any) -> str:
    """KServe and Triton say `error`, FastAPI `detail` (a sentence or a list of findings), TorchServe `message`."""
    match value:
        case str():
            return value
        case {"loc": [*place], "msg": str(finding)}:
            return f"{'.'.join(map(str, place))}: {finding}"
        case dict():
            return next(filter(None, (_sentence(value.get(key)) for key in ("error", "detail", "message"))), "")
        case list():
            return "; ".join(filter(None, map(_sentence, value)))
        case _:
            return ""
