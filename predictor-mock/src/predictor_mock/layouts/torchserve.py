"""A TorchServe store as KServe mounts it: `config/config.properties` and `model-store/*.mar`.

`model_snapshot` names the models and their archives; without one, every archive is served under its file's name, as
`load_models=all` does. Paths in the file are those inside a container, so `model_store` is looked for beside `config/`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from predictor_mock.errors import BrokenModel, NothingToServe
from predictor_mock.sources import ArchiveSource, Source

CONFIG = Path("config/config.properties")
STORE = "model-store"


def recognises(model_dir: Path) -> bool:
    """Whether it has TorchServe's settings file or a store of archives."""
    return (model_dir / CONFIG).is_file() or any((model_dir / STORE).glob("*.mar"))


def models(model_dir: Path) -> tuple[Source, ...]:
    """The models that the settings name, or all archives."""
    path = model_dir / CONFIG
    settings = properties(path.read_text(encoding="utf-8")) if path.is_file() else {}
    store = model_dir / (PurePosixPath(settings.get("model_store", STORE)).name or STORE)
    if "model_snapshot" in settings:
        return tuple(_snapshot(settings["model_snapshot"], store, path))
    archives = sorted(store.glob("*.mar"))
    if not archives:
        raise NothingToServe(store, "there is no *.mar in it")
    return tuple(ArchiveSource(archive.stem, archive) for archive in archives)


def properties(text: str) -> dict[str, str]:
    """A Java properties file, as far as TorchServe's go.

    `key=value` lines, `#` comments, lines continued with a backslash.
    """
    settings: dict[str, str] = {}
    for line in text.replace("\\\n", "").splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and not key.startswith(("#", "!")):
            settings[key.strip()] = value.strip()
    return settings


def _snapshot(text: str, store: Path, path: Path) -> list[ArchiveSource]:
    try:
        named = json.loads(text)["models"]
        return [_latest(name, versions, store, path) for name, versions in named.items()]
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as exc:
        wanted = '{"models": {"<name>": {"<version>": {"marName": "<file>.mar", ...}}}}'
        raise BrokenModel(path, f"model_snapshot is not of the form {wanted} ({exc!r})") from exc


def _latest(name: str, versions: Mapping[str, Mapping[str, Any]], store: Path, path: Path) -> ArchiveSource:
    """The version that is marked as the default one, or else the last one named."""
    if not versions:
        raise BrokenModel(path, f"model_snapshot names no version of {name!r}")
    default = [version for version, entry in versions.items() if entry.get("defaultVersion")]
    version = (default or list(versions))[-1]
    archive = store / PurePosixPath(versions[version]["marName"]).name
    if not archive.is_file():
        raise BrokenModel(archive, f"missing; {CONFIG.name} names it as the archive of {name!r}")
    return ArchiveSource(name, archive, version)
