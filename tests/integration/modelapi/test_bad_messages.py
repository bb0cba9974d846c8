"""Mutated and truncated protobufs over real gRPC: no INTERNAL, no UNKNOWN, no hang; the server answers on."""

import asyncio
import os
import random
from collections import Counter
from typing import Any

import grpc
import numpy as np
import pytest

from modelapi import InferInput, InferOutput, InferRequest, InferResponse, Model, ModelRepository
from modelapi.config import ServerConfig
from modelapi.dataplane import DataPlane
from modelapi.server.run import Servers

COUNT = int(os.environ.get("MODELAPI_BAD_REQUESTS", "3000"))
SEED = int(os.environ.get("MODELAPI_BAD_REQUESTS_SEED", "20240601"))
AT_ONCE = 16
SECONDS = 10.0


class Echo(Model):
    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        outputs = [InferOutput(t.name, t.shape, t.datatype, t.as_numpy()) for t in payload.inputs]
        return InferResponse(payload.id, self.name, outputs)


def good_messages() -> list[bytes]:
    raw = InferInput("x", [2, 3], "FP32")
    raw.set_data_from_numpy(np.ones((2, 3), np.float32))
    text = InferInput("s", [2], "BYTES")
    text.set_data_from_numpy(np.array([b"a", b"bc"], object))
    message = InferRequest("echo", [raw, text], request_id="7", parameters={"p": 1, "q": "x", "r": True}).to_grpc()
    typed = type(message)(model_name="echo")
    tensor = typed.inputs.add(name="x", datatype="INT32", shape=[3])
    tensor.contents.int_contents.extend([1, 2, 3])
    typed.outputs.add(name="x")
    return [message.SerializeToString(), typed.SerializeToString()]


def mutated(body: bytes, dice: random.Random) -> bytes:
    changed = bytearray(body)
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(changed))
        match dice.randrange(4):
            case 0:
                changed[at] = dice.randrange(256)
            case 1:
                del changed[at : at + dice.randint(1, 8)]
            case 2:
                changed[at:at] = dice.randbytes(dice.randint(1, 8))
            case _:
                del changed[at:]
        changed = changed or bytearray(b"\0")
    return bytes(changed)


async def test_mutated_messages_are_answered_or_refused(capsys: pytest.CaptureFixture[str]) -> None:
    repository = ModelRepository()
    echo = Echo("echo")
    echo.load()
    repository.update(echo)
    servers = Servers(ServerConfig(http_port=0, grpc_port=0), DataPlane(repository))
    await servers.start()
    dice, counts = random.Random(SEED), Counter[str]()
    bodies = good_messages()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{servers.grpc_port}") as channel:
        infer = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")

        async def ask(body: bytes) -> None:
            try:
                await infer(body, timeout=SECONDS)
                counts["OK"] += 1
            except grpc.aio.AioRpcError as exc:
                counts[exc.code().name] += 1

        for start in range(0, COUNT, AT_ONCE):
            batch = (mutated(dice.choice(bodies), dice) for _ in range(min(AT_ONCE, COUNT - start)))
            await asyncio.gather(*map(ask, batch))
        assert await infer(bodies[0], timeout=SECONDS)
    await servers.stop(1)
    with capsys.disabled():
        print(f"\nmutated gRPC messages: {counts.total()} requests, by status {dict(counts)}, seed {SEED}")  # noqa: T201 -- the counts are the point
    assert set(counts) <= {"OK", "INVALID_ARGUMENT", "NOT_FOUND"}
    assert counts["INVALID_ARGUMENT"] > COUNT / 4
