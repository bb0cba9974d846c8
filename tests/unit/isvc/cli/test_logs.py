import io

import pytest

from isvc.backends.stack import LogLine
from isvc.cli.console import Console
from isvc.cli.logs import _write, selected
from isvc.errors import InputError

ALL = ["default/mnist/mnist-storage-initializer", "default/mnist/mnist-predictor", "default/mnist/mnist-transformer"]


@pytest.mark.parametrize(
    ("name", "component", "expected"),
    [
        (None, None, None),
        ("mnist", None, ALL),
        ("default/mnist", None, ALL),
        ("mnist-predictor", None, ALL[1:2]),
        ("mnist", "transformer", ALL[2:]),
        (None, "storage-initializer", ALL[:1]),
        ("ingress", None, ["ingress"]),
    ],
)
def test_a_name_and_a_component_mean_units(stack, service, name, component, expected):
    assert selected(stack(service()), name, component) == expected


def test_an_unknown_name_is_answered_with_the_names_there_are(stack, service):
    with pytest.raises(InputError, match="mnist-predictor"):
        selected(stack(service()), "other", None)


def test_each_line_is_headed_by_its_unit_and_plain_where_no_terminal_reads():
    out = io.StringIO()
    _write(iter([LogLine(1.0, "a", "x"), LogLine(2.0, "b", "y")]), Console(out, out))
    assert out.getvalue() == "a | x\nb | y\n"
