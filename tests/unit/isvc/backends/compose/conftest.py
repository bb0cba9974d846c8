"""A small service of every kind of unit, and the plan of the examples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from isvc import manifest, plan, settings
from isvc.plan.units import (
    Component,
    Condition,
    Directory,
    Endpoint,
    Folder,
    Mount,
    Need,
    Plan,
    Port,
    Probe,
    Route,
    ServicePlan,
    Unit,
)

ROOT = Path(__file__).resolve().parents[5]
MODELS = Directory("models")


@pytest.fixture
def make_service() -> Callable[..., ServicePlan]:
    return _service


@pytest.fixture
def service() -> ServicePlan:
    return _service()


def _service(name: str = "digits", namespace: str = "default", source: str = "/data/v1") -> ServicePlan:
    initializer = Unit(
        name=f"{name}-storage-initializer",
        component=Component.STORAGE_INITIALIZER,
        command=(("storage-init",), (Folder(source),), (MODELS,)),
    )
    predictor = Unit(
        name=f"{name}-predictor",
        component=Component.PREDICTOR,
        command=(("predictor-mock",), ("--model_dir=", MODELS), ("--http_port",), (Port("http"),)),
        environment=(("PRICE", ("5$",)),),
        ports=(("http", 8080), ("grpc", 9000)),
        mounts=(Mount(MODELS, "/mnt/models"),),
        needs=(Need(f"{name}-storage-initializer", Condition.COMPLETED),),
        probe=Probe("http", "/v2/health/ready"),
        memory=512 * 2**20,
    )
    transformer = Unit(
        name=f"{name}-transformer",
        component=Component.TRANSFORMER,
        command=(("python",), ("-m",), ("model",), ("--predictor_host",), (Endpoint(f"{name}-predictor", "grpc"),)),
        ports=(("http", 8080), ("grpc", 8081)),
        needs=(Need(f"{name}-predictor", Condition.READY),),
        probe=Probe("http"),
        image="kserve/image-transformer:latest",
        folder=str(ROOT / "transformer"),
    )
    front = f"{name}-transformer"
    return ServicePlan(
        name=name,
        namespace=namespace,
        units=(initializer, predictor, transformer),
        route=Route((f"{name}.{namespace}.example.com",), Endpoint(front, "http"), Endpoint(front, "grpc")),
        model_name=name,
    )


@pytest.fixture(scope="session")
def examples() -> Plan:
    """The plan that compose.yaml is to be equal to."""
    files = (
        ROOT / "examples/torch-transformer/transformer-new.yaml",
        ROOT / "examples/torch-grpc-transformer/grpc_transformer.yaml",
    )
    return plan.build(manifest.read(files), settings.load(ROOT, None))
