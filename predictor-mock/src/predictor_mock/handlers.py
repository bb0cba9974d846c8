"""Running the handler of a TorchServe archive without TorchServe: a stand-in for its base handler, and the loading.

A handler runs here if it needs nothing beyond the standard library, numpy and onnxruntime. It is code out of the
model archive,
run with this server's rights, as TorchServe runs it. Rules as in `ts/model_loader.py` and
`ts/torch_handler/base_handler.py` of 0.12.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from modelapi.errors import InvalidInput
from predictor_mock.engines import open_session
from predictor_mock.errors import BrokenModel

MANIFEST = "MAR-INF/MANIFEST.json"
_BAD_ROWS = (ValueError, TypeError, LookupError)

Check = Callable[[Any], None]
Handle = Callable[[list[Any], "Context"], list[Any]]


class HandlerNotRunnable(Exception):
    """The handler needs something that is not here; the message says what."""


@dataclass(frozen=True)
class Archive:
    """An unpacked archive."""

    folder: Path
    handler: str
    serialized: Path | None

    @property
    def onnx(self) -> Path | None:
        """The model, if it is an ONNX file."""
        return self.serialized if self.serialized is not None and self.serialized.suffix == ".onnx" else None


class Metrics:
    """Takes what handlers count, and drops it."""

    def add_time(self, *_: Any, **__: Any) -> None: ...
    def add_counter(self, *_: Any, **__: Any) -> None: ...
    def add_size(self, *_: Any, **__: Any) -> None: ...
    def add_percent(self, *_: Any, **__: Any) -> None: ...
    def add_error(self, *_: Any, **__: Any) -> None: ...


@dataclass
class Context:
    """What a handler is told about its model; `check` looks at what its preprocess gave."""

    manifest: dict[str, Any]
    system_properties: dict[str, Any]
    check: Check
    model_yaml_config: dict[str, Any] = field(default_factory=dict)
    metrics: Metrics = field(default_factory=Metrics)

    def get_request_header(self, index: int, name: str) -> str | None:
        """Handlers see no headers here."""
        return None

    def get_request_id(self, index: int = 0) -> str:
        return "N.A."


class BaseHandler:
    """Stands in for `ts.torch_handler.base_handler.BaseHandler`: `self.model` is the ONNX session."""

    def __init__(self) -> None:
        self.model: Any = None
        self.manifest: Any = None
        self.context: Context | None = None
        self.mapping: Any = None
        self.device = "cpu"
        self.map_location = "cpu"
        self.initialized = False

    def initialize(self, context: Context) -> None:
        self.manifest = context.manifest
        folder = Path(context.system_properties["model_dir"])
        serialized = context.manifest["model"].get("serializedFile", "")
        if serialized.endswith(".onnx"):
            self.model = open_session(folder / serialized)
        labels = folder / "index_to_name.json"
        self.mapping = json.loads(labels.read_text(encoding="utf-8")) if labels.is_file() else None
        self.initialized = True

    def preprocess(self, data: list[Any]) -> Any:
        return np.asarray(
            [row.get("data", row.get("body")) if isinstance(row, dict) else row for row in data], np.float32
        )

    def inference(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        return self.model.run(None, {self.model.get_inputs()[0].name: data})[0]

    def postprocess(self, data: Any) -> list[Any]:
        return list(data.tolist())

    def handle(self, data: list[Any], context: Context) -> list[Any]:
        self.context = context
        with bad_rows():
            ready = self.preprocess(data)
        context.check(ready)
        return self.postprocess(self.inference(ready))


@contextmanager
def bad_rows() -> Iterator[None]:
    """What a handler stumbles over while it reads the request is the request's fault."""
    try:
        yield
    except InvalidInput:
        raise
    except _BAD_ROWS as exc:
        raise InvalidInput(f"the model's handler cannot read the request: {type(exc).__name__}: {exc}") from exc


def unpack(path: Path, folder: Path) -> Archive:
    """Unpacks an archive. Raises BrokenModel for one that is none or that misses a part."""
    try:
        with ZipFile(path) as archive:
            archive.extractall(folder)
        model = _manifest(folder)["model"]
        handler = str(model["handler"])
        serialized = model.get("serializedFile")
    except (BadZipFile, OSError, json.JSONDecodeError, KeyError, TypeError) as exc:
        raise BrokenModel(path, f"no TorchServe model archive ({exc!r})") from exc
    if serialized is not None and not (folder / serialized).is_file():
        raise BrokenModel(path, f"its manifest names {serialized!r}, which is not in it")
    return Archive(folder, handler, folder / serialized if serialized is not None else None)


def load(archive: Archive, check: Check) -> tuple[Handle, Context]:
    """The archive's entry point, initialized, and the context to call it with.

    Raises HandlerNotRunnable when it needs modules that are not here, or is one of TorchServe's own.
    """
    file, _, function = archive.handler.partition(":")
    path = archive.folder / (file if file.endswith(".py") else f"{file}.py")
    if not path.is_file():
        raise HandlerNotRunnable(f"{archive.handler!r} is a handler of TorchServe's own")
    properties = {"model_dir": str(archive.folder), "gpu_id": None, "batch_size": 1}
    context = Context(_manifest(archive.folder), properties, check)
    module = _import(path)
    entry = getattr(module, function or "handle", None)
    if entry is not None:
        entry(None, context)
        return entry, context
    handler = _handler_class(module, path)()
    handler.initialize(context)
    return handler.handle, context


def _manifest(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return manifest


def _handler_class(module: types.ModuleType, path: Path) -> Any:
    found = [kind for kind in vars(module).values() if isinstance(kind, type) and kind.__module__ == module.__name__]
    if len(found) != 1:
        raise BrokenModel(
            path, f"a handler file has one class or a function `handle`; this one has {len(found)} classes"
        )
    return found[0]


def _import(path: Path) -> types.ModuleType:
    name = f"predictor_mock_handler_{path.parent.name}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BrokenModel(path, "Python cannot import it")
    module = importlib.util.module_from_spec(spec)
    with _torchserve_modules(), _on_path(path.parent):
        try:
            spec.loader.exec_module(module)
        except ImportError as exc:
            raise HandlerNotRunnable(f"its handler needs {exc.name or exc}, which is not installed") from exc
        except SyntaxError as exc:
            raise BrokenModel(path, f"line {exc.lineno}: {exc.msg}") from exc
    return module


@contextmanager
def _torchserve_modules() -> Iterator[None]:
    """`import ts.torch_handler.base_handler` finds the stand-in, for as long as a handler is imported."""
    base = types.ModuleType("ts.torch_handler.base_handler")
    base.BaseHandler = BaseHandler  # type: ignore[attr-defined]  # modules take attributes
    modules = {
        "ts": types.ModuleType("ts"),
        "ts.torch_handler": types.ModuleType("ts.torch_handler"),
        "ts.torch_handler.base_handler": base,
    }
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


@contextmanager
def _on_path(folder: Path) -> Iterator[None]:
    """Handlers import the files beside them."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
