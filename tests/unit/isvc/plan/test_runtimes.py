"""The data files: KServe's runtimes as facts, and that what runs them here fits."""

from __future__ import annotations

import re

import pytest

from isvc import runtimes
from isvc.manifest import ServingRuntime
from isvc.runtimes import Catalogue

PROTOCOLS = {
    "kserve-sklearnserver": ("v1", "v2"),
    "kserve-xgbserver": ("v1", "v2"),
    "kserve-lgbserver": ("v1", "v2"),
    "kserve-predictiveserver": ("v1", "v2"),
    "kserve-pmmlserver": ("v1", "v2"),
    "kserve-paddleserver": ("v1", "v2"),
    "kserve-autogluonserver": ("v1", "v2"),
    "kserve-mlserver": ("v2",),
    "kserve-tensorflow-serving": ("v1", "grpc-v1"),
    "kserve-tritonserver": ("v2", "grpc-v2"),
    "kserve-torchserve": ("v1", "v2", "grpc-v2"),
    "kserve-huggingfaceserver": ("v2", "v1"),
    "kserve-huggingfaceserver-multinode": ("v2", "v1"),
    "kserve-vllmserver": (),
}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return runtimes.load()


def _by_name(catalogue: Catalogue) -> dict[str, ServingRuntime]:
    return {runtime.metadata.name: runtime for runtime in catalogue.runtimes}


def test_every_runtime_of_the_default_install_is_there_with_its_protocols(catalogue: Catalogue) -> None:
    assert {name: rt.spec.protocol_versions for name, rt in _by_name(catalogue).items()} == PROTOCOLS


def test_they_belong_to_the_cluster_and_declare_no_ports(catalogue: Catalogue) -> None:
    for runtime in catalogue.runtimes:
        (container,) = runtime.spec.containers
        assert runtime.cluster_wide
        assert (container.name, container.ports) == ("kserve-container", ())
        assert re.search(r":[^/]+$", container.image), "an image has a tag"


def test_each_way_to_run_names_a_runtime_and_a_program(catalogue: Catalogue) -> None:
    assert {*catalogue.program_names, *catalogue.real} <= set(_by_name(catalogue))
    assert {*catalogue.program_names.values(), *catalogue.real.values()} == set(catalogue.programs)


def test_a_program_listens_on_the_ports_it_names(catalogue: Catalogue) -> None:
    for program in catalogue.programs.values():
        texts = (*program.command, *(program.environment or {}).values())
        used = {*re.findall(r"\$\(port:([a-z]+)\)", " ".join(texts)), *(program.flags or {}).values()}
        # MLServer is told the other two by the runtime's own variables.
        assert used | ({"http", "grpc"} if program.role == "mlserver" else set()) == set(program.ports)
        assert {"http", "grpc"} <= set(program.ports)
