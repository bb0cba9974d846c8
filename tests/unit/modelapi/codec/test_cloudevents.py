"""CloudEvents: which requests are events, and what their answers say."""

import orjson
import pytest

from modelapi.codec import cloudevents
from modelapi.codec.cloudevents import Event, Settings

ATTRIBUTES = {"specversion": "1.0", "id": "1", "source": "here", "type": "ask"}


def test_headers_of_an_event_are_its_attributes() -> None:
    headers = {f"ce-{name}": value for name, value in ATTRIBUTES.items()}
    assert cloudevents.from_headers({**headers, "host": "h"}) == Event(ATTRIBUTES, structured=False)


@pytest.mark.parametrize("missing", ATTRIBUTES)
def test_an_event_needs_all_its_attributes(missing: str) -> None:
    there = {name: value for name, value in ATTRIBUTES.items() if name != missing}
    assert cloudevents.from_headers({f"ce-{name}": value for name, value in there.items()}) is None
    assert cloudevents.from_body({**there, "data": 1}, cloudevents.STRUCTURED_TYPE) == (None, {**there, "data": 1})


def test_the_settings_are_kserves_variables() -> None:
    assert cloudevents.settings({}) == Settings("io.kserve.inference.response", None, False)
    environ = {"CE_TYPE": "t", "CE_SOURCE": "s", "CE_MERGE": "true"}
    assert cloudevents.settings(environ) == Settings("t", "s", True)


def test_merging_keeps_the_requests_own_attributes() -> None:
    event = Event({**ATTRIBUTES, "tenant": "blue"}, structured=True)
    body, headers = cloudevents.answer({"a": 1}, event, "m", Settings("t", "s", merge=True))
    answer = orjson.loads(body)
    assert (answer["tenant"], answer["type"], answer["source"], answer["data"]) == ("blue", "t", "s", {"a": 1})
    assert answer["id"] != "1"
    assert headers == {"content-type": "application/cloudevents+json"}
