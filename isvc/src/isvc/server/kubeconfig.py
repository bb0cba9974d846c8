"""What is needed to reach the API of one project: certificates, a token, and the kubeconfig that holds them.

They stand in `api/` of the project's folder, for the user's eyes only, and outlive the control plane: a kubeconfig that
was exported once stays good. The user's own kubeconfig is never touched.

    api/ca.crt  api/tls.crt  api/tls.key  api/token  api/port  api/kubeconfig
"""

from __future__ import annotations

import base64
import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import yaml

from isvc.server import tls
from isvc.server.tls import Certificates

_FOLDER = "api"
_FILES = ("ca.crt", "tls.crt", "tls.key")
_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Access:
    """The files, by path, and the token."""

    folder: Path
    token: str

    @property
    def authority(self) -> Path:
        return self.folder / "ca.crt"

    @property
    def certificate(self) -> Path:
        return self.folder / "tls.crt"

    @property
    def key(self) -> Path:
        return self.folder / "tls.key"


def path(root: Path) -> Path:
    """Of the kubeconfig of the project in `root`, whether it has been written or not."""
    return root / _FOLDER / "kubeconfig"


def prepare(root: Path, now: datetime) -> Access:
    """What is there of a project's access, made or renewed where it has to be."""
    folder = root / _FOLDER
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    found = _certificates(folder)
    if found is None or not tls.lasts(found, now):
        made = tls.make(now)
        for name, content in zip(_FILES, (made.authority, made.server, made.key), strict=True):
            write_private(folder / name, content)
    token = _read(folder / "token").decode("ascii", "replace").strip()
    if len(token) < _TOKEN_BYTES:
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        write_private(folder / "token", token.encode())
    return Access(folder, token)


def last_port(root: Path) -> int:
    """The port of the API the last time, which is tried again; 0 if there was none."""
    text = _read(root / _FOLDER / "port").decode("ascii", "replace").strip()
    return int(text) if text.isdigit() and int(text) < 65536 else 0


def write(root: Path, access: Access, port: int) -> Path:
    """Writes the kubeconfig for an API on `port`. Its path."""
    write_private(root / _FOLDER / "port", str(port).encode())
    write_private(path(root), _text(root.name, access, port).encode())
    return path(root)


def _text(project: str, access: Access, port: int) -> str:
    name = f"kserve-local-{project}"
    authority = base64.b64encode(access.authority.read_bytes()).decode()
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": name,
                "cluster": {"server": f"https://127.0.0.1:{port}", "certificate-authority-data": authority},
            }
        ],
        "users": [{"name": name, "user": {"token": access.token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": "default"}}],
        "current-context": name,
    }
    return yaml.safe_dump(document, sort_keys=False)


def write_private(file: Path, content: bytes) -> None:
    """All at once, and never to be read by others, not even for a moment."""
    beside = file.with_name(f".{file.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
    beside.replace(file)


def _certificates(folder: Path) -> Certificates | None:
    found = [_read(folder / name) for name in _FILES]
    return Certificates(*found) if all(found) else None


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""
