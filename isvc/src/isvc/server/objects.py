"""What can be done to stored objects: the API's verbs without HTTP. Admission first, then the store."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from isvc.server import metadata, patch, target
from isvc.server.admission import admit, check_status
from isvc.server.apply import applied
from isvc.server.errors import (
    AlreadyExists,
    BadRequest,
    Cause,
    Conflict,
    Forbidden,
    MethodNotAllowed,
    NotFound,
    UnsupportedMedia,
)
from isvc.server.namespaces import FINALIZER, default_account
from isvc.server.resources import NAMESPACES, Object, Resource
from isvc.server.store import Preconditions, Store
from isvc.server.target import Target, Writing

MERGE, JSON, STRATEGIC, APPLY = (
    "application/merge-patch+json",
    "application/json-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)
_TRIES = 5
_PROTECTED = (metadata.DEFAULT_NAMESPACE,)


@dataclass(frozen=True, slots=True)
class Written:
    """An object after a request, and what its sender should be told."""

    body: Object
    warnings: tuple[str, ...] = ()
    created: bool = False
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Objects:
    """Every method raises ApiError and nothing else of its own."""

    store: Store
    clock: Callable[[], float] = time.time

    def create(self, to: Target, body: Object, options: Writing) -> Written:
        _check_stored(to.resource)
        target.check_address(to, body)
        if to.resource.namespaced:
            self._check_namespace(to, body)
        else:
            body["metadata"].pop("namespace", None)
        _name(body["metadata"])
        new, warnings = admit(to.resource, body, None, options.validation)
        if to.resource == NAMESPACES:
            new["metadata"].setdefault("finalizers", [FINALIZER])
        made = self.store.create(to.resource, new, manager=options.manager, dry_run=options.dry_run)
        if to.resource == NAMESPACES and not options.dry_run:
            default_account(self.store, made["metadata"]["name"])
        return Written(made, tuple(warnings), created=True)

    def update(self, to: Target, body: Object, options: Writing) -> Written:
        _check_stored(to.resource)
        target.check_address(to, body)
        old = self.store.get(to.resource, *to.key)
        if to.subresource == "status":
            return Written(self._update_status(to, body, options))
        if to.subresource == "finalize":
            return Written(self.store.update(to.resource, body, manager=options.manager, dry_run=options.dry_run))
        new, warnings = admit(to.resource, body, old, options.validation)
        return Written(self._replaced(to.resource, new, options), tuple(warnings))

    def patch(self, to: Target, kind: str, change: Any, options: Writing) -> Written:
        """`kind` is the media type of the patch, `change` what it says. Raises UnsupportedMedia."""
        _check_stored(to.resource)
        if kind == APPLY:
            return self._apply(to, change, options)
        if kind not in (MERGE, JSON, STRATEGIC) or (kind == STRATEGIC and to.resource.group):
            known = [MERGE, JSON, APPLY] if to.resource.group else [MERGE, JSON, STRATEGIC, APPLY]
            raise UnsupportedMedia(
                "the body of the request was in an unknown format - accepted media types include: " + ", ".join(known)
            )
        return self._retried(to, lambda old: _patched(to, kind, old, change), options)

    def delete(self, to: Target, wanted: Preconditions, options: Writing) -> Written:
        _check_stored(to.resource)
        if to.resource == NAMESPACES and to.name in _PROTECTED:
            told = f'namespaces "{to.name}" is forbidden: this namespace may not be deleted'
            raise Forbidden(told, to.resource, to.name)
        last, gone = self.store.delete(to.resource, *to.key, only=wanted, dry_run=options.dry_run)
        return Written(last, gone=gone)

    def _retried(self, to: Target, make: Callable[[Object], Object], options: Writing) -> Written:
        """A patch is made again if another write came between, unless it names the version it is for."""
        for attempt in range(_TRIES):
            old = self.store.get(to.resource, *to.key)
            body = make(old)
            target.check_address(to, body)
            try:
                if to.subresource:
                    return Written(self._update_status(to, body, options))
                new, warnings = admit(to.resource, body, old, options.validation)
                return Written(self._replaced(to.resource, new, options), tuple(warnings))
            except Conflict:
                if attempt == _TRIES - 1 or body["metadata"].get("resourceVersion") != _version(old):
                    raise
        raise AssertionError("the loop returns or raises")

    def _update_status(self, to: Target, body: Object, options: Writing) -> Object:
        check_status(to.resource, body)
        return self.store.update_status(to.resource, body, manager=options.manager, dry_run=options.dry_run)

    def _replaced(self, resource: Resource, new: Object, options: Writing) -> Object:
        return self.store.update(resource, new, manager=options.manager, dry_run=options.dry_run)

    def _apply(self, to: Target, wanted: Any, options: Writing) -> Written:
        if not isinstance(wanted, dict):
            raise BadRequest("an apply patch is an object with apiVersion, kind and metadata.name")
        target.check_address(to, wanted)
        if wanted["metadata"].get("managedFields"):
            raise BadRequest("metadata.managedFields must be nil", to.resource, to.name)
        if to.resource.has_status and not to.subresource:
            wanted.pop("status", None)
        for attempt in range(_TRIES):
            try:
                return self._applied(to, wanted, options)
            except (Conflict, AlreadyExists) as exc:
                if attempt == _TRIES - 1 or exc.causes or wanted["metadata"].get("resourceVersion"):
                    raise
        raise AssertionError("the loop returns or raises")

    def _applied(self, to: Target, wanted: Object, options: Writing) -> Written:
        try:
            old: Object | None = self.store.get(to.resource, *to.key)
        except NotFound:
            if to.subresource:
                raise
            old = None
        if old is None and to.resource.namespaced:
            self._check_namespace(to, wanted)
        new = applied(to.resource, old, wanted, options.manager, to.subresource, self.clock(), force=options.force)
        if to.subresource:
            return Written(self._update_status(to, new, options))
        new, warnings = admit(to.resource, new, old, options.validation)
        if old is None:
            made = self.store.create(to.resource, new, manager=options.manager, dry_run=options.dry_run, applied=True)
            return Written(made, tuple(warnings), created=True)
        return Written(self.store.put(to.resource, new, dry_run=options.dry_run), tuple(warnings))

    def _check_namespace(self, to: Target, body: Object) -> None:
        """Raises NotFound if there is none, Forbidden while it goes."""
        name = body["metadata"].setdefault("namespace", to.namespace or metadata.DEFAULT_NAMESPACE)
        namespace = self.store.get(NAMESPACES, "", name)
        if metadata.deleting(namespace):
            about = body["metadata"].get("name", "")
            told = f'{to.resource.full_name} "{about}" is forbidden: unable to create new content in namespace {name} '
            cause = Cause("metadata.namespace", f"namespace {name} is being terminated", "NamespaceTerminating")
            raise Forbidden(told + "because it is being terminated", to.resource, about, [cause])


def _check_stored(resource: Resource) -> None:
    if not resource.stored:
        raise MethodNotAllowed(
            f"{resource.plural} show what runs and cannot be written; write the InferenceService they belong to"
        )


def _name(given: Object) -> None:
    """The name that `generateName` stands for, before anything looks at it."""
    if not given.get("name") and given.get("generateName"):
        given["name"] = metadata.generated(given["generateName"])


def _patched(to: Target, kind: str, old: Object, change: Any) -> Object:
    if kind == JSON:
        return patch.json_patch(to.resource, to.name, old, change)
    if not isinstance(change, dict):
        raise BadRequest("a merge patch is an object with the fields to change")
    merged: Object = (patch.strategic if kind == STRATEGIC else patch.merge)(old, change)
    return merged


def _version(body: Object) -> str:
    return str(body["metadata"]["resourceVersion"])
