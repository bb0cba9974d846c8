"""The launcher's arguments, its refusals, and the backend directory it assembles."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

STUB = f"{sys.version_info.major}.{sys.version_info.minor}/triton_python_backend_stub"


def test_it_listens_on_loopback_unless_told(serve: ModuleType) -> None:
    given = ["tritonserver", "--model-store=/m", "--http-port", "8080"]
    assert serve.triton_arguments(given) == [
        *("--model-store=/m", "--http-port", "8080"),
        *("--http-address=127.0.0.1", "--grpc-address=127.0.0.1", "--metrics-address=127.0.0.1"),
        "--exit-timeout-secs=5",
    ]


def test_host_is_spelt_out_and_what_is_written_stays(serve: ModuleType) -> None:
    given = ["--http-address=10.0.0.1", "--exit-timeout-secs=1", "--host", "0.0.0.0"]
    assert serve.triton_arguments(given) == [
        *("--http-address=10.0.0.1", "--exit-timeout-secs=1"),
        *("--grpc-address=0.0.0.0", "--metrics-address=0.0.0.0"),
    ]


@pytest.mark.parametrize("words", [["--model-store=/a"], ["--model-store", "/a"], ["--model-repository=/a"]])
def test_a_repository_is_found_in_every_spelling(serve: ModuleType, words: list[str]) -> None:
    assert serve.repositories(words) == [Path("/a")]


def test_without_a_repository_it_says_what_to_give(serve: ModuleType) -> None:
    with pytest.raises(serve.CannotServe, match="give --model-store"):
        serve.repositories([])


@pytest.mark.parametrize(
    ("arguments", "loaded"),
    [
        ([], True),
        (["--model-control-mode=poll"], True),
        (["--model-control-mode=explicit"], False),
        (["--model-control-mode=explicit", "--load-model=a"], True),
        (["--model-control-mode=explicit", "--load-model=*"], True),
        (["--model-control-mode=explicit", "--load-model=b"], False),
    ],
)
def test_in_explicit_mode_only_named_models_are_looked_at(
    serve: ModuleType, repository: ModuleType, arguments: list[str], loaded: bool
) -> None:
    assert serve.is_loaded(repository.Model("a", "onnxruntime"), arguments) is loaded


def test_a_backend_that_is_not_there_is_refused_with_the_official_image(
    serve: ModuleType, repository: ModuleType
) -> None:
    serve.check([repository.Model(name, name) for name in ("python", "ensemble", "onnxruntime", "pytorch")])
    with pytest.raises(serve.CannotServe, match=r"model yolo needs Triton's backend tensorrt.*nvcr\.io/nvidia"):
        serve.check([repository.Model("yolo", "tensorrt")])


def test_the_backend_directory_is_assembled_once_for_each_content(serve: ModuleType, tmp_path: Path) -> None:
    wheel, ours, prefix = tmp_path / "wheel", tmp_path / "ours", tmp_path / "prefix"
    for file in (
        wheel / "backends/python/libtriton_python.so",
        wheel / "python_backend_stubs" / STUB,
        ours / "a/model.py",
    ):
        file.parent.mkdir(parents=True)
        file.write_text("x")
    prefix.mkdir()
    folder = serve.assemble(wheel, ours, prefix)
    found = sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
    assert found == ["a/model.py", "python/libtriton_python.so", "python/triton_python_backend_stub"]
    assert serve.assemble(wheel, ours, prefix) == folder
    (ours / "a/model.py").write_text("y")
    assert serve.assemble(wheel, ours, prefix) != folder
    assert len(list(prefix.iterdir())) == 2, "nothing half made is left"


def test_triton_finds_its_python_and_its_libraries(serve: ModuleType) -> None:
    made = serve.environment({"PATH": "/usr/bin"}, Path("/p/pytriton/tritonserver"), [Path("/a"), Path("/b")], None)
    assert made["PATH"] == f"{sys.prefix}/bin{os.pathsep}/usr/bin"
    assert "/p/nvidia_pytriton.libs" in made["LD_LIBRARY_PATH"].split(os.pathsep)
    assert made["MODEL_REPOSITORIES"] == f"/a{os.pathsep}/b"


def test_torch_that_nobody_can_bring_is_said(serve: ModuleType) -> None:
    with pytest.raises(serve.CannotServe, match="TORCH=1"):
        serve.torch_packages(find=lambda _: None)


@pytest.mark.parametrize(
    ("complete", "arguments", "spared"),
    [
        ([True, True], [], True),
        ([True], ["--model-control-mode=none"], True),
        ([True, False], [], False),
        ([True], ["--model-control-mode=explicit"], False),
        ([True], ["--model-control-mode", "poll"], False),
        ([], [], False),
    ],
)
def test_triton_is_spared_the_completion_of_models_that_are_complete(
    serve: ModuleType, repository: ModuleType, complete: list[bool], arguments: list[str], spared: bool
) -> None:
    found = [repository.Model("a", "onnxruntime", each) for each in complete]
    assert serve.needs_no_completion(found, arguments) is spared
