"""Whether the ingress has a route already: it reads its file a moment after the backend has written it.

As Knative does, a service is told to be ready only once a request through the ingress reaches it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

from isvc.backends.stack import RouteState, ServiceStatus, StackStatus
from isvc.errors import StackError
from isvc.server.exchange import Ingress

_ANSWER = 1.0
"""Seconds for one answer."""
_LONGEST = 5.0
"""Seconds after which a route is believed to be there: a server of the user's own may answer as the ingress would."""


Answers = Callable[[ServiceStatus, StackStatus], bool]


def answers(service: ServiceStatus, stack: StackStatus) -> bool:
    """Whether a request for the service gets beyond the ingress."""
    try:
        answer = Ingress.of(stack).get(service.plan.host, "/v2/health/live", _ANSWER)
    except StackError:
        return False
    return not answer.from_ingress


class Routed:
    def __init__(self, answers: Answers = answers) -> None:
        self._answers = answers
        self._since: dict[str, float] = {}
        self._there: set[str] = set()

    async def seen(self, stack: StackStatus) -> StackStatus:
        """`stack` with the routes that requests find."""
        is_open = {service.key for service in stack.services if service.route is RouteState.OPEN}
        self._there &= is_open
        self._since = {key: self._since.get(key, time.monotonic()) for key in is_open}
        services = await asyncio.gather(*(self._seen(service, stack) for service in stack.services))
        return replace(stack, services=tuple(services))

    async def _seen(self, service: ServiceStatus, stack: StackStatus) -> ServiceStatus:
        key = service.key
        if service.route is not RouteState.OPEN or key in self._there:
            return service
        late = time.monotonic() - self._since[key] > _LONGEST
        if late or await asyncio.to_thread(self._answers, service, stack):
            self._there.add(key)
            return service
        return replace(service, route=RouteState.ABSENT)
