"""storage-init as a process, against a real SeaweedFS.

STORAGE_KILLS sets how often it is killed; at 200 and more the model is one of 200 files and 300 MB.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from isvc import environments

from .buckets import free_port, running
from .conftest import Start, finish, tree, wait_for

KILLS = int(os.environ.get("STORAGE_KILLS", "24"))
LONG = KILLS >= 200
MODES = ("beside", "within", "cached")
BUCKET = "models"
FILES, LARGE = (200, 10_000_000) if LONG else (60, 9_000_000)
EACH = 1_460_000 if LONG else 40_000


def write(folder: Path, seed: int) -> None:
    """A model with files in five folders, one large enough to come in parts, an empty one, and odd names."""
    bytes_of = random.Random(seed).randbytes
    for index in range(FILES):
        file = folder / str(index % 5) / f"{index}.bin"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes_of(LARGE if index == 0 else EACH))
    (folder / "1" / "__init__.py").touch()
    (folder / "2" / "ä b%20c+.txt").write_text("1")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bucket")
    write(folder / "m" / "0", 0)
    write(folder / "m" / "1", 1)
    (folder / "m" / "0-v2").mkdir()
    (folder / "m" / "0-v2" / "sibling").write_text("of the same first letters")
    (folder / "packed").mkdir()
    (folder / "packed" / "broken.tar.gz").write_bytes(b"\x1f\x8b" + bytes(1000))
    return folder


@pytest.fixture(scope="module")
def s3(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    environments.ensure(environments.recipe("seaweedfs"), print)
    port = free_port()
    command = (*environments.command("seaweedfs", ""), "--bucket", BUCKET, "--from", filled, "--s3_port", str(port))
    with running(command, port, tmp_path_factory.mktemp("log") / "seaweedfs.log") as address:
        yield address


@pytest.fixture
def store(s3: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of the bucket's folder `m`, for the environment that a test's processes get."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "S3_", "STORAGE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    monkeypatch.setenv("HOME", "/nonexistent")
    return f"s3://{BUCKET}/m"


def same(folder: Path, source: Path) -> bool:
    """Whether both have the same files with the same bytes, the initializer's own aside. Not by `filecmp`: it remembers
    what it compared by size and time, and two versions of a model can have the same of both."""
    names = [{str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()} for top in (source, folder)]
    names[1] = {name for name in names[1] if not name.startswith(".storage-init.")}
    return names[0] == names[1] and all(
        (folder / name).read_bytes() == (source / name).read_bytes() for name in names[0]
    )


@pytest.mark.parametrize("address", ["0", "0/"])
def test_a_prefix_is_a_folder_with_empty_files_and_without_siblings(
    store: str, filled: Path, start: Start, tmp_path: Path, address: str
) -> None:
    code, errors = finish(start(f"{store}/{address}", tmp_path / "models"))
    assert code == 0, errors
    assert same(tmp_path / "models", filled / "m" / "0")
    assert (tmp_path / "models/1/__init__.py").read_bytes() == b""
    assert [path.name for path in tmp_path.iterdir()] == ["models"]


def test_one_object_goes_under_its_own_name_and_patterns_choose(
    store: str, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_ALLOW_PATTERNS", '["*.py", "2/*.txt"]')
    assert finish(start(f"{store}/0/1/1.bin", tmp_path / "one"))[0] == 0
    assert list(tree(tmp_path / "one")) == ["1.bin"]
    assert finish(start(f"{store}/0", tmp_path / "some"))[0] == 0
    assert sorted(tree(tmp_path / "some")) == ["1/__init__.py", "2/ä b%20c+.txt"]
    monkeypatch.setenv("STORAGE_ALLOW_PATTERNS", "*.nothing")
    code, errors = finish(start(f"{store}/0", tmp_path / "none"))
    assert (code, "STORAGE_ALLOW_PATTERNS" in errors[-1]) == (1, True)


def test_a_second_service_is_filled_from_the_cache_and_a_changed_file_is_fetched_again(
    store: str, filled: Path, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_CACHE", str(tmp_path / "cache"))
    assert finish(start(f"{store}/0", tmp_path / "first"))[0] == 0
    code, errors = finish(start(f"{store}/0", tmp_path / "second"))
    assert code == 0
    assert "fetched 0 B" in errors[-2]
    assert same(tmp_path / "second", filled / "m" / "0")
    spoiled = tmp_path / "second/1/1.bin"
    spoiled.chmod(0o644)
    spoiled.write_bytes(b"written by a server")
    assert finish(start(f"{store}/0", tmp_path / "third"))[0] == 0
    assert same(tmp_path / "third", filled / "m" / "0")


def test_several_services_at_once_fetch_each_object_once(
    store: str, filled: Path, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_CACHE", str(tmp_path / "cache"))
    services = [tmp_path / str(number) for number in range(3)]
    ended = [finish(process) for process in [start(f"{store}/1", service) for service in services]]
    assert [code for code, _ in ended] == [0, 0, 0], ended
    assert all(same(service, filled / "m" / "1") for service in services)
    assert not list((tmp_path / "cache").glob("partial/*"))


@pytest.mark.parametrize(
    ("address", "environment", "said"),
    [
        ("s3://models/m/0", {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "by way of http://127.0.0.1:1"),
        ("s3://models/m/0", {"AWS_ACCESS_KEY_ID": "who", "AWS_SECRET_ACCESS_KEY": "hush"}, "InvalidAccessKeyId"),
        ("s3://no-such-bucket/m/0", {}, "s3://no-such-bucket/m/0"),
        ("s3://models/nothing", {}, "No model found at 's3://models/nothing'"),
        ("s3://models/packed", {}, "'broken.tar.gz' cannot be read to its end"),
        ("s3:///x", {}, "names no bucket"),
    ],
)
def test_a_fault_is_one_line_with_the_address_and_nothing_partial(
    store: str,
    start: Start,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    environment: dict[str, str],
    said: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    code, errors = finish(start(address, tmp_path / "models", "--retries", "1"))
    assert code == 1
    assert said in errors[-1]
    assert "hush" not in "".join(errors)
    assert not (tmp_path / "models").exists()


def test_secrets_stand_in_no_command_line(store: str, start: Start, tmp_path: Path) -> None:
    process = start(f"{store}/0", tmp_path / "models")
    told = subprocess.run(["ps", "-p", str(process.pid), "-o", "args="], capture_output=True, text=True, check=False)
    assert finish(process)[0] == 0
    assert "KEY" not in told.stdout


def test_a_full_disk_is_said_before_anything_is_fetched(
    store: str, filled: Path, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file size limit stands for the disk: the kernel refuses the write all the same, and root can set it."""
    import resource

    monkeypatch.setenv("STORAGE_CACHE", str(tmp_path / "cache"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
    try:
        process = start(f"{store}/0", tmp_path / "models")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    code, errors = finish(process)
    assert code == 1
    assert f"Could not put '{store}/0' into" in errors[-1]
    assert not (tmp_path / "models").exists()
    assert finish(start(f"{store}/0", tmp_path / "models"))[0] == 0
    assert same(tmp_path / "models", filled / "m" / "0")


def whole_or_absent(models: Path, versions: Sequence[Path]) -> bool:
    if not models.exists():
        return False
    assert any(same(models, version) for version in versions), "it is of no version"
    return True


def whole_or_marked(models: Path, versions: Sequence[Path]) -> bool:
    """For a mount point: each folder at the top is whole, and the record tells whether all of them are there."""
    for top in (path for path in models.iterdir() if not path.name.startswith(".storage-init.")):
        assert any(same(top, version / top.name) for version in versions), f"{top} is of no version"
    record = models / ".storage-init.json"
    if not record.exists() or not json.loads(record.read_text())["complete"]:
        return False
    return whole_or_absent(models, versions)


@pytest.mark.parametrize("mode", MODES)
def test_killed_at_any_moment_the_model_is_whole_or_absent(
    store: str, filled: Path, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    models, versions = tmp_path / "mnt" / "models", [filled / "m" / "0", filled / "m" / "1"]
    within, check = (True, whole_or_marked) if mode == "within" else (False, whole_or_absent)
    (models if within else models.parent).mkdir(parents=True)
    if mode == "cached":
        monkeypatch.setenv("STORAGE_CACHE", str(tmp_path / "cache"))
    started = time.monotonic()
    assert finish(start(f"{store}/1", models, within=within))[0] == 0
    lasts = time.monotonic() - started
    moments = random.Random(os.getpid())
    kills = len(range(MODES.index(mode), KILLS, len(MODES)))
    killed = completed = 0
    while killed < kills:
        process = start(f"{store}/{completed % 2}", models, within=within)
        time.sleep(moments.uniform(0.1, 1.0) * lasts)  # the moment is what is random here; nothing is waited for
        process.kill()
        if finish(process)[0] == 0:
            completed += 1
            assert check(models, versions)
            shutil.rmtree(tmp_path / "cache", ignore_errors=True)
        else:
            killed += 1
            check(models, versions)

    print(f"{mode}: {killed} killed, {completed} ran on, whole in {lasts:.1f} s")  # noqa: T201 - `pytest -s` shows it
    code, errors = finish(start(f"{store}/0", models, within=within))
    assert code == 0, errors
    assert same(models, versions[0])
    assert [path.name for path in models.parent.iterdir()] == ["models"]
    assert not list(models.glob(".storage-init.*partial*"))


def test_what_a_killed_run_had_fetched_is_not_fetched_again(
    store: str, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("STORAGE_CACHE", str(cache))
    process = start(f"{store}/0", tmp_path / "models")
    wait_for(lambda: len(list(cache.glob("whole/*"))) > 10, "ten objects")
    process.kill()
    finish(process)
    had = len(list(cache.glob("whole/*")))
    code, errors = finish(start(f"{store}/0", tmp_path / "models"))
    assert code == 0
    assert had < FILES
    assert "were here already" in errors[-2]
