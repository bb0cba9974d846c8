"""`import kserve` means this library: what `modelapi run` puts in place for its process, and nothing else does."""

import importlib.util
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

NAME = "kserve"
_OWN = "modelapi"


class _SameModule(Loader):
    """Gives the library's own module object for KServe's name, and leaves it as it was."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(_OWN + spec.name.removeprefix(NAME))
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != NAME and not fullname.startswith(f"{NAME}."):
            return None
        own = _OWN + fullname.removeprefix(NAME)
        found = importlib.util.find_spec(own)
        if found is None:
            return None
        return ModuleSpec(fullname, _SameModule(), is_package=found.submodule_search_locations is not None)


def install() -> None:
    """From now on, `kserve` is this library in this process."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def uninstall() -> None:
    """Undo `install`."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Finder)]
    for name in [name for name in sys.modules if name == NAME or name.startswith(f"{NAME}.")]:
        del sys.modules[name]
