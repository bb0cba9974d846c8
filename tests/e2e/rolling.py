"""The example services in two versions, and callers that never stop: what a rolling update needs to be seen."""

from __future__ import annotations

import http.client
import json
import shutil
import threading
import time
import zipfile
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import tritonclient.grpc as triton_grpc

from e2e.stack import CIFAR10, INPUTS, MNIST, ROOT, YAMLS, Stack, picture

MODELS = {MNIST: "mnist", CIFAR10: "cifar10"}
_ADDRESSES = {MNIST: "models/torchserve/image_classifier/v1", CIFAR10: "models/torchscript"}
_PAUSE = 0.005
"""Seconds between two requests of one caller: the machine is shared."""
_PATIENCE = 60.0


def write_versions(folder: Path) -> Path:
    """Below `folder`: the examples' YAMLs with their own models as v1/, with models that say the opposite as v2/."""
    for version, model in (("v1", shutil.copy), ("v2", _opposite)):
        for name, address in _ADDRESSES.items():
            shutil.copytree(ROOT / "models/bucket" / address, folder / "bucket" / version / name, copy_function=model)
            there = folder / version / name
            there.mkdir(parents=True)
            text = (
                YAMLS[name].read_text().replace(f"gs://kfserving-examples/{address}", f"gs://rolled/{version}/{name}")
            )
            (there / "service.yaml").write_text(text)
            shutil.copy(INPUTS[name], there / "input.json")
    settings = {"storage": {"gs://rolled/": "bucket/"}, "images": {"kserve/image-transformer": f"{ROOT}/transformer/"}}
    (folder / "isvc.yaml").write_text(json.dumps(settings))
    return folder


def files(folder: Path, version: str) -> list[Path]:
    return [folder / version / name / "service.yaml" for name in MODELS]


def _opposite(source: str, target: str) -> str:
    """A copy in which every score has changed its sign."""
    if source.endswith(".onnx"):
        Path(target).write_bytes(_negated(Path(source).read_bytes()))
    elif source.endswith(".mar"):
        with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
            for name in old.namelist():
                data = old.read(name)
                new.writestr(name, _negated(data) if name.endswith(".onnx") else data)
    else:
        shutil.copy(source, target)
    return target


def _negated(model: bytes) -> bytes:
    loaded = onnx.load_from_string(model)
    [output] = loaded.graph.output
    for node in loaded.graph.node:
        node.output[:] = ["scores" if name == output.name else name for name in node.output]
    loaded.graph.node.append(onnx.helper.make_node("Neg", ["scores"], [output.name]))
    return loaded.SerializeToString()


@dataclass
class Caller:
    """Asks the same again and again, over one connection; `ask` gives the answer, or raises."""

    what: str
    ask: Callable[[], int]
    answers: list[int] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def run(self, done: threading.Event) -> None:
        while not done.wait(_PAUSE):
            try:
                self.answers.append(self.ask())
            except Exception as exc:  # noqa: BLE001 - whatever goes wrong, the caller has lost a request
                self.failures.append(f"{self.what}, after {len(self.answers)} answers: {type(exc).__name__} {exc}")

    @property
    def told(self) -> list[int]:
        """The answers, each time that they changed."""
        return [now for before, now in zip([None, *self.answers], self.answers, strict=False) if now != before]


@contextmanager
def calling(stack: Stack, names: Collection[str] = tuple(MODELS)) -> Iterator[list[Caller]]:
    """Services asked over REST and gRPC, each by a caller of its own, for as long as this is entered."""
    done = threading.Event()
    with closing(_Clients(stack)) as clients:
        callers = [Caller(f"{name} over {wire}", ask) for name, wire, ask in clients.asks(names)]
        threads = [threading.Thread(target=caller.run, args=(done,)) for caller in callers]
        for thread in threads:
            thread.start()
        try:
            yield callers
        finally:
            done.set()
            for thread in threads:
                thread.join(_PATIENCE)


class _Clients:
    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._open: list[http.client.HTTPConnection | triton_grpc.InferenceServerClient] = []

    def asks(self, names: Collection[str]) -> Iterator[tuple[str, str, Callable[[], int]]]:
        for name in names:
            yield name, "REST", self._rest(name)
            yield name, "gRPC", self._grpc(name)

    def close(self) -> None:
        for client in self._open:
            client.close()

    def _rest(self, name: str) -> Callable[[], int]:
        connection = http.client.HTTPConnection(self._stack.address(name), timeout=_PATIENCE)
        self._open.append(connection)
        body, headers = INPUTS[name].read_bytes(), {"Host": self._stack.host(name)}

        def ask() -> int:
            connection.request("POST", f"/v1/models/{MODELS[name]}:predict", body, headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise AssertionError(f"{answer.status} {text[:200]!r}")
            return _choice(np.asarray(json.loads(text)["predictions"]))

        return ask

    def _grpc(self, name: str) -> Callable[[], int]:
        authority = [("grpc.default_authority", self._stack.host(name))]
        client = triton_grpc.InferenceServerClient(self._stack.address(name), channel_args=authority)
        self._open.append(client)
        tensor = triton_grpc.InferInput("INPUT__0", [1], "BYTES")
        tensor.set_data_from_numpy(np.array([picture(name)], dtype=object))

        def ask() -> int:
            result = client.infer(MODELS[name], [tensor], client_timeout=_PATIENCE)
            [output] = result.get_response().outputs
            return _choice(result.as_numpy(output.name))

        return ask


def _choice(values: np.ndarray) -> int:
    """The digit, or the class with the highest score."""
    return int(values.ravel()[0]) if values.size == 1 else int(values.argmax())


def more_answers(callers: list[Caller], count: int = 20) -> None:
    """Wait until each caller has had so many answers more."""
    wanted = [len(caller.answers) + count for caller in callers]
    deadline = time.monotonic() + _PATIENCE
    while any(len(caller.answers) < goal for caller, goal in zip(callers, wanted, strict=True)):
        assert time.monotonic() < deadline, [caller.failures[-3:] for caller in callers]
        time.sleep(0.02)
