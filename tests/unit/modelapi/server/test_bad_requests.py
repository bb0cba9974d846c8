"""Generated bad requests: whatever is sent to a model that reads its tensors, no answer is a 5xx.

`MODELAPI_BAD_REQUESTS` says how many for each kind of body; the counts are printed.
"""

import os
import random
from typing import Any

import orjson
import pytest
from hypothesis import strategies as st

COUNT = int(os.environ.get("MODELAPI_BAD_REQUESTS", "3000"))
SEED = int(os.environ.get("MODELAPI_BAD_REQUESTS_SEED", "20240601"))

GOOD = orjson.dumps(
    {
        "id": "1",
        "parameters": {"binary_data_output": True},
        "inputs": [
            {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1.5, 2]},
            {"name": "s", "shape": [1], "datatype": "BYTES", "data": ["text"]},
        ],
        "outputs": [{"name": "x", "parameters": {"binary_data": False}}],
    }
)
HEAD = orjson.dumps(
    {
        "inputs": [
            {"name": "x", "shape": [2], "datatype": "INT16", "parameters": {"binary_data_size": 4}},
            {"name": "s", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": 6}},
        ]
    }
)
BINARY = HEAD + b"\1\0\2\0" + b"\2\0\0\0ab"
WORDS = [
    b"null",
    b"-1",
    b"1e400",
    b"[]",
    b"{}",
    b'"x"',
    b"true",
    b"99999999999999999999",
    b"BF16",
    b"FP16",
    b"[[[",
    b"0.5",
]


def mutated(body: bytes, dice: random.Random) -> bytes:
    """The body with a few bytes changed, a word put in, or its end cut off."""
    changed = bytearray(body)
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(changed))
        match dice.randrange(4):
            case 0:
                changed[at] = dice.randrange(256)
            case 1:
                changed[at : at + dice.randint(1, 4)] = dice.choice(WORDS)
            case 2:
                del changed[at : at + dice.randint(1, 20)]
            case _:
                changed[at:at] = dice.choice(WORDS)
        changed = changed or bytearray(b"x")
    return bytes(changed)


V1_GOOD = orjson.dumps({"instances": [{"image": {"b64": "aGVsbG8="}}, [1, 2.5, None, "x"]], "signature_name": "s"})
CLOUD_EVENT = orjson.dumps(
    {
        "specversion": "1.0",
        "id": "1",
        "source": "s",
        "type": "t",
        "time": "2024-01-01T00:00:00Z",
        "data": {"instances": []},
    }
)
TYPES = ["application/json", "application/octet-stream", "application/cloudevents+json", "text/plain; charset=x", ""]
PATHS = {"v2": "/v2/models/echo/infer", "v1": "/v1/models/patient:predict", "explain": "/v1/models/patient:explain"}


async def send(client: Any, path: str, body: bytes, headers: dict[str, str]) -> int:
    answer = await client.post(path, body, **headers)
    assert answer.status < 500, (answer.status, answer.body, body, headers)
    if answer.status >= 400:
        assert list(answer.json()) == ["error"]
    status: int = answer.status
    return status


def tell(capsys: pytest.CaptureFixture[str], what: str, counts: dict[int, int]) -> None:
    with capsys.disabled():
        print(f"\n{what}: {sum(counts.values())} requests, by status {dict(sorted(counts.items()))}, seed {SEED}")  # noqa: T201 -- the counts are the point


@pytest.mark.parametrize("kind", ["json", "binary", "v1", "event"])
async def test_mutated_bodies_are_answered_or_refused(
    client: Any, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    dice = random.Random(SEED)
    body = {"json": GOOD, "binary": BINARY, "v1": V1_GOOD, "event": CLOUD_EVENT}[kind]
    counts: dict[int, int] = {}
    for _ in range(COUNT):
        headers = {}
        if kind == "binary":
            headers["inference_header_content_length"] = str(len(HEAD) + dice.choice([0, 0, 0, -3, 5]))
        elif kind != "json":
            headers["content_type"] = dice.choice(TYPES)
        path = PATHS["v2"] if kind in ("json", "binary") else PATHS[dice.choice(["v1", "explain"])]
        status = await send(client, path, mutated(body, dice), headers)
        counts[status] = counts.get(status, 0) + 1
    tell(capsys, f"mutated {kind} bodies", counts)
    assert counts.get(400, 0) > COUNT / (2 if kind in ("json", "binary") else 10), counts


NUMBERS = st.one_of(st.integers(), st.floats(), st.booleans(), st.none(), st.text(max_size=8))
ANYTHING = st.recursive(
    NUMBERS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner)
)
DATATYPES = st.sampled_from(
    ["BOOL", "UINT8", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", "BYTES", "BF16", "fp32"]
)
TENSORS = st.fixed_dictionaries(
    {"name": st.text(max_size=5) | ANYTHING, "datatype": DATATYPES | ANYTHING, "shape": st.lists(st.integers(-1, 5))},
    optional={
        "data": st.lists(NUMBERS, max_size=6) | ANYTHING,
        "parameters": st.fixed_dictionaries({}, optional={"binary_data_size": st.integers(-2, 40), "x": NUMBERS}),
    },
)
REQUESTS = st.fixed_dictionaries(
    {"inputs": st.lists(TENSORS, max_size=3) | ANYTHING},
    optional={
        "id": ANYTHING,
        "parameters": st.fixed_dictionaries({}, optional={"binary_data_output": st.booleans() | NUMBERS}) | ANYTHING,
        "outputs": st.lists(st.fixed_dictionaries({"name": st.text(max_size=5)}, optional={"parameters": ANYTHING})),
    },
)


async def test_generated_requests_are_answered_or_refused(client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Hypothesis makes the requests, ten thousand shapes of wrong; they are drawn in bulk, for it to be quick."""
    counts: dict[int, int] = {}
    dice = random.Random(SEED)
    pool = drawn(REQUESTS, min(COUNT, 1000))
    for number in range(COUNT):
        request = pool[number % len(pool)]
        head = orjson.dumps(request, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS, default=str)
        headers, tail = {}, b""
        if number % 2:
            headers["inference_header_content_length"] = str(len(head))
            tail = dice.randbytes(dice.randint(0, 24))
        status = await send(client, PATHS["v2"], head + tail, headers)
        counts[status] = counts.get(status, 0) + 1
    tell(capsys, "generated requests", counts)


def drawn(strategy: Any, count: int) -> list[Any]:
    """So many values of a strategy, as far as JSON has a form for them."""
    from hypothesis import HealthCheck, Phase, given, seed, settings

    found: list[Any] = []

    @seed(SEED)
    @settings(max_examples=count, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(value: Any) -> None:
        try:
            orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
        except (TypeError, ValueError):  # integers beyond 64 bits, lone surrogates
            return
        found.append(value)

    collect()
    return found
