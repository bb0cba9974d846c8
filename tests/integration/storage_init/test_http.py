"""storage-init as a process, against a real HTTP server."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import tarfile
from pathlib import Path

import pytest

from .conftest import Start, Store, finish, tree, wait_for


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_archive_is_fetched_unpacked_and_not_fetched_again(store: Store, start: Start, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        info = tarfile.TarInfo("1/model.onnx")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"onnx"))
    store.objects["m.tar.gz"] = packed.getvalue()
    for said in ("models, complete", "complete and unchanged"):
        code, errors = finish(start(store.url("m.tar.gz?token=secret"), tmp_path / "models"))
        assert (code, errors[-1].endswith(said)) == (0, True)
        assert tree(tmp_path / "models") == {"1/model.onnx": b"onnx"}
        assert "secret" not in "".join(errors)
    assert listing(tmp_path) == ["models"]


def test_a_truncated_body_is_an_error_and_leaves_nothing(store: Store, start: Start, tmp_path: Path) -> None:
    store.objects["m.onnx"] = os.urandom(200_000)
    code, errors = finish(start(store.url("cut/m.onnx"), tmp_path / "models", "--retries", "1"))
    assert code == 1
    assert "Trying again" in errors[-2]
    assert "/cut/m.onnx' broke" in errors[-1]
    assert listing(tmp_path) == []


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--timeout", "1"), "Not done after 1 s"),
        (("--read-timeout", "0.5", "--retries", "0"), "sent nothing for 0.5 s"),
    ],
)
def test_a_silent_server_is_not_waited_for_for_ever(
    store: Store, start: Start, tmp_path: Path, option: tuple[str, ...], said: str
) -> None:
    store.objects["m.onnx"] = os.urandom(200_000)
    code, errors = finish(start(store.url("hang/m.onnx"), tmp_path / "models", *option))
    assert code == 1
    assert said in errors[-1]
    assert listing(tmp_path) == []


def test_nobody_at_the_address_is_said_so(start: Start, tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:  # bound and not listening: refuses, and nobody else gets the port
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/m.onnx"
        code, errors = finish(start(url, tmp_path / "models", "--retries", "0"))
    assert code == 1
    assert "No connection to" in errors[-1]
    assert "Check the host" in errors[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("within", [False, True])
def test_a_signal_cleans_up(store: Store, start: Start, tmp_path: Path, number: signal.Signals, within: bool) -> None:
    store.objects["m.onnx"] = os.urandom(200_000)
    models = tmp_path / "models"
    models.mkdir()
    process = start(store.url("hang/m.onnx"), models, within=within)
    wait_for(lambda: any(path.stat().st_size for path in tmp_path.rglob("partial/*")), "the transfer to begin")
    process.send_signal(number)
    code, errors = finish(process)
    assert code == 1
    assert f"Ended by {number.name}" in errors[-1]
    assert listing(tmp_path) == ["models"]
    assert listing(models) == []


def test_several_processes_fill_one_destination_once(store: Store, start: Start, tmp_path: Path) -> None:
    store.objects["m.onnx"] = os.urandom(300_000)
    store.pause = 0.02
    running: list[subprocess.Popen[str]] = [start(store.url("m.onnx"), tmp_path / "models") for _ in range(4)]
    ended = [finish(process) for process in running]
    assert [code for code, _ in ended] == [0] * 4
    assert sum("complete and unchanged" in errors[-1] for _, errors in ended) == 3
    assert tree(tmp_path / "models") == {"m.onnx": store.objects["m.onnx"]}
    assert listing(tmp_path) == ["models"]
