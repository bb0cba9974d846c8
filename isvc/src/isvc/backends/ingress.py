"""Traefik's dynamic configuration for InferenceServices: the same routes whatever runs behind them. Pure.

REST and gRPC share one port and are told apart by path; a host that no service has is answered 404. A server that does
not take a connection is answered 503 (UNAVAILABLE to a gRPC client), where Traefik alone would say 502.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from isvc.plan.units import Endpoint, Route, ServicePlan

LONGEST_PREDICTION = 600
"""Seconds. Traefik's own default cuts a request off whose body takes longer than 60 s to arrive."""
GRPC_PATHS = ("/inference.GRPCInferenceService/", "/grpc.health.", "/grpc.reflection.")
UNAVAILABLE = "unavailable"
_NOBODY = "nobody"


def static_arguments(address: str, routes: str) -> list[str]:
    """Traefik's command line, after its name: one entry point at `address`, its routes in the folder `routes`."""
    timeouts = "--entryPoints.web.transport.respondingTimeouts"
    return [
        f"--entryPoints.web.address={address}",
        f"{timeouts}.readTimeout={LONGEST_PREDICTION}s",
        f"{timeouts}.idleTimeout={LONGEST_PREDICTION}s",
        "--entryPoints.web.transport.lifeCycle.graceTimeOut=2s",
        f"--providers.file.directory={routes}",
        "--providers.file.watch=true",
        "--providers.providersThrottleDuration=20ms",
        "--global.checkNewVersion=false",
        "--global.sendAnonymousUsage=false",
        "--log.level=ERROR",
        "--log.noColor=true",
    ]


def service_routes(
    plan: ServicePlan, address: Callable[[Endpoint], str | None], middlewares: Sequence[str] = (UNAVAILABLE,)
) -> dict[str, Any]:
    """Routers and servers of one service and of its components; nothing of one that is stopped.

    `UNAVAILABLE` refers to what `shared` holds.

    An endpoint without an address has no server: requests for it are answered 503 until it has one again.
    """
    routers: dict[str, Any] = {}
    servers: dict[str, Any] = {}
    if plan.stopped:
        return {"http": {}}
    parts: dict[str, dict[str, Any]] = {"routers": routers, "services": servers}
    for target, hosts in _hosts_by_target(plan).items():
        name = f"{plan.namespace}-{target.rest.unit}{'-split' if target.canaries else ''}"
        own_middlewares = middlewares
        if (instances := len(plan.instances(target.rest))) > 1:
            parts["middlewares"] = parts.get("middlewares", {}) | _another(name, instances)
            own_middlewares = (*middlewares, f"{name}-another")
        routers[name] = _router(name, hosts, own_middlewares)
        servers |= _destination(
            name, "http", target.rest, [(c.rest, c.percent) for c in target.canaries], plan, address
        )
        if target.grpc is not None:
            own = [(c.grpc, c.percent) for c in target.canaries if c.grpc is not None]
            routers[f"{name}-grpc"] = _router(f"{name}-grpc", hosts, own_middlewares, GRPC_PATHS)
            servers |= _destination(f"{name}-grpc", "h2c", target.grpc, own, plan, address)
        if target.timeout is not None:
            parts["serversTransports"] = parts.get("serversTransports", {}) | _transport(name, target.timeout, servers)
    if plan.route.path:
        below = _below_a_path(plan, next(iter(routers)), routers, middlewares)
        parts["middlewares"] = parts.get("middlewares", {}) | below
    return {"http": parts}


def _hosts_by_target(plan: ServicePlan) -> dict[Route, tuple[str, ...]]:
    """The service's host and the transformer's lead to the same unit, and share its routers."""
    hosts: dict[Route, tuple[str, ...]] = {}
    for route in (plan.route, *plan.component_routes):
        target = replace(route, hosts=(), path="", path_host="")
        hosts[target] = (*hosts.get(target, ()), *route.hosts)
    return hosts


def _destination(
    name: str,
    scheme: str,
    stable: Endpoint,
    canaries: Sequence[tuple[Endpoint, int]],
    plan: ServicePlan,
    address: Callable[[Endpoint], str | None],
) -> dict[str, Any]:
    """The servers of one endpoint and its copies; with canaries, a share of the requests for each that is there."""

    def servers(endpoint: Endpoint) -> dict[str, Any]:
        return _servers(scheme, *(found for one in plan.instances(endpoint) if (found := address(one)) is not None))

    if not canaries:
        return {name: servers(stable)}
    there = [(endpoint, percent) for endpoint, percent in canaries if address(endpoint) is not None]
    shares = {f"{name}-{endpoint.unit}": percent for endpoint, percent in there}
    weighted = {f"{name}-stable": 100 - sum(shares.values()), **shares}
    return {
        name: {"weighted": {"services": [{"name": part, "weight": weight} for part, weight in weighted.items()]}},
        f"{name}-stable": servers(stable),
        **{f"{name}-{endpoint.unit}": servers(endpoint) for endpoint, _ in there},
    }


def _transport(name: str, seconds: int, servers: Mapping[str, Any]) -> dict[str, Any]:
    """A request that has no answer in time is answered 504. Told to every server of the route called `name`."""
    for key, server in servers.items():
        if key.startswith(name) and "loadBalancer" in server:
            server["loadBalancer"]["serversTransport"] = name
    return {name: {"forwardingTimeouts": {"responseHeaderTimeout": f"{seconds}s"}}}


def _below_a_path(plan: ServicePlan, top: str, routers: dict[str, Any], middlewares: Sequence[str]) -> dict[str, Any]:
    """The service on the domain that all share, below its own path, which is taken off on the way."""
    name = f"{top}-path"
    routers[name] = {
        **_router(top, (plan.route.path_host,), (*middlewares, name)),
        "rule": f"Host(`{plan.route.path_host}`) && PathPrefix(`{plan.route.path}`)",
        "priority": 30,
    }
    return {name: {"stripPrefix": {"prefixes": [plan.route.path.rstrip("/")]}}}


def _another(name: str, instances: int) -> dict[str, Any]:
    """A request whose instance takes no connection goes to the next: nothing of it has been sent yet."""
    return {f"{name}-another": {"retry": {"attempts": instances}}}


def empty_route(name: str, host: str) -> dict[str, Any]:
    """A router called `name` for `host` that leads to no server: 503."""
    return {"http": {"routers": {name: _router(name, (host,), ())}, "services": {name: _servers("http")}}}


def shared() -> dict[str, Any]:
    """What every service's routes refer to, once per Traefik: 502 becomes the 503 of a service without servers."""
    errors = {"status": ["502"], "statusRewrites": {"502": 503}, "service": _NOBODY, "query": "/"}
    return {
        "http": {
            "middlewares": {UNAVAILABLE: {"errors": errors}},
            "services": {_NOBODY: _servers("http")},
        }
    }


def merged(*parts: Mapping[str, Any]) -> dict[str, Any]:
    """Several configurations as one file: Traefik's file has two levels, `http` and below it a table per kind."""
    http: dict[str, dict[str, Any]] = {}
    for part in parts:
        for kind, entries in part["http"].items():
            http.setdefault(kind, {}).update(entries)
    return {"http": http}


def _router(name: str, hosts: Sequence[str], middlewares: Sequence[str], paths: Sequence[str] = ()) -> dict[str, Any]:
    rule = " || ".join(f"Host(`{host}`)" for host in hosts)
    if paths:
        rule = f"({rule}) && ({' || '.join(f'PathPrefix(`{path}`)' for path in paths)})"
    return {
        "rule": rule,
        "priority": 20 if paths else 10,
        "entryPoints": ["web"],
        **({"middlewares": list(middlewares)} if middlewares else {}),
        "service": name,
    }


def _servers(scheme: str, *addresses: str) -> dict[str, Any]:
    return {"loadBalancer": {"servers": [{"url": f"{scheme}://{address}"} for address in addresses]}}
