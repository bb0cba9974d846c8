"""Arguments that lead nowhere; servers that run are the integration tests' business."""

from __future__ import annotations

from pathlib import Path

import pytest

from predictor_mock import cli

from .conftest import Write


def run(*arguments: str) -> int:
    return cli.main([*arguments, "--configure_logging=false"])


def test_a_missing_model_directory_ends_with_1_and_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--model_dir", str(tmp_path / "none")) == 1
    assert capsys.readouterr().err.startswith(f"predictor-mock: nothing to serve in {tmp_path / 'none'}: ")


def test_a_broken_model_ends_with_1_and_its_path(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    path = write("model.onnx", b"no model")

    assert run("--model_dir", str(path)) == 1
    assert f"predictor-mock: {path}: onnxruntime cannot open it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--error_rate", "2"], "--error_rate must be between 0 and 1"),
        (["--latency_ms", "soon"], "argument --latency_ms: invalid float value"),
        (["--error_status", "200"], "--error_status must be one of"),
        (["--startup_seconds", "-1"], "--startup_seconds must be 0 or more"),
        (["--workers", "2"], "--workers must be 1"),
        (["--model_dri", "x"], "unrecognized arguments: --model_dri"),
    ],
)
def test_arguments_that_make_no_sense_end_with_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*arguments)

    assert ended.value.code == 2
    assert message in capsys.readouterr().err
