"""Which headers travel: from the caller on to the predictor, and from the predictor's answer back to the model."""

from collections.abc import Iterable, Mapping

from modelapi.errors import InvalidInput
from modelapi.model import append_forwardable_headers

JSON_LENGTH = "inference-header-content-length"  # of a V2 REST body: where its JSON ends and raw tensors begin

# They describe the predictor's body or connection, and would be wrong on any other.
_OF_THIS_ANSWER = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "date",
        JSON_LENGTH,
        "keep-alive",
        "server",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def forwarded(headers: Mapping[str, str] | None) -> dict[str, str]:
    """The caller's headers that the predictor is sent: request id, trace, authorization.

    Raises:
        InvalidInput: one of them holds what gRPC's metadata cannot carry; on every wire, so that none is a surprise.
    """
    found = append_forwardable_headers(headers)
    for name, value in found.items():
        if not (value.isascii() and value.isprintable()):
            raise InvalidInput(f"The header {name} cannot go on to the predictor: only printable ASCII can.")
    return found


def returned(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The predictor's headers that a model may hand to its own caller, with lower-case keys."""
    lower = ((name.lower(), value) for name, value in headers)
    return {name: value for name, value in lower if name not in _OF_THIS_ANSWER}
