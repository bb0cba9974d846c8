from pathlib import Path

import pytest

from isvc.backends.process.binding import (
    Check,
    ProcessSite,
    Surroundings,
    bind,
    child_environment,
    site,
    wanted_ports,
)
from isvc.backends.process.revisions import folders, instances, unit_of
from isvc.plan.units import Condition, Endpoint, Folder, Need

AROUND = Surroundings(Path("/state/p"), {"HOME": "/home/me"}, lambda name: f"/bin/{name}")


NUMBERS = {"init": {}, "predictor": {"http": 1, "grpc": 2}, "transformer": {"http": 3}}


def ports(service, numbers=NUMBERS):
    return {key: numbers[name] for name, key in instances(service).items()}


def bound(service, numbers=NUMBERS):
    return {name(process): process for process in bind([service], ports(service, numbers), AROUND)}


def name(process):
    return unit_of(process.key).rpartition("/")[2]


def test_places_become_loopback_addresses_ports_and_folders_of_the_service(service):
    processes = bound(service())
    models = f"/state/p/default/mnist/{folders(service())['models']}"
    assert processes["init"].argv == ("/bin/storage-init", "/bucket", models)
    assert processes["predictor"].argv == ("/bin/predictor-mock", f"--model_dir={models}", "--http_port", "1")
    assert processes["transformer"].argv[-2:] == ("--predictor_host", "127.0.0.1:1")
    assert ("PREDICTOR", "127.0.0.1:1") in processes["transformer"].environment


def test_needs_and_checks_name_the_unit_within_the_stack(service):
    processes = bound(service())
    assert processes["predictor"].needs == (Need(instances(service())["init"], Condition.COMPLETED),)
    assert processes["predictor"].check == Check("127.0.0.1:1", "/v2/health/ready")
    assert processes["init"].check is None


def test_a_unit_runs_in_its_build_folder_or_in_the_service_own(service):
    processes = bound(service())
    assert processes["transformer"].folder == "/build/transformer"
    assert processes["predictor"].folder == "/state/p/default/mnist"


def test_a_folder_of_this_machine_is_seen_where_it_is():
    assert ProcessSite({}, {}, Path("/state")).path(Folder("/bucket/v1")) == "/bucket/v1"


def test_the_ports_of_a_site_are_those_of_its_service(service):
    there = site(service(), ports(service()), Path("/state/p"))
    assert there.address(Endpoint("predictor", "grpc")) == "127.0.0.1:2"


def test_every_unit_says_which_ports_it_needs(service):
    keys = instances(service())
    assert wanted_ports([service()]) == {
        keys["init"]: (),
        keys["predictor"]: ("http", "grpc"),
        keys["transformer"]: ("http",),
    }


def test_another_predictor_port_makes_another_predictor_and_transformer_but_not_initializer(service):
    before, after = bound(service()), bound(service(), {**NUMBERS, "predictor": {"http": 9, "grpc": 2}})
    changed = {name for name in before if before[name].fingerprint != after[name].fingerprint}
    assert changed == {"predictor", "transformer"}


def test_what_two_revisions_of_a_service_share_is_one_process(service):
    old, new = service(), service(sources=(("transformer", "edited"),))
    processes = bind([new, old], {**ports(old), **ports(new)}, AROUND)
    assert sorted(map(name, processes)) == ["init", "predictor", "transformer", "transformer"]


@pytest.mark.parametrize("name", ["PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "MAKEFLAGS"])
def test_what_would_change_the_interpreter_is_not_inherited(name):
    assert name not in child_environment({name: "x"}, {})
    assert child_environment({name: "x"}, {name: "asked for in the YAML"})[name] == "asked for in the YAML"


def test_loopback_is_never_behind_a_proxy():
    environment = child_environment({"http_proxy": "http://proxy:3128", "no_proxy": "intra.net"}, {})
    assert environment["no_proxy"] == "intra.net,127.0.0.1,localhost"
    assert environment["NO_PROXY"] == "127.0.0.1,localhost"
    assert environment["http_proxy"] == "http://proxy:3128"
