"""The plan of each wanted service, made aside: one that needs an environment of a real server takes minutes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from isvc.errors import InputError, IsvcError, PlanError
from isvc.manifest import Document
from isvc.plan.cluster import cluster
from isvc.plan.hosts import mode
from isvc.plan.units import Plan, ServicePlan
from isvc.server.backoff import Backoff
from isvc.server.wanted import WantedService

logger = logging.getLogger(__name__)

_AT_ONCE = 4

Say = Callable[[str], None]
MakePlan = Callable[[Sequence[Document], Say], Plan]


@dataclass(frozen=True, slots=True)
class Planned:
    """What came of planning a service last, and the last plan that could be made of it."""

    fingerprint: str
    generation: int
    mode: str = ""
    plan: ServicePlan | None = None
    error: IsvcError | None = None


class Planning:
    """`said` is told what is going on, by the key of the service; `changed` is called when a plan is there."""

    def __init__(self, plan: MakePlan, said: Callable[[str, str], None], changed: Callable[[], None]) -> None:
        self._plan = plan
        self._said = said
        self._changed = changed
        self._made: dict[str, Planned] = {}
        self._tasks: dict[str, tuple[str, asyncio.Task[None]]] = {}
        self._backoff = Backoff()
        self._threads = ThreadPoolExecutor(_AT_ONCE, "plan")

    @property
    def made(self) -> Mapping[str, Planned]:
        return self._made

    @property
    def due(self) -> float | None:
        """Seconds until one that failed is tried again."""
        return self._backoff.next_due()

    def want(self, services: Sequence[WantedService]) -> None:
        """Have a plan made of each that has changed; forget all others."""
        keys = {service.key for service in services}
        for key in self._made.keys() - keys:
            del self._made[key]
        for key in self._tasks.keys() - keys:
            self._tasks.pop(key)[1].cancel()
        for service in services:
            if self._has_to_be_made(service):
                task = asyncio.create_task(self._make(service))
                self._tasks[service.key] = (service.fingerprint, task)

    def close(self) -> None:
        for _, task in self._tasks.values():
            task.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _has_to_be_made(self, service: WantedService) -> bool:
        if service.key in self._tasks:
            return False  # looked at again when it is done
        made = self._made.get(service.key)
        if made is None or made.fingerprint != service.fingerprint:
            return True
        # What is wrong with the input stays so; an environment may be made yet.
        retried = made.error is not None and not isinstance(made.error, InputError)
        return retried and self._backoff.is_due(service.key)

    async def _make(self, service: WantedService) -> None:
        loop = asyncio.get_running_loop()
        try:
            made = await loop.run_in_executor(self._threads, self._made_of, service)
            self._made[service.key] = made
            self._backoff.note(service.key, failed=made.error is not None)
        finally:
            if self._tasks.get(service.key, ("", None))[1] is asyncio.current_task():
                del self._tasks[service.key]
            self._changed()

    def _made_of(self, service: WantedService) -> Planned:
        before = self._made.get(service.key)
        last = before.plan if before else None
        found = ""
        try:
            documents = service.documents()
            found = mode(documents[0], cluster(documents))
            [plan] = self._plan(documents, lambda text: self._said(service.key, text)).services
        except IsvcError as exc:
            logger.warning("%s: %s", service.key, exc)
            return Planned(service.fingerprint, service.generation, found, last, exc)
        return Planned(service.fingerprint, service.generation, found, plan)


def with_hosts_of_their_own(planned: Mapping[str, Planned]) -> dict[str, Planned]:
    """Of two services that would have one host, the second is refused."""
    taken: dict[str, str] = {}
    found: dict[str, Planned] = {}
    for key, each in planned.items():
        routes = (each.plan.route, *each.plan.component_routes) if each.plan else ()
        hosts = [host for route in routes for host in route.hosts]
        other = next((taken[host] for host in hosts if host in taken), None)
        if other is not None:
            error = PlanError(f"its host {hosts[0]} is that of {other} too; rename one")
            found[key] = Planned(each.fingerprint, each.generation, each.mode, None, error)
            continue
        taken |= dict.fromkeys(hosts, key)
        found[key] = each
    return found
