"""The loop that makes what runs agree with the stored objects, and tells in their status what came of it.

Level-triggered: each turn looks at all that is wanted and all that runs, so nothing depends on a change having been
seen. What runs goes on without the controller, and is taken over by the next one.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import takewhile

from isvc.backends.stack import Backend, ServiceStatus, StackStatus
from isvc.errors import IsvcError, StackError
from isvc.plan.units import Plan, ServicePlan
from isvc.server import status as kserve
from isvc.server import wanted
from isvc.server.backoff import Backoff
from isvc.server.errors import ApiError
from isvc.server.planning import Planned, Planning, with_hosts_of_their_own
from isvc.server.reconcile import Planner, Reconciler
from isvc.server.resources import INFERENCE_SERVICES, Object, Views
from isvc.server.routed import Answers, Routed, answers
from isvc.server.running import RunningViews
from isvc.server.store import Store
from isvc.server.telling import MANAGER, Teller

logger = logging.getLogger(__name__)

_RESYNC = 30.0
"""Seconds after which a turn is taken without a reason."""
_PULSE = 0.05
"""Seconds between two looks while something is on its way."""
_REST = 0.5
"""... and while all is as wanted."""
_REVIVE = "supervisor"


class Controller:
    def __init__(
        self,
        store: Store,
        backend: Backend,
        planner: Planner,
        *,
        ingress_port: int | None = None,
        answers: Answers = answers,
    ) -> None:
        """`ingress_port` as for `Backend.apply`: None keeps a running ingress' port, 0 takes any free one."""
        self._store = store
        self._backend = backend
        self._reconciler = Reconciler(backend, planner)
        self._ingress_port = ingress_port
        self._teller = Teller(store, self._status)
        self._planning = Planning(self._reconciler.plan, self._teller.say, self._soon)
        self._routed = Routed(answers)
        self._backoff = Backoff()
        self._refused: dict[str, IsvcError] = {}
        self._agreed: dict[str, Planned] = {}
        self._stack = StackStatus("", backend.name, running=False)
        self._wake, self._look = asyncio.Event(), asyncio.Event()
        self._started = False
        self.views: Views = RunningViews(lambda: self._teller.shown(self._stack), backend)

    async def run(self) -> None:
        """Until it is cancelled. What runs is left running."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow())
                tasks.create_task(self._take_turns())
                tasks.create_task(self._keep_looking())
                tasks.create_task(self._teller.forget_events())
        finally:
            self._planning.close()

    # What is wanted

    async def _follow(self) -> None:
        async for event in self._store.subscribe():
            before, after = event.previous or {}, event.object
            if event.kind != "MODIFIED" or any(_said(before, name) != _said(after, name) for name in ("", "metadata")):
                self._soon()

    def _soon(self) -> None:
        self._wake.set()
        self._look.set()

    async def _take_turns(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._turn()
            except (StackError, OSError, sqlite3.Error) as exc:
                logger.error("this turn was not finished, the next one goes on: %s", exc)  # noqa: TRY400
                self._backoff.note(_REVIVE, failed=True)
            due = [wait for wait in (self._planning.due, self._backoff.next_due()) if wait is not None]
            await _set_within(self._wake, min([_RESYNC, *(max(wait, _PULSE) for wait in due)]))

    async def _turn(self) -> None:
        services = wanted.wanted(self._store)
        for service in services:
            if wanted.FINALIZER not in service.object["metadata"].get("finalizers", ()):
                self._write(wanted.with_finalizer(service.object))
        self._planning.want(services)
        made = self._planning.made
        # Up to the first that is not planned yet: an older service has its host before a younger one can take it.
        known = takewhile(made.__contains__, [service.key for service in services])
        planned = with_hosts_of_their_own({key: made[key] for key in known})
        self._note_refusals(planned)
        stack = await asyncio.to_thread(self._backend.status)
        await self._apply(self._anew(planned, stack))
        await self._remove({service.key for service in services}, stack)

    def _note_refusals(self, planned: Mapping[str, Planned]) -> None:
        gone = self._agreed.keys() - planned.keys()
        for key in gone:
            del self._agreed[key]
        for key, each in planned.items():
            if each.error is not None:
                self._refuse(key, each.error)
            elif self._backoff.is_due(key):
                self._refused.pop(key, None)

    def _refuse(self, key: str, error: IsvcError) -> None:
        if str(self._refused.get(key)) != str(error):
            self._teller.say(key, str(error), "InternalError", warning=True)
        self._refused[key] = error
        self._tell_anew()

    def _anew(self, planned: Mapping[str, Planned], stack: StackStatus) -> list[tuple[str, Planned]]:
        """Those that do not run yet, or otherwise than wanted."""
        found = []
        for key, each in planned.items():
            if each.plan is None or not self._backoff.is_due(key):
                continue
            running = stack.service(key)
            if each.error is not None and stack.running and running is not None:
                continue  # what it was before goes on
            if running is None or not stack.running or not self._agrees(key, each, running):
                found.append((key, each))
            elif self._agreed.get(key) != each:
                self._agreed[key] = each
                self._tell_anew()
        return found

    def _agrees(self, key: str, each: Planned, running: ServiceStatus) -> bool:
        before = self._agreed.get(key)
        if before is None:  # taken over from a control plane before this one
            return _essence(running.plan) == _essence(each.plan)
        return before.fingerprint == each.fingerprint

    async def _apply(self, anew: Sequence[tuple[str, Planned]]) -> None:
        if not anew:
            return
        plans = Plan(tuple(each.plan for _, each in anew if each.plan is not None))
        try:
            applied = await asyncio.to_thread(self._reconciler.agree, plans, (), self._ingress_port)
        except (StackError, OSError) as exc:
            await self._apply_one_by_one(anew, exc)
            return
        if applied is not None:
            self._ingress_port = applied.ingress_port
        for key, each in anew:
            logger.info("%s: generation %s", key, each.generation)
            self._agreed[key] = each
            self._backoff.note(key, failed=False)
            self._refused.pop(key, None)
        self._tell_anew()

    async def _apply_one_by_one(self, anew: Sequence[tuple[str, Planned]], error: StackError | OSError) -> None:
        """One that cannot be run stops no other."""
        if len(anew) > 1:
            for each in anew:
                await self._apply([each])
            return
        [(key, _)] = anew
        logger.error("%s: %s", key, error)
        self._backoff.note(key, failed=True)
        self._refuse(key, error if isinstance(error, StackError) else StackError(str(error)))

    async def _remove(self, kept: set[str], stack: StackStatus) -> None:
        """What no object wants stops; the objects that waited for that go."""
        deleted = wanted.deleted(self._store)
        unwanted = ({service.key for service in stack.services} | set(map(wanted.key, deleted))) - kept
        if unwanted or not (self._started or kept):
            # At the start, and with nothing wanted, there may be rests of a stack that nobody watches over.
            logger.info("stopping %s", ", ".join(sorted(unwanted)) or "what a crash may have left")
            await asyncio.to_thread(self._backend.remove, unwanted)
        self._started = True
        for body in deleted:
            self._write(wanted.without_finalizer(body))

    def _write(self, body: Object) -> None:
        try:
            self._store.update(INFERENCE_SERVICES, body, manager=MANAGER)
        except ApiError:
            self._wake.set()  # it has changed meanwhile, or has gone: the next turn sees

    # What runs

    async def _keep_looking(self) -> None:
        while True:
            self._look.clear()
            try:
                self._stack = await self._routed.seen(await asyncio.to_thread(self._backend.status))
                self._teller.tell(self._stack)
            except (StackError, OSError, sqlite3.Error) as exc:
                logger.error("what runs cannot be told: %s", exc)  # noqa: TRY400
            self._revive()
            await _set_within(self._look, _REST if self._at_rest() else _PULSE)

    def _revive(self) -> None:
        """Nothing watches over what should run: have that seen to."""
        if self._agreed and not self._stack.running and self._backoff.is_due(_REVIVE):
            self._backoff.note(_REVIVE, failed=True)
            self._wake.set()
        elif self._stack.running:
            self._backoff.note(_REVIVE, failed=False)

    def _at_rest(self) -> bool:
        wanted_now = {key: each for key, each in self._agreed.items() if key not in self._refused}
        ready = {service.key for service in self._stack.services if service.ready or service.plan.stopped}
        return wanted_now.keys() == ready

    def _tell_anew(self) -> None:
        self._teller.forget()
        self._look.set()

    def _status(self, body: Object, service: ServiceStatus | None, now: float) -> kserve.Status | None:
        """What can be said of an object, of which `service` runs; None where nothing can be said yet."""
        key, before = wanted.key(body), body.get("status")
        made = self._planning.made.get(key)
        if key in self._refused and made is not None:
            return kserve.of_refused(self._refused[key], now, mode=made.mode, generation=made.generation, before=before)
        agreed = self._agreed.get(key)
        if agreed is None or service is None:
            return None
        return kserve.of_service(service, now, mode=agreed.mode, generation=agreed.generation, before=before)


def _said(body: Object, part: str) -> object:
    """What decides whether a turn is due: all but the status and what is the system's."""
    if part == "metadata":
        own = body.get("metadata", {})
        return [own.get(name) for name in ("labels", "annotations", "finalizers", "deletionTimestamp")]
    return {name: value for name, value in body.items() if name not in ("metadata", "status")}


def _essence(plan: ServicePlan | None) -> ServicePlan | None:
    """What makes a difference to what runs."""
    return replace(plan, notices=(), warmup=None) if plan is not None else None


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
