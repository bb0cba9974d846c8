"""storage-init as a process, against Azurite, Microsoft's own emulator, which npm has."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import obstore
import pytest
from obstore.store import AzureStore

from isvc.environments import cache_folder

from .buckets import PATIENCE, free_port, running
from .conftest import Start, finish, tree

VERSION = "3.35.0"
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Azurite's account and key, the same everywhere and no secret."""
ADDRESS = f"https://{ACCOUNT}.blob.core.windows.net/models"
OBJECTS = {
    "m/1/model.onnx": b"onnx" * 3_000_000,
    "m/__init__.py": b"",
    "m/a b+ü.txt": b"odd",
    "m-v2/sibling": b"of the same first letters",
}


def _azurite() -> Path:
    """Azurite's program, installed on first use where npm is."""
    folder = cache_folder() / f"azurite-{VERSION}"
    program = folder / "node_modules" / ".bin" / "azurite-blob"
    if not program.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("Azurite comes from npm, and this machine has no npm")
        folder.mkdir(parents=True, exist_ok=True)
        install = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), f"azurite@{VERSION}"]
        done = subprocess.run(install, capture_output=True, text=True, timeout=5 * PATIENCE, check=False)
        if done.returncode:
            pytest.skip(f"npm could not install Azurite: {done.stderr.strip().splitlines()[-1:]}")
    return program


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port, folder = free_port(), tmp_path_factory.mktemp("azurite")
    options = ("--silent", "--skipApiVersionCheck", "--blobHost", "127.0.0.1", "--blobPort", str(port))
    with running((_azurite(), *options, "--location", folder), port, folder / "log") as address:
        endpoint = f"{address}/{ACCOUNT}"
        store = AzureStore(
            "models", account_name=ACCOUNT, account_key=KEY, endpoint=endpoint, client_options={"allow_http": True}
        )
        _make_container(endpoint)
        for name, body in OBJECTS.items():
            obstore.put(store, name, body)
        yield endpoint


def _make_container(endpoint: str) -> None:
    """obstore makes no containers: a request signed with the account's key (Shared Key of the Blob service)."""
    import base64
    import hashlib
    import hmac
    import urllib.request
    from email.utils import formatdate

    date, path = formatdate(usegmt=True), f"/{ACCOUNT}/{ACCOUNT}/models"
    headers = {"x-ms-date": date, "x-ms-version": "2021-08-06"}
    canonical = "\n".join(f"{name}:{value}" for name, value in sorted(headers.items()))
    text = "PUT" + "\n" * 12 + f"{canonical}\n{path}\nrestype:container"
    signed = base64.b64encode(hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()).decode()
    request = urllib.request.Request(f"{endpoint}/models?restype=container", b"", headers, method="PUT")
    request.add_header("Authorization", f"SharedKey {ACCOUNT}:{signed}")
    request.add_unredirected_header("Content-type", "")
    urllib.request.urlopen(request, timeout=10).close()


@pytest.fixture(autouse=True)
def redirected(azure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("AZURE_", "AZ_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", azure)
    monkeypatch.setenv("AZURE_STORAGE_ACCESS_KEY", KEY)


def test_a_prefix_is_fetched_whole_and_not_again(start: Start, tmp_path: Path) -> None:
    expected = {name.removeprefix("m/"): body for name, body in OBJECTS.items() if name.startswith("m/")}
    for said in ("complete", "complete and unchanged"):
        code, errors = finish(start(f"{ADDRESS}/m", tmp_path / "models"))
        assert (code, errors[-1].endswith(said)) == (0, True), errors
        assert tree(tmp_path / "models") == expected


def test_a_wrong_key_is_said_without_it(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = "d3Jvbmc="
    monkeypatch.setenv("AZURE_STORAGE_ACCESS_KEY", wrong)
    code, errors = finish(start(f"{ADDRESS}/m", tmp_path / "models", "--retries", "0"))
    assert code == 1
    assert "access was refused (403" in errors[-1]
    assert "AZURE_STORAGE_ACCESS_KEY" in errors[-1]
    assert wrong not in "".join(errors)


@pytest.mark.parametrize("path", ["models/nothing", "no-such-container/m"])
def test_what_is_not_there_is_said_with_its_address(start: Start, tmp_path: Path, path: str) -> None:
    address = f"https://{ACCOUNT}.blob.core.windows.net/{path}"
    code, errors = finish(start(address, tmp_path / "models", "--retries", "0"))
    assert code == 1
    assert address in errors[-1]
    assert list(tmp_path.iterdir()) == []
