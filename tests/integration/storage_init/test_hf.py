"""storage-init as a process, against a small server that speaks the Hugging Face hub's API."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from .conftest import PATIENCE, Start, finish, tree

COMMIT = "1" * 40
TOKEN = "hf_hush"
FILES = {"config.json": b"{}", "model.safetensors": b"w" * 9_000_000, "onnx/model.onnx": b"onnx", "onnx/empty.txt": b""}


def _entry(path: str, body: bytes) -> dict[str, object]:
    git = hashlib.sha1(f"blob {len(body)}\0".encode() + body).hexdigest()
    entry: dict[str, object] = {"type": "file", "path": path, "size": len(body), "oid": git}
    if path.endswith(".safetensors"):
        entry |= {"oid": "0" * 40, "lfs": {"oid": hashlib.sha256(body).hexdigest(), "size": len(body)}}
    return entry


class Hub(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = dict(FILES)
        self.spoiled = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path, query = unquote(urlsplit(self.path).path), urlsplit(self.path).query
        if "/private/" in path and self.headers.get("authorization") != f"Bearer {TOKEN}":
            self._answer(401, b"{}")
        elif path.startswith("/api/models/") and "/revision/" in path:
            known = path.rpartition("/")[2] in ("main", "v1", COMMIT)
            self._answer(200 if known else 404, json.dumps({"sha": COMMIT}).encode())
        elif "/tree/" in path:
            self._page("page=2" in query, path)
        elif f"/resolve/{COMMIT}/" in path:
            self._file(path.partition(f"/resolve/{COMMIT}/")[2])
        else:
            self._answer(404, b"{}")

    def _page(self, second: bool, path: str) -> None:
        """Two pages, as the hub makes of long lists."""
        entries = [_entry(name, body) for name, body in self.server.files.items()]
        entries.append({"type": "directory", "path": "onnx", "size": 0, "oid": "2" * 40})
        more = {} if second else {"link": f'<{self.server.url}{path}?recursive=true&page=2>; rel="next"'}
        self._answer(200, json.dumps(entries[2:] if second else entries[:2]).encode(), more)

    def _file(self, name: str) -> None:
        body = self.server.files[name]
        if name == self.server.spoiled:
            body = b"?" * len(body)
        asked = self.headers.get("range")
        if not asked:
            self._answer(200, body)
            return
        first, last = map(int, asked.removeprefix("bytes=").split("-"))
        self._answer(206, body[first : last + 1], {"content-range": f"bytes {first}-{last}/{len(body)}"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    hub = Hub()
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    serving = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    yield hub
    hub.shutdown()
    serving.join(PATIENCE)
    hub.server_close()


def test_a_repository_is_fetched_whole_and_not_again(hub: Hub, start: Start, tmp_path: Path) -> None:
    for said in ("complete", "complete and unchanged"):
        code, errors = finish(start("hf://owner/model", tmp_path / "models"))
        assert (code, errors[-1].endswith(said)) == (0, True), errors
        assert tree(tmp_path / "models") == FILES


@pytest.mark.parametrize(
    ("address", "names"),
    [
        ("hf://owner/model:v1/onnx", ["empty.txt", "model.onnx"]),
        ("hf://owner/model/onnx/model.onnx", ["model.onnx"]),
    ],
)
def test_a_revision_and_a_folder_can_be_named(
    hub: Hub, start: Start, tmp_path: Path, address: str, names: list[str]
) -> None:
    assert finish(start(address, tmp_path / "models"))[0] == 0
    assert sorted(tree(tmp_path / "models")) == names


def test_the_token_opens_what_is_private_and_is_not_shown(
    hub: Hub, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, errors = finish(start("hf://private/model", tmp_path / "models"))
    assert (code, "Set HF_TOKEN" in errors[-1]) == (1, True), errors
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    code, errors = finish(start("hf://private/model", tmp_path / "models"))
    assert (code, TOKEN in "".join(errors)) == (0, False), errors


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_bytes_that_have_another_checksum_are_an_error(hub: Hub, start: Start, tmp_path: Path, name: str) -> None:
    hub.spoiled = name
    code, errors = finish(start("hf://owner/model", tmp_path / "models"))
    assert code == 1
    assert "checksum" in errors[-1]
    assert name in errors[-1]
    assert not (tmp_path / "models").exists()
    hub.spoiled = ""
    assert finish(start("hf://owner/model", tmp_path / "models"))[0] == 0
    assert tree(tmp_path / "models") == FILES


@pytest.mark.parametrize("address", ["hf://owner/model:no-such-branch", "hf://owner"])
def test_what_is_not_there_is_said_with_its_address(hub: Hub, start: Start, tmp_path: Path, address: str) -> None:
    code, errors = finish(start(address, tmp_path / "models"))
    assert (code, address in errors[-1]) == (1, True)
    assert list(tmp_path.iterdir()) == []
