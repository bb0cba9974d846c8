import json

import pytest

from isvc.backends import records
from isvc.backends.records import ProcessId, Report, Wanted
from isvc.backends.stack import Phase, RouteState, ServiceStatus, StackStatus, UnitStatus


def test_what_is_wanted_survives_json(service):
    wanted = Wanted(3, 8080, (service("one", sources=(("transformer", "abc"),)), service("two")))
    assert records.load(records.dump(wanted), Wanted) == wanted


def test_a_report_survives_json(service):
    unit = UnitStatus("predictor", Phase.FAILED, None, (("http", "127.0.0.1:1"),), 2, 1, True, ("why", "so"))
    services = (ServiceStatus(service().plan, 12.5, RouteState.UNAVAILABLE, (unit,)),)
    status = StackStatus("p", "process", True, ingress_port=8080, services=services, ingress=unit, generation=4)
    report = Report(ProcessId(1, 2.5), status, (("default/mnist/predictor", ProcessId(3, 4.5)),))
    assert records.load(records.dump(report), Report) == report


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '"text"',
        '{"is": "Unknown"}',
        '{"is": "ProcessId", "pid": 1, "created": 2}',
        '{"is": "Wanted", "generation": 1, "ingress_port": 1, "services": [], "of_tomorrow": 1}',
    ],
)
def test_what_another_version_wrote_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        records.load(text, Wanted)


def test_the_json_has_no_class_but_those_of_the_records(service):
    names = set()

    def collect(value):
        if isinstance(value, dict):
            names.add(value["is"])
            [collect(item) for item in value.values()]
        elif isinstance(value, list):
            [collect(item) for item in value]

    collect(json.loads(records.dump(Wanted(1, 1, (service(),)))))
    assert names >= {"Wanted", "WantedService", "ServicePlan", "Unit", "Endpoint", "Port", "Directory", "Condition"}


def test_the_processes_of_a_report_can_be_read_whatever_else_is_in_it():
    text = json.dumps(
        {
            "is": "ReportOfTomorrow",
            "supervisor": {"is": "ProcessId", "pid": 1, "created": 2.5},
            "children": [["default/mnist/predictor", {"is": "ProcessId", "pid": 3, "created": 4.5}]],
            "status": {"is": "Unknown"},
        }
    )
    assert records.process_ids(text) == (ProcessId(1, 2.5), ProcessId(3, 4.5))


@pytest.mark.parametrize("text", ["", "{}", "[]", "7", '{"supervisor": null, "children": []}'])
def test_what_is_no_report_names_no_process(text):
    assert records.process_ids(text) == ()
