"""The ingress as a process: Traefik's command line, and the file with the routes of one service. Pure.

What a route looks like is said in `isvc.backends.ingress`. Here the supervisor knows at once when a unit is away, and
leaves its endpoints without a server, which makes Traefik answer 503 (UNAVAILABLE to a gRPC client). No answer of a
unit's own is rewritten on the way: a 502 with a message in it stays one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from pathlib import Path

from isvc.backends.ingress import empty_route, merged, service_routes, static_arguments
from isvc.backends.ports import HOST
from isvc.backends.process.binding import Check, Process, ProcessSite, Surroundings, with_fingerprint
from isvc.plan.units import Endpoint, ServicePlan

KEY = "ingress"


def ingress_process(port: int, routes: Path, surroundings: Surroundings) -> Process:
    """Traefik on 127.0.0.1:`port`, with its routes in the folder `routes`."""
    address = f"{HOST}:{port}"
    process = Process(
        key=KEY,
        argv=(surroundings.find_program("traefik"), *static_arguments(address, str(routes))),
        environment=tuple(sorted(surroundings.environment.items())),
        folder=str(surroundings.root),
        check=Check(address, None),
        addresses=(("web", address),),
    )
    return with_fingerprint(process)


def route_file(plan: ServicePlan) -> str:
    """Name of the file that holds the service's routes."""
    return f"{plan.namespace}.{plan.name}.yml"


def route_text(plan: ServicePlan, site: ProcessSite, ready: Collection[str]) -> tuple[str, str]:
    """Text of that file (JSON, which is YAML), and its mark. Only the units named in `ready` are sent requests.

    The mark is a host name that stands in no other text: it is answered 503 by an ingress that has loaded this one,
    404 by any other.
    """

    def address(endpoint: Endpoint) -> str | None:
        return site.address(endpoint) if endpoint.unit in ready else None

    routes = service_routes(plan, address, middlewares=())
    mark = f"{hashlib.sha256(json.dumps(routes).encode()).hexdigest()[:16]}.{route_file(plan)}.isvc.internal"
    name = f"{plan.namespace}-{plan.name}-mark"
    return json.dumps(merged(routes, empty_route(name, mark)), indent=1), mark
