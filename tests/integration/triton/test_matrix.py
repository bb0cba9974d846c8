"""Every V2 datatype in every encoding, to a real Triton and back: what our predictors send, Triton understands."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http

from integration.servers import Server
from modelapi import InferInput, InferRequest, InferResponse, PredictorConfig
from modelapi.errors import ModelApiError
from modelapi.predictors import connect

VALUES: dict[str, Any] = {
    "BOOL": np.array([[True, False, True]]),
    **{
        f"INT{bits}": np.array([[-(2 ** (bits - 1)), 0, 2 ** (bits - 1) - 1]], f"int{bits}") for bits in (8, 16, 32, 64)
    },
    **{f"UINT{bits}": np.array([[0, 1, 2**bits - 1]], f"uint{bits}") for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": np.array([[-1.5, 0.1, 65504.0]], f"float{bits}") for bits in (16, 32, 64)},
    "BYTES": np.array([[b"", b"caf\xc3\xa9", b"a" * 1000]], dtype=object),
}
ENCODINGS = {"json": ("v2", "json"), "binary": ("v2", "binary"), "auto": ("v2", "auto"), "grpc": ("grpc-v2", "auto")}


async def send(server: Server, encoding: str, tensors: list[InferInput]) -> InferResponse:
    protocol, wire = ENCODINGS[encoding]
    address = server.address("grpc" if protocol == "grpc-v2" else "http")
    predictor = connect(PredictorConfig(address, protocol, encoding=wire))  # type: ignore[arg-type]  # one of them
    try:
        answer = await predictor.predict(InferRequest("identity", tensors), "identity", {})
    finally:
        await predictor.close()
    assert isinstance(answer, InferResponse)
    return answer


def tensor(datatype: str, values: Any) -> InferInput:
    made = InferInput(f"IN_{datatype}", list(values.shape), datatype)
    made.set_data_from_numpy(values)
    return made


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("datatype", [name for name in VALUES if name != "FP16"])
async def test_a_tensor_comes_back_as_it_was(triton: Server, datatype: str, encoding: str) -> None:
    answer = await send(triton, encoding, [tensor(datatype, VALUES[datatype])])
    (output,) = answer.outputs
    assert (output.name, output.datatype, list(output.shape)) == (f"OUT_{datatype}", datatype, [1, 3])
    same(output.as_numpy(), VALUES[datatype])


@pytest.mark.parametrize("encoding", ["binary", "auto", "grpc"])
async def test_halves_come_back_as_bytes(triton: Server, encoding: str) -> None:
    answer = await send(triton, encoding, [tensor("FP16", VALUES["FP16"])])
    same(answer.outputs[0].as_numpy(), VALUES["FP16"])


async def test_halves_in_json_are_refused_since_triton_has_no_form_for_them(triton: Server) -> None:
    with pytest.raises(ModelApiError, match="FP16"):
        await send(triton, "json", [tensor("FP16", VALUES["FP16"])])


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_several_tensors_and_empty_ones_travel_together(triton: Server, encoding: str) -> None:
    empty = np.zeros((0, 3), np.float32)
    names = ["INT64", "BYTES", "FP64"]
    sent = [tensor("FP32", empty), *(tensor(name, VALUES[name]) for name in names)]
    answer = await send(triton, encoding, sent)
    by_name = {output.name: output.as_numpy() for output in answer.outputs}
    assert by_name["OUT_FP32"].shape == (0, 3)
    for name in names:
        same(by_name[f"OUT_{name}"], VALUES[name])


@pytest.mark.parametrize("binary", [False, True], ids=["json", "binary"])
@pytest.mark.parametrize("datatype", VALUES)
def test_triton_s_own_rest_client_sees_the_same(triton: Server, datatype: str, binary: bool) -> None:
    if datatype == "FP16" and not binary:
        return  # the client itself has no form for it
    sent = triton_http.InferInput(f"IN_{datatype}", [1, 3], datatype)
    sent.set_data_from_numpy(VALUES[datatype], binary_data=binary)
    wanted = triton_http.InferRequestedOutput(f"OUT_{datatype}", binary_data=binary)
    with triton_http.InferenceServerClient(triton.address("http")) as client:
        answer = client.infer("identity", [sent], outputs=[wanted])
    same(answer.as_numpy(f"OUT_{datatype}"), VALUES[datatype])


@pytest.mark.parametrize("datatype", VALUES)
def test_triton_s_own_grpc_client_sees_the_same(triton: Server, datatype: str) -> None:
    sent = triton_grpc.InferInput(f"IN_{datatype}", [1, 3], datatype)
    sent.set_data_from_numpy(VALUES[datatype])
    with triton_grpc.InferenceServerClient(triton.address("grpc")) as client:
        answer = client.infer("identity", [sent])
    same(answer.as_numpy(f"OUT_{datatype}"), VALUES[datatype])


def same(got: Any, sent: Any) -> None:
    if sent.dtype != np.object_:
        np.testing.assert_array_equal(got, sent)
        return
    as_bytes = [item.encode() if isinstance(item, str) else item for item in got.ravel()]
    assert as_bytes == sent.ravel().tolist()
