import pytest

from isvc.cli import main


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["fly"],
        ["up"],
        ["up", "x.yaml", "--ingress-port", "http"],
        ["up", "x.yaml", "--ingress-port", "65536"],
        ["up", "x.yaml", "--timeout", "0"],
        ["up", "x.yaml", "--timeout", "nan"],
        ["get", "-o", "table"],
        ["logs", "--tail", "-1"],
        ["predict", "x", "--protocol", "v3"],
        ["get", "--project", "../x"],
        ["down", "--all", "name"],
        ["down", "--volumes", "name"],
        ["get", "nobody"],
        ["get", "-o", "env", "nobody"],
        ["logs", "nobody"],
        ["predict", "nobody"],
        ["up", "not-there.yaml"],
    ],
)
def test_bad_input_is_exit_code_2_with_a_complaint_and_no_traceback(argv, capsys):
    assert main(argv) == 2
    complaint = capsys.readouterr().err
    assert complaint
    assert "Traceback" not in complaint


@pytest.mark.parametrize("argv", [["--help"], ["up", "--help"], ["get"], ["down"], ["logs"], ["get", "-o", "json"]])
def test_what_is_asked_of_a_project_that_has_nothing_is_no_error(argv):
    assert main(argv) == 0
