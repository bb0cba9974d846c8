"""The ingress' routes where a service has copies, canaries, a timeout or a path."""

from __future__ import annotations

from typing import Any

from isvc.backends.ingress import service_routes
from isvc.plan.units import Endpoint, Route, ServicePlan, Share

HOSTS = ("iris.default.example.com",)
READY = {"iris-predictor", "iris-predictor-2", "iris-next-predictor"}


def _routes(route: Route, ready: set[str] = READY, **more: Any) -> dict[str, Any]:
    plan = ServicePlan("iris", "default", (), route, "iris", **more)
    routes: dict[str, Any] = service_routes(plan, lambda at: f"{at.unit}:{at.port}" if at.unit in ready else None)
    return dict(routes["http"])


def _rest(unit: str) -> Endpoint:
    return Endpoint(unit, "http")


def test_requests_are_spread_over_the_copies_that_are_ready() -> None:
    copies = (("iris-predictor", ("iris-predictor-2", "iris-predictor-3")),)
    found = _routes(Route(HOSTS, _rest("iris-predictor"), None), copies=copies)
    assert found["services"]["default-iris-predictor"] == {
        "loadBalancer": {"servers": [{"url": "http://iris-predictor:http"}, {"url": "http://iris-predictor-2:http"}]}
    }


def test_a_canary_gets_its_share_and_the_stable_predictor_the_rest() -> None:
    share = Share(_rest("iris-next-predictor"), Endpoint("iris-next-predictor", "grpc"), 20)
    route = Route(HOSTS, _rest("iris-predictor"), Endpoint("iris-predictor", "grpc"), canaries=(share,))
    services = _routes(route)["services"]
    for name, scheme in (("default-iris-predictor-split", "http"), ("default-iris-predictor-split-grpc", "h2c")):
        weights = {part["name"]: part["weight"] for part in services[name]["weighted"]["services"]}
        assert sorted(weights.values()) == [20, 80]
        assert set(weights) <= set(services)
        (url,) = services[f"{name}-iris-next-predictor"]["loadBalancer"]["servers"]
        assert url["url"].startswith(f"{scheme}://iris-next-predictor:")


def test_a_canary_that_is_away_gets_nothing() -> None:
    share = Share(_rest("iris-next-predictor"), None, 20)
    services = _routes(Route(HOSTS, _rest("iris-predictor"), None, canaries=(share,)), {"iris-predictor"})["services"]
    (only,) = services["default-iris-predictor-split"]["weighted"]["services"]
    assert only == {"name": "default-iris-predictor-split-stable", "weight": 100}


def test_a_timeout_is_that_of_every_server_of_the_route() -> None:
    found = _routes(Route(HOSTS, _rest("iris-predictor"), Endpoint("iris-predictor", "grpc"), timeout=7))
    (name,) = found["serversTransports"]
    assert found["serversTransports"][name] == {"forwardingTimeouts": {"responseHeaderTimeout": "7s"}}
    assert {one["loadBalancer"]["serversTransport"] for one in found["services"].values()} == {name}


def test_below_its_path_a_service_answers_on_the_domain() -> None:
    route = Route(HOSTS, _rest("iris-predictor"), None, path="/serving/default/iris/", path_host="example.com")
    found = _routes(route)
    router = found["routers"]["default-iris-predictor-path"]
    assert router["rule"] == "Host(`example.com`) && PathPrefix(`/serving/default/iris/`)"
    (taken_off,) = [found["middlewares"][name] for name in router["middlewares"] if name in found["middlewares"]]
    assert taken_off == {"stripPrefix": {"prefixes": ["/serving/default/iris"]}}


def test_a_service_that_is_stopped_has_no_route() -> None:
    assert _routes(Route(HOSTS, _rest("iris-predictor"), None), stopped=True) == {}
