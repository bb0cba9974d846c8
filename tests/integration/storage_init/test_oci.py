"""storage-init as a process, against a small registry that wants a token, as real ones do."""

from __future__ import annotations

import base64
import hashlib
import http.server
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import PATIENCE, Start, finish, tree

USER = base64.b64encode(b"user:hush").decode()
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Registry(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.blobs: dict[str, bytes] = {}
        self.tags: dict[str, str] = {}

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def put(self, body: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        self.blobs[digest] = body
        return digest

    def manifest(self, tag: str, *layers: dict[str, Any]) -> str:
        self.tags[tag] = self.put(json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "layers": layers}).encode())
        return self.tags[tag]

    def layer(self, body: bytes, **annotations: str) -> dict[str, Any]:
        return {"digest": self.put(body), "size": len(body), "annotations": annotations}


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Registry
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.startswith("/token"):
            allowed = self.headers.get("authorization") == f"Basic {USER}"
            self._answer(200 if allowed else 401, b'{"token": "t"}')
        elif self.headers.get("authorization") != "Bearer t":
            realm = f'Bearer realm="http://{self.server.host}/token",service="here",scope="repository:m:pull"'
            self._answer(401, b"{}", {"www-authenticate": realm})
        else:
            reference = self.path.rpartition("/")[2]
            digest = self.server.tags.get(reference, reference)
            body = self.server.blobs.get(digest)
            self._answer(404 if body is None else 200, body or b"{}", {"docker-content-digest": digest})

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def packed(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, body in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    return out.getvalue()


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    registry = Registry()
    login = tmp_path / "docker"
    login.mkdir()
    (login / "config.json").write_text(json.dumps({"auths": {registry.host: {"auth": USER}}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(login))
    serving = threading.Thread(target=registry.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    yield registry
    registry.shutdown()
    serving.join(PATIENCE)
    registry.server_close()


@pytest.mark.parametrize("scheme", ["oci", "oci+native"])
def test_an_images_models_are_laid_over_one_another_and_not_fetched_again(
    registry: Registry, start: Start, tmp_path: Path, scheme: str
) -> None:
    lower = packed({"etc/passwd": b"x", "models/1/model.onnx": b"old", "models/1/gone": b"1", "models/old/x": b"1"})
    upper = packed({"models/1/model.onnx": b"new", "models/1/.wh.gone": b"", "models/.wh.old": b"", "models/c": b"2"})
    image = registry.manifest("image", registry.layer(lower), registry.layer(upper))
    index = {"mediaType": INDEX, "manifests": [{"digest": image, "mediaType": MANIFEST}]}
    registry.tags["v1"] = registry.put(json.dumps(index).encode())
    for said in ("complete", "complete and unchanged"):
        code, errors = finish(start(f"{scheme}://{registry.host}/m:v1", tmp_path / "mnt" / "models"))
        assert (code, errors[-1].endswith(said)) == (0, True), errors
        assert tree(tmp_path / "mnt" / "models") == {"1/model.onnx": b"new", "c": b"2"}
        assert "hush" not in "".join(errors)


def test_an_artifacts_layers_are_files(registry: Registry, start: Start, tmp_path: Path) -> None:
    title = "org.opencontainers.image.title"
    files = {"model.onnx": b"onnx", "labels.txt": b"cat"}
    registry.manifest("latest", *(registry.layer(body, **{title: name}) for name, body in files.items()))
    code, errors = finish(start(f"oci://{registry.host}/m", tmp_path / "mnt" / "models"))
    assert code == 0, errors
    assert tree(tmp_path / "mnt" / "models") == files


@pytest.mark.parametrize(
    ("reference", "said"),
    [("m:none", "Nothing stands at"), ("m:empty", "no file below /models"), ("M:x y", "names no image")],
)
def test_what_is_not_there_is_said_with_its_address(
    registry: Registry, start: Start, tmp_path: Path, reference: str, said: str
) -> None:
    registry.manifest("empty", registry.layer(packed({"bin/sh": b"x"})))
    address = f"oci://{registry.host}/{reference}"
    code, errors = finish(start(address, tmp_path / "mnt" / "models"))
    assert code == 1, errors
    assert said in errors[-1]
    assert address in errors[-1]
    assert not (tmp_path / "mnt" / "models").exists()


def test_without_a_login_the_mend_is_said(
    registry: Registry, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.manifest("latest", registry.layer(packed({"models/x": b"x"})))
    monkeypatch.setenv("DOCKER_CONFIG", "/nonexistent")
    code, errors = finish(start(f"oci://{registry.host}/m", tmp_path / "mnt" / "models"))
    assert (code, "docker login" in errors[-1]) == (1, True), errors
