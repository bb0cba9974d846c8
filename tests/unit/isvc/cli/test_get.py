import pytest

from isvc.backends.stack import Phase, RouteState
from isvc.cli.get import age, services_table, shell_variables, table, units_table
from isvc.server.exchange import Ingress


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (185, "3m5s"),
        (600, "10m"),
        (3600, "60m"),
        (7260, "2h1m"),
        (86400, "24h"),
        (180000, "2d2h"),
        (8640000, "100d"),
    ],
)
def test_an_age_reads_as_kubectl_writes_it(seconds, text):
    assert age(seconds) == text


def test_the_table_has_kserves_columns(service):
    header, row = services_table([service()], now=61.0).splitlines()
    assert header.split() == [
        *("NAME", "URL", "READY", "PREV", "LATEST", "PREVROLLEDOUTREVISION", "LATESTREADYREVISION", "AGE")
    ]
    assert row.split() == ["mnist", "http://mnist.default.example.com", "True", "61s"]


def test_a_service_that_was_never_ready_has_no_url(service):
    starting = service(phases=(Phase.STARTING, Phase.WAITING, Phase.WAITING), route=RouteState.ABSENT)
    assert services_table([starting], now=1.0).splitlines()[1].split() == ["mnist", "False", "1s"]


def test_a_service_whose_predictor_is_away_is_not_ready_and_wide_says_why(service, stack):
    away = service(phases=(Phase.COMPLETED, Phase.FAILED, Phase.READY), last_lines=("first", "out of memory"))
    assert "False" in services_table([away], now=1.0)
    row = next(line for line in units_table(stack(away), [away]).splitlines() if "mnist-predictor" in line)
    assert "Failed" in row
    assert row.endswith("out of memory")


def test_columns_are_as_wide_as_their_widest_cell_and_lines_end_without_blanks():
    assert table(("A", "B"), [("long", ""), ("x", "y")]) == "A      B\nlong\nx      y"


def test_shell_variables_are_kserves_own_and_safe_to_evaluate(service):
    text = shell_variables(Ingress("127.0.0.1", 8080), service())
    assert text.splitlines() == [
        "INGRESS_HOST=127.0.0.1",
        "INGRESS_PORT=8080",
        "KSERVE_INGRESS_HOST_PORT=127.0.0.1:8080",
        "SERVICE_HOSTNAME=mnist.default.example.com",
        "MODEL_NAME=model",
    ]
