"""Generated bad requests: whatever is sent to a model that reads its tensors, no answer is a 5xx."""

import random
from typing import Any

import orjson

COUNT = 3000
SEED = 20240601

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


async def statuses(client: Any, body: bytes, dice: random.Random, lengths: bool) -> dict[int, int]:
    counts: dict[int, int] = {}
    for _ in range(COUNT):
        headers = {"inference_header_content_length": str(len(HEAD) + dice.choice([0, 0, 0, -3, 5]))} if lengths else {}
        answer = await client.post("/v2/models/echo/infer", mutated(body, dice), **headers)
        assert answer.status < 500, answer.body
        if answer.status >= 400:
            assert list(answer.json()) == ["error"]
        counts[answer.status] = counts.get(answer.status, 0) + 1
    return counts


async def test_mutated_json_bodies_are_answered_or_refused(client: Any) -> None:
    counts = await statuses(client, GOOD, random.Random(SEED), lengths=False)
    assert counts[400] > COUNT / 2, counts


async def test_mutated_binary_bodies_are_answered_or_refused(client: Any) -> None:
    counts = await statuses(client, BINARY, random.Random(SEED), lengths=True)
    assert counts[400] > COUNT / 2, counts
