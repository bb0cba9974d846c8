import json
from pathlib import Path

import pytest

from storage_init import cli
from storage_init.cli import main


@pytest.fixture(autouse=True)
def _no_storage_uri(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STORAGE_URI", raising=False)


def test_pairs_are_carried_out_in_kserves_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in "ab":
        (tmp_path / name).write_text(name)
    assert main([f"{tmp_path}/a", f"{tmp_path}/1", f"file://{tmp_path}/b", f"{tmp_path}/2"]) == 0
    assert (tmp_path / "1" / "a").read_text() == "a"
    assert (tmp_path / "2" / "b").read_text() == "b"
    out, err = capsys.readouterr()
    assert out == ""
    assert all(line.startswith("storage-init: ") for line in err.splitlines())


def test_storage_uri_goes_to_mnt_models_without_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "m").touch()
    monkeypatch.setenv("STORAGE_URI", str(tmp_path / "m"))
    monkeypatch.setattr(cli, "MODELS", str(tmp_path / "mnt/models"))
    assert main([]) == 0
    assert (tmp_path / "mnt/models/m").exists()


def test_a_failure_is_exit_1_and_one_last_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hdfs://bucket/model", str(tmp_path / "models")]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("storage-init: error: Cannot fetch 'hdfs://bucket/model'")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "set STORAGE_URI"),
        (["a"], "odd number"),
        (["a", "b", "c"], "odd number of addresses (3)"),
        (["a", "gs://b"], "the order is SRC DST"),
        (["a", ""], "the order is SRC DST"),
        (["a", "x", "b", "y/../x"], "named twice"),
        (["a", "b", "--timeout", "0"], "seconds above 0"),
        (["a", "b", "--timeout", "soon"], "invalid"),
        (["a", "b", "--max-entries", "-1"], "below 0"),
        (["a", "b", "--nonsense"], "unrecognized"),
    ],
)
def test_a_command_line_that_cannot_be_understood_is_exit_2(
    arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert text in capsys.readouterr().err


def test_further_variables_come_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "m").touch()
    (tmp_path / "more").write_text(json.dumps({"STORAGE_URI": str(tmp_path / "m")}))
    monkeypatch.setenv("STORAGE_ENVIRONMENT_FILE", str(tmp_path / "more"))
    monkeypatch.setattr(cli, "MODELS", str(tmp_path / "mnt/models"))
    assert main([]) == 0
    assert (tmp_path / "mnt/models/m").exists()


@pytest.mark.parametrize(
    ("contents", "said"), [(None, "cannot be read"), ("{hush", "is no JSON"), ('["hush"]', "no JSON object of strings")]
)
def test_a_file_of_variables_that_is_none_is_said_without_its_contents(
    contents: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if contents is not None:
        (tmp_path / "more").write_text(contents)
    monkeypatch.setenv("STORAGE_ENVIRONMENT_FILE", str(tmp_path / "more"))
    with pytest.raises(SystemExit) as end:
        main(["a", "b"])
    told = capsys.readouterr().err
    assert (end.value.code, said in told, "hush" in told) == (2, True, False)
