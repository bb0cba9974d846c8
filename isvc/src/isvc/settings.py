"""isvc.yaml: which local folder stands for a storage address, and which build folder for an image.

    storage:                                        # the longest matching address wins
      gs://kfserving-examples/: models/bucket/      # a folder, relative to this file, or another address
    images:                                         # the tag does not matter unless the key has one
      kserve/image-transformer: transformer/        # a build folder
      my/other: {folder: other/, command: [python, -m, other], args: [--port, $(port:http)]}

`args` tell a predictor's or a sidecar's program where to listen, since units of one machine share its ports:
`--http_port $(port:http) --grpc_port $(port:grpc)`, the flags of the Model API and of KServe's SDK, unless they are
given; `[]` for a program that takes none.

`command` is what runs where the YAML has none (Kubernetes would take the image's own entrypoint, which only a container
engine can ask for): `python -m model`, unless it is given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from isvc.errors import Place, SettingsError
from isvc.manifest.decode import decode
from isvc.manifest.nodes import Node, parse

FILE_NAME = "isvc.yaml"
DEFAULT_COMMAND = ("python", "-m", "model")
DEFAULT_ARGUMENTS = ("--http_port", "$(port:http)", "--grpc_port", "$(port:grpc)")


@dataclass(frozen=True, slots=True)
class StorageMapping:
    prefix: str
    target: str
    """An absolute path of a folder, or an address."""
    written: str
    """The target as the settings have it."""


@dataclass(frozen=True, slots=True)
class ImageMapping:
    image: str
    folder: str
    """An absolute path."""
    written: str
    """The folder as the settings have it."""
    command: tuple[str, ...] = DEFAULT_COMMAND
    arguments: tuple[str, ...] = DEFAULT_ARGUMENTS


@dataclass(frozen=True, slots=True)
class Settings:
    storage: tuple[StorageMapping, ...] = ()
    images: tuple[ImageMapping, ...] = ()
    file: Path | None = field(default=None, compare=False)


def load(start: Path, explicit: Path | None = None) -> Settings:
    """Those in `explicit`, else in the nearest isvc.yaml in `start` or above, or none. Raises SettingsError."""
    file = explicit or _nearest_file(start)
    return Settings() if file is None else _read(file)


def _nearest_file(start: Path) -> Path | None:
    start = start.absolute()
    candidates = (folder / FILE_NAME for folder in (start, *start.parents))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _read(file: Path) -> Settings:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as exc:
        raise SettingsError(f"cannot be read: {exc.strerror}", Place(str(file))) from exc
    except UnicodeDecodeError as exc:
        raise SettingsError("is no UTF-8 text", Place(str(file))) from exc
    return from_text(text, file)


def from_text(text: str, file: Path) -> Settings:
    """The settings that `text`, the content of `file`, gives. Raises SettingsError."""
    documents = parse(text, str(file), SettingsError)
    if not documents:
        return Settings(file=file)
    if len(documents) > 1:
        raise SettingsError("more than one document; write one", documents[1].place)
    written, _ = decode(documents[0], _Written, SettingsError)
    folder = file.absolute().parent
    storage = tuple(
        StorageMapping(prefix, _target(target, folder), target) for prefix, target in (written.storage or {}).items()
    )
    images = tuple(_images(written.images or {}, documents[0], folder))
    return Settings(storage, images, file)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    storage: Mapping[str, str] | None = None
    images: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _WrittenImage:
    folder: str
    command: tuple[str, ...] = DEFAULT_COMMAND
    args: tuple[str, ...] = DEFAULT_ARGUMENTS


def _target(target: str, folder: Path) -> str:
    return target if "://" in target else str(folder / target)


def _images(written: Mapping[str, object], root: Node, folder: Path) -> Iterator[ImageMapping]:
    images = root.get("images") or root
    for image in written:
        node = images.get(image) or root
        if isinstance(node.value, str):
            yield _image(image, _WrittenImage(folder=node.value), node, folder)
        else:
            yield _image(image, decode(node, _WrittenImage, SettingsError)[0], node, folder)


def _image(image: str, written: _WrittenImage, node: Node, folder: Path) -> ImageMapping:
    path = folder / written.folder
    if not path.is_dir():
        raise SettingsError(f"there is no folder {path}; write the build folder of the image", node.place)
    if not written.command:
        raise SettingsError("an empty command cannot be run; leave it out for `python -m model`", node.place)
    return ImageMapping(image, str(path.resolve()), written.folder, written.command, written.args)
