from collections.abc import Callable

import pytest

from isvc.backends.records import WantedService
from isvc.plan.units import Component, Condition, Directory, Endpoint, Need, Port, Probe, Route, ServicePlan, Unit

HTTP = (("http", 8080),)


def initializer() -> Unit:
    return Unit("init", Component.STORAGE_INITIALIZER, (("storage-init",), ("/bucket",), (Directory("models"),)))


def predictor() -> Unit:
    return Unit(
        name="predictor",
        component=Component.PREDICTOR,
        command=(("predictor-mock",), ("--model_dir=", Directory("models")), ("--http_port",), (Port("http"),)),
        ports=(*HTTP, ("grpc", 9000)),
        needs=(Need("init", Condition.COMPLETED),),
        probe=Probe("http", "/v2/health/ready"),
    )


def transformer() -> Unit:
    return Unit(
        name="transformer",
        component=Component.TRANSFORMER,
        command=(("python",), ("-m",), ("model",), ("--predictor_host",), (Endpoint("predictor", "http"),)),
        environment=(("PREDICTOR", (Endpoint("predictor", "http"),)),),
        ports=HTTP,
        needs=(Need("predictor", Condition.READY),),
        probe=Probe("http"),
        folder="/build/transformer",
    )


@pytest.fixture
def service() -> Callable[..., WantedService]:
    def make(name: str = "mnist", **changes: object) -> WantedService:
        units = (initializer(), predictor(), transformer())
        endpoint = Endpoint("transformer", "http")
        plan = ServicePlan(name, "default", units, Route((f"{name}.example.com",), endpoint, None), "mnist")
        return WantedService(plan, created=1000.0, **changes)  # type: ignore[arg-type]

    return make
