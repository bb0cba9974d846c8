"""A plan whose mapped folders are fetched from a store, as on a cluster, and not copied: `isvc up --storage s3`.

Each service gets a SeaweedFS of its own, which serves the folder over S3, and its storage initializers ask that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from isvc.plan.units import Component, Condition, Endpoint, Folder, Need, Plan, Port, Probe, ServicePlan, Unit, Word
from isvc.settings import Settings, StorageMapping

ROLE = "seaweedfs"
_S3 = 8333
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")


def in_buckets(plan: Plan, settings: Settings) -> Plan:
    """`plan` with a bucket for every folder that `settings` map an address to."""
    folders = [mapping for mapping in settings.storage if "://" not in mapping.target]
    return Plan(tuple(_with_buckets(service, folders) for service in plan.services))


def _with_buckets(service: ServicePlan, mappings: Sequence[StorageMapping]) -> ServicePlan:
    buckets: dict[StorageMapping, Unit] = {}
    units = []
    for unit in service.units:
        mapping = next(filter(None, (_mapping(word, mappings) for word in unit.command)), None)
        if unit.component is not Component.STORAGE_INITIALIZER or mapping is None:
            units.append(unit)
            continue
        buckets.setdefault(mapping, _bucket(service, mapping, len(buckets)))
        units.append(_asking(unit, mapping, buckets[mapping]))  # for one store: what else it names is copied as ever
    notices = tuple(_notice(mapping, bucket) for mapping, bucket in buckets.items())
    told = [
        notice
        for notice in service.notices
        if not notice.startswith(tuple(f"storage: {m.prefix} -> " for m in buckets))
    ]
    return replace(service, units=(*buckets.values(), *units), notices=(*notices, *told))


def _mapping(word: Word, mappings: Sequence[StorageMapping]) -> StorageMapping | None:
    """The mapping that `word`, an initializer's source, came of."""
    if len(word) != 1 or not isinstance(word[0], Folder):
        return None
    location = f"{word[0].location.rstrip('/')}/"
    fitting = [mapping for mapping in mappings if location.startswith(f"{mapping.target.rstrip('/')}/")]
    return max(fitting, key=lambda mapping: len(mapping.target), default=None)


def _bucket(service: ServicePlan, mapping: StorageMapping, number: int) -> Unit:
    return Unit(
        name=f"{service.name}-bucket{f'-{number + 1}' if number else ''}",
        component=Component.BUCKET,
        command=(
            ("seaweedfs",),
            *(("--bucket",), (_name(mapping),)),
            *(("--from",), (Folder(mapping.target.rstrip("/")),)),
            *(("--s3_port",), (Port("s3"),)),
        ),
        ports=(("s3", _S3),),
        probe=Probe("s3", "/"),
        image="chrislusf/seaweedfs",
        role=ROLE,
    )


def _asking(initializer: Unit, mapping: StorageMapping, bucket: Unit) -> Unit:
    command = tuple(_address(word, mapping) for word in initializer.command)
    environment: dict[str, Word] = {
        **dict(initializer.environment),
        "AWS_ENDPOINT_URL_S3": ("http://", Endpoint(bucket.name, "s3")),
        "awsAnonymousCredential": ("true",),
    }
    needs = (*initializer.needs, Need(bucket.name, Condition.READY))
    return replace(initializer, command=command, environment=tuple(environment.items()), needs=needs)


def _address(word: Word, mapping: StorageMapping) -> Word:
    if _mapping(word, [mapping]) is None or not isinstance(word[0], Folder):
        return word
    below = word[0].location[len(mapping.target.rstrip("/")) :].strip("/")
    return (f"s3://{_name(mapping)}/{below}",)


def _name(mapping: StorageMapping) -> str:
    """A bucket's name has three characters or more: small letters, digits and dashes."""
    authority = mapping.prefix.partition("://")[2].partition("/")[0] or mapping.prefix
    return _NOT_IN_NAMES.sub("-", authority.lower()).strip("-").ljust(3, "0")[:63]


def _notice(mapping: StorageMapping, bucket: Unit) -> str:
    filled = f"a SeaweedFS filled from {mapping.written}"
    return f"storage: {mapping.prefix} -> s3://{_name(mapping)}/, {filled} ({bucket.name})"
