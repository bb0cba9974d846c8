"""Every check over every document; and what KServe, or this machine, refuses besides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from isvc import plan, runtimes
from isvc.doctor import checks, wiring
from isvc.doctor.findings import Finding, finding
from isvc.errors import InputError, Place
from isvc.manifest import Document, InferenceService, ServingRuntime, check
from isvc.settings import Settings

_ALONE = (
    checks.protocol_flag,
    checks.transformer_workers,
    checks.s3_prefix,
    checks.file_address,
    checks.pythonpath,
    checks.latest_tag,
    checks.logger_mode,
    checks.ignored_storage,
    checks.canary_behind,
    wiring.port_80,
    wiring.collocated,
)


def examine(documents: Sequence[Document], settings: Settings) -> tuple[Finding, ...]:
    """The findings, in the order of the files. `documents` were read unchecked."""
    found = [one for document in documents for one in _document(document, documents, settings)]
    refusal = _refusal(documents, settings)
    if refusal is not None and not any(one.place.line == refusal.place.line for one in found):
        found.append(refusal)
    return tuple(sorted(found, key=lambda one: (one.place.file, one.place.line, one.code.code)))


def _document(document: Document, documents: Sequence[Document], settings: Settings) -> Iterator[Finding]:
    service = document.resource
    if not isinstance(service, InferenceService):
        return
    for one in _ALONE:
        yield from one(document, service)
    known = (
        *runtimes.load().runtimes,
        *(other.resource for other in documents if isinstance(other.resource, ServingRuntime)),
    )
    yield from wiring.format_needs_v2(document, service, known)
    yield from wiring.triton_model_name(document, service, known, settings, _folders)
    yield from wiring.grpc_body(document, service, document.warmup.stat().st_size if document.warmup else None)


def _folders(path: str) -> list[str] | None:
    folder = Path(path)
    return [child.name for child in folder.iterdir() if child.is_dir()] if folder.is_dir() else None


def _refusal(documents: Sequence[Document], settings: Settings) -> Finding | None:
    """The first error that `isvc up` would end with, if none of the checks has said it already."""
    try:
        for document in documents:
            check(document)
        plan.build(documents, settings)
    except InputError as exc:
        place = exc.place or (documents[0].source.place if documents else Place(""))
        return finding("refused", place, exc.message, "`isvc up` would end with this")
    return None
