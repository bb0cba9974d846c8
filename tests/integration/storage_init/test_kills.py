"""SIGKILL at random moments: what stands at the destination is whole or absent, and the next run completes."""

from __future__ import annotations

import io
import json
import os
import random
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Start, Store, finish, tree

KILLS = 30
FILES = 50


def version(seed: int) -> dict[str, bytes]:
    """A model of 50 files in 5 folders, of 3 MB, different for each seed."""
    random_bytes = random.Random(seed).randbytes
    return {f"{index % 5}/{index}.bin": random_bytes(60_000) for index in range(FILES)}


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def pack(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


VERSIONS = [version(0), version(1)]


def whole(models: Path) -> bool:
    """True for a whole version, False for none; fails for anything between."""
    if not models.exists():
        return False
    found = tree(models)
    assert found in VERSIONS, f"{len(found)} files, of no version or of two"
    return True


def whole_within(models: Path) -> bool:
    """The same for a mount point: the record tells, and each folder at the top is whole, record or not."""
    found = tree(models)
    for top in {name.split("/")[0] for name in found}:
        part = {name: data for name, data in found.items() if name.startswith(f"{top}/")}
        expected = [{n: d for n, d in files.items() if n.startswith(f"{top}/")} for files in VERSIONS]
        assert part in expected
    record = models / ".storage-init.json"
    if not record.exists() or not json.loads(record.read_text())["complete"]:
        return False
    assert found in VERSIONS
    return True


@pytest.mark.parametrize(("within", "check"), [(False, whole), (True, whole_within)])
@pytest.mark.parametrize("over_http", [True, False])
def test_killed_at_any_moment_the_model_is_whole_or_absent(
    store: Store, start: Start, tmp_path: Path, over_http: bool, within: bool, check: Callable[[Path], bool]
) -> None:
    models = tmp_path / "mnt" / "models"
    (models if within else models.parent).mkdir(parents=True)
    if over_http:
        store.pause = 0.004
        store.objects = {f"{index}.tar": pack(files) for index, files in enumerate(VERSIONS)}
        sources = [store.url("0.tar"), store.url("1.tar")]
    else:
        sources = [str(write(tmp_path / str(index), files)) for index, files in enumerate(VERSIONS)]

    started = time.monotonic()
    assert finish(start(sources[1], models, within=within))[0] == 0
    lasts = time.monotonic() - started
    moments = random.Random(os.getpid())
    cut_short = 0
    for attempt in range(KILLS // 2):
        process = start(sources[attempt % 2], models, within=within)
        time.sleep(moments.uniform(0.3, 1.0) * lasts)  # the moment is what is random here; nothing is waited for
        process.kill()
        cut_short += finish(process)[0] != 0
        check(models)

    assert cut_short, "no run was killed before its end"
    code, errors = finish(start(sources[0], models, within=within))
    assert code == 0, errors
    assert check(models)
    assert tree(models) == VERSIONS[0]
    assert [path.name for path in models.parent.iterdir()] == ["models"]
    assert sorted(path.name for path in models.iterdir()) == [".storage-init.json", *"01234"]
