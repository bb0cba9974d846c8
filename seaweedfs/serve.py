"""A bucket on this machine: a real SeaweedFS that serves, over S3, what stands in a folder.

    serve.py [seaweedfs] --bucket NAME --from FOLDER --s3_port PORT [--host ADDRESS]

Everybody who reaches the port may read the bucket and list it; nobody may write. With AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY in the environment, only who has these may. The folder is copied in as the server
starts, and nothing is kept when it ends. Ready when `GET /` answers: until all is there, nothing listens at PORT.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from urllib.parse import quote

WEED = Path(sys.executable).with_name("weed")
PATIENCE = 60.0
"""Seconds that SeaweedFS may take to listen."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="seaweedfs", description="Serve a folder as a bucket of S3.")
    parser.add_argument("--bucket", required=True, help="its name")
    parser.add_argument("--from", dest="folder", required=True, type=Path, help="the folder that it has")
    parser.add_argument("--s3_port", required=True, type=int)
    parser.add_argument("--host", default="127.0.0.1", help="the address that S3 listens on (%(default)s)")
    words = list(sys.argv[1:] if argv is None else argv)
    options = parser.parse_args(words[1:] if words[:1] == ["seaweedfs"] else words)
    if not options.folder.is_dir():
        _say(f"there is no folder {options.folder}")
        return 1
    signal.signal(signal.SIGTERM, _end)
    with tempfile.TemporaryDirectory(prefix="seaweedfs-") as state:
        try:
            return _serve(options, Path(state))
        except (TimeoutError, OSError) as exc:
            _say(str(exc))
            return 1


def _say(text: str) -> None:
    print(f"seaweedfs: {text}", file=sys.stderr, flush=True)  # noqa: T201 - this program's log


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(0)  # and whoever holds a process ends it on the way out


def _serve(options: argparse.Namespace, state: Path) -> int:
    ports = _free_ports(7)
    try:
        return _serve_at(ports, options, state)
    finally:
        for port in (*ports, options.s3_port):  # weed makes sockets there, and leaves them
            for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108 - not ours to choose
                left.unlink(missing_ok=True)


def _serve_at(ports: Sequence[int], options: argparse.Namespace, state: Path) -> int:
    master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3_grpc = ports
    store = (
        *(str(WEED), "-v=0", "-logtostderr=true", "server", f"-dir={state}", "-ip=127.0.0.1"),
        *("-ip.bind=127.0.0.1", "-volume.max=0", "-master.volumeSizeLimitMB=1024", "-master.telemetry=false"),
        *(f"-master.port={master}", f"-master.port.grpc={master_grpc}"),
        *(f"-volume.port={volume}", f"-volume.port.grpc={volume_grpc}"),
        *("-filer", f"-filer.port={filer}", f"-filer.port.grpc={filer_grpc}"),
    )
    with _running(store, state / "store.log") as server:
        _wait_for(master, "its master", server, state / "store.log", "/dir/assign", _has_room)
        _wait_for(filer, "its filer", server, state / "store.log")
        started = time.monotonic()
        count, size = _fill(filer, options.bucket, options.folder)
        said = f"{count} files, {size / 1e6:.1f} MB, in {time.monotonic() - started:.1f} s"
        _say(f"s3://{options.bucket}/ has what is in {options.folder}: {said}")
        front = (
            *(str(WEED), "-v=0", "-logtostderr=true", "s3", f"-filer=127.0.0.1:{filer}.{filer_grpc}"),
            *(f"-port={options.s3_port}", f"-port.grpc={s3_grpc}", f"-ip.bind={options.host}", "-iam=false"),
            *("-port.iceberg=0", "-port.lance=0"),
            f"-config={_permissions(state / 's3.json', options.bucket)}",
        )
        with _running(front, state / "s3.log") as gateway:
            _wait_for(options.s3_port, "its S3 port", gateway, state / "s3.log")
            _say(f"listening on {options.host}:{options.s3_port}")
            while server.poll() is None and gateway.poll() is None:
                time.sleep(0.2)
    _say("it has ended by itself")
    return 1


def _permissions(file: Path, bucket: str) -> Path:
    """There has to be somebody with all rights, or else everybody may do everything: somebody with unknown keys."""
    nobody = {"accessKey": secrets.token_hex(8), "secretKey": secrets.token_hex(16)}
    reader = {"name": "anonymous", "actions": [f"Read:{bucket}", f"List:{bucket}"]}
    if access_key := os.environ.get("AWS_ACCESS_KEY_ID"):
        keys = {"accessKey": access_key, "secretKey": os.environ.get("AWS_SECRET_ACCESS_KEY", "")}
        reader |= {"name": "reader", "credentials": [keys]}
    owner = {"name": "owner", "credentials": [nobody], "actions": ["Admin"]}
    file.touch(mode=0o600)
    file.write_text(json.dumps({"identities": [reader, owner]}))
    return file


def _fill(filer: int, bucket: str, folder: Path) -> tuple[int, int]:
    """Copy the files of `folder` in; how many they are, and their bytes."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    connection = http.client.HTTPConnection("127.0.0.1", filer, timeout=PATIENCE)
    with contextlib.closing(connection):
        _ask(connection, "POST", f"/buckets/{bucket}/", None)
        for path in files:
            with path.open("rb") as body:
                _ask(connection, "PUT", f"/buckets/{bucket}/{quote(path.relative_to(folder).as_posix())}", body)
    return len(files), sum(path.stat().st_size for path in files)


def _ask(connection: http.client.HTTPConnection, method: str, path: str, body: object) -> None:
    connection.request(method, path, body)  # type: ignore[arg-type]
    answer = connection.getresponse()
    said = answer.read()
    if answer.status >= 300:
        raise OSError(f"{method} {path} was answered {answer.status}: {said[:200]!r}")


@contextlib.contextmanager
def _running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield process
        finally:
            process.kill()  # nothing is kept, so there is nothing to finish


def _wait_for(
    port: int,
    what: str,
    process: subprocess.Popen[bytes],
    log: Path,
    path: str = "/",
    suits: Callable[[bytes], bool] = lambda body: True,
) -> None:
    """Wait until GET `path` is answered, and the answer suits."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            last = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
            raise OSError(f"weed ended with code {process.returncode}:\n{last}")
        with contextlib.suppress(OSError, http.client.HTTPException):
            status, body = _get(port, path)
            if status < 500 and suits(body):
                return
        time.sleep(0.05)
    raise TimeoutError(f"{what} did not listen within {PATIENCE:.0f} s")


def _has_room(body: bytes) -> bool:
    """Whether the master knows of a volume to write into: what is written before waits for seconds."""
    return b'"fid"' in body


def _get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [held.getsockname()[1] for held in taken]


if __name__ == "__main__":
    sys.exit(main())
