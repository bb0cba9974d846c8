#!/usr/bin/env python3
"""Runs the Triton Inference Server that PyPI's `nvidia-pytriton` ships, with the arguments of KServe's runtime.

    python serve.py [tritonserver] [--host ADDRESS] [any argument of tritonserver]

`--host` is where it listens, 127.0.0.1 unless it is given; all else is Triton's own. The wheel has Triton's Python
backend only. What ONNX and TorchScript models need stands in `backends/` beside this file; a model for a backend that
is not there ends this program with a message before Triton starts.

This process becomes Triton: signals reach it directly, and there is no parent to outlive. Standard library only.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

from repository import BUILT_IN, Model, read

BACKENDS = Path(__file__).resolve().parent / "backends"
OFFICIAL_IMAGE = "nvcr.io/nvidia/tritonserver"
ADDRESSES = ("--http-address", "--grpc-address", "--metrics-address")
EXIT_SECONDS = 5
"""How long Triton waits for requests on its way when it is asked to end. Its own 30 are more than supervisors wait."""
TORCH_SECONDS = 1800


class CannotServe(Exception):
    """Said to the user; exit code 1."""


def main(argv: Sequence[str]) -> int:
    if argv == ["--assemble"]:
        assemble(wheel(), BACKENDS, Path(sys.prefix))
        return 0
    try:
        serve(argv)
    except CannotServe as exc:
        print(f"tritonserver: {exc}", file=sys.stderr)  # noqa: T201  # the composition root
    return 1


def serve(argv: Sequence[str]) -> NoReturn:
    arguments = triton_arguments(argv)
    found = read(repositories(arguments))
    models = [model for model in found if is_loaded(model, arguments)]
    check(models)
    if needs_no_completion(found, arguments):
        arguments.append("--disable-auto-complete-config")
    torch = torch_packages() if any(model.backend == "pytorch" for model in models) else None
    server = wheel()
    if not has(arguments, "--backend-directory"):
        arguments.append(f"--backend-directory={assemble(server, BACKENDS, Path(sys.prefix))}")
    program = str(server / "bin" / "tritonserver")
    variables = environment(os.environ, server, repositories(arguments), torch)
    os.execve(program, [program, *arguments], variables)  # noqa: S606  # no shell


def triton_arguments(argv: Sequence[str]) -> list[str]:
    """Triton's own arguments: `--host` spelt out for each of its servers, defaults that suit a supervisor added."""
    host, rest = "127.0.0.1", list(argv[1:] if argv[:1] == ["tritonserver"] else argv)
    if "--host" in rest[:-1]:
        at = rest.index("--host")
        host = rest[at + 1]
        del rest[at : at + 2]
    rest += [f"{flag}={host}" for flag in ADDRESSES if not has(rest, flag)]
    if not has(rest, "--exit-timeout-secs"):
        rest.append(f"--exit-timeout-secs={EXIT_SECONDS}")
    return rest


def has(arguments: Iterable[str], flag: str) -> bool:
    return any(argument.partition("=")[0] == flag for argument in arguments)


def values(arguments: Sequence[str], flag: str) -> list[str]:
    """Every value of `flag`, written `--flag=value` or `--flag value`."""
    found = [following for name, following in pairwise(arguments) if name == flag]
    return found + [argument.partition("=")[2] for argument in arguments if argument.startswith(f"{flag}=")]


def repositories(arguments: Sequence[str]) -> list[Path]:
    named = [value for flag in ("--model-store", "--model-repository") for value in values(arguments, flag)]
    if not named:
        raise CannotServe("no model repository is named; give --model-store=FOLDER")
    return [Path(name) for name in named]


def is_loaded(model: Model, arguments: Sequence[str]) -> bool:
    """Whether Triton loads it as it starts: all models, or in explicit mode those that are named."""
    if values(arguments, "--model-control-mode")[-1:] != ["explicit"]:
        return True
    return model.name in (named := values(arguments, "--load-model")) or "*" in named


def needs_no_completion(found: Sequence[Model], arguments: Sequence[str]) -> bool:
    """Whether every model is complete and none can come later: starting each backend once is enough then."""
    fixed = values(arguments, "--model-control-mode")[-1:] in ([], ["none"])
    return fixed and bool(found) and all(model.complete for model in found)


def check(models: Iterable[Model]) -> None:
    ours = sorted({*BUILT_IN, *(folder.name for folder in BACKENDS.iterdir())})
    for model in models:
        if model.backend not in ours:
            raise CannotServe(
                f"model {model.name} needs Triton's backend {model.backend}, which PyPI's Triton does not have (it has "
                f"{', '.join(ours)}); the official image has: on Compose, TRITON_IMAGE={OFFICIAL_IMAGE}:<version>-py3"
            )


def wheel() -> Path:
    """Where the wheel put Triton. Raises CannotServe."""
    folder = Path(sysconfig.get_path("purelib")) / "pytriton" / "tritonserver"
    if not folder.is_dir():
        raise CannotServe("nvidia-pytriton is not in this environment; install triton/requirements.lock")
    return folder


def assemble(server: Path, ours: Path, prefix: Path) -> Path:
    """A backend directory under `prefix`: the wheel's Python backend with this Python's stub beside it, and `ours`.

    Made once for each content of `ours`; beside its place and renamed, so that a half-made one is never used.
    """
    folder = prefix / f"triton-backends-{_digest(ours)}"
    if folder.is_dir():
        return folder
    beside = Path(tempfile.mkdtemp(dir=prefix, prefix=".triton-backends-"))
    beside.chmod(0o755)
    shutil.copytree(server / "backends", beside, dirs_exist_ok=True)
    shutil.copytree(ours, beside, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stub = "triton_python_backend_stub"
    shutil.copy2(server / "python_backend_stubs" / version / stub, beside / "python" / stub)
    with suppress(FileExistsError):
        try:
            beside.rename(folder)
        except OSError:  # another start was first, and its folder is not empty
            shutil.rmtree(beside)
    return folder


def _digest(folder: Path) -> str:
    seen = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        seen.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes() + b"\0")
    return seen.hexdigest()[:12]


def environment(
    inherited: Mapping[str, str], server: Path, repositories: Iterable[Path], torch: Path | None
) -> dict[str, str]:
    """Triton's Python backend runs on the first `python3` on PATH, and needs libpython and the wheel's libraries.

    It reads no PYTHONPATH. The last two are for `backends/`, which Triton does not tell what they have to know.
    """
    libraries = [str(sysconfig.get_config_var("LIBDIR")), str(server.parents[1] / "nvidia_pytriton.libs")]
    return {
        **inherited,
        "PATH": os.pathsep.join([str(Path(sys.prefix) / "bin"), inherited.get("PATH", os.defpath)]),
        "LD_LIBRARY_PATH": os.pathsep.join(filter(None, [*libraries, inherited.get("LD_LIBRARY_PATH")])),
        "MODEL_REPOSITORIES": os.pathsep.join(map(str, repositories)),
        "TORCH_PACKAGES": str(torch or ""),
    }


def torch_packages(find: Callable[[str], str | None] = shutil.which) -> Path | None:
    """The folder in which torch is found, None for our own; `isvc` makes its environment if it has to."""
    if (Path(sysconfig.get_path("purelib")) / "torch").is_dir():
        return None
    isvc = find("isvc")
    if isvc is None:
        raise CannotServe(
            "a TorchScript model needs torch, which this environment does not have; build the image with "
            "--build-arg TORCH=1, or install triton/torch.lock"
        )
    try:
        made = subprocess.run(
            [isvc, "environment", "triton-torch"], stdout=subprocess.PIPE, text=True, timeout=TORCH_SECONDS, check=True
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as exc:
        raise CannotServe("a TorchScript model needs torch, and its environment could not be made") from exc
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return Path(made.stdout.splitlines()[-1]) / "lib" / version / "site-packages"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
