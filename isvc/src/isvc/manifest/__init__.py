"""InferenceService YAML -> values. Strict: a field that KServe does not know is an error that names its place.

`nodes` reads YAML and remembers lines, `containers` and `documents` are the schema, `decode` reads nodes by a schema,
`rules` are those of the admission webhooks. Here is the edge: files, and which kind a document is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from isvc.errors import ManifestError, Place
from isvc.manifest.decode import decode
from isvc.manifest.documents import (
    KINDS,
    KINDS_OF_KSERVE_ONLY,
    ConfigMap,
    Document,
    InferenceService,
    Resource,
    Secret,
    ServiceAccount,
    ServingRuntime,
)
from isvc.manifest.nodes import Node, nearest, parse
from isvc.manifest.rules import check

__all__ = [
    "ConfigMap",
    "Document",
    "InferenceService",
    "Secret",
    "ServiceAccount",
    "ServingRuntime",
    "check",
    "parse_text",
    "read",
]

MAX_BYTES = 4 * 1024 * 1024
WARMUP_NAME = "input.json"


def read(paths: Sequence[Path], *, checked: bool = True) -> tuple[Document, ...]:
    """The documents of all files, in order. Raises ManifestError.

    Without `checked`, those that break a rule of the webhooks too: for one who looks for all that is wrong.
    """
    documents: list[Document] = []
    for path in paths:
        found = parse_text(_text(path), str(path), checked=checked)
        documents.extend(_with_warmup(found, path.parent / WARMUP_NAME))
    _check_unique(documents)
    return tuple(documents)


def parse_text(text: str, file: str, *, checked: bool = True) -> tuple[Document, ...]:
    """The documents of one file's text; `file` is what errors call it. Raises ManifestError."""
    documents = tuple(_document(node) for node in parse(text, file))
    for document in documents if checked else ():
        check(document)
    if not documents:
        raise ManifestError("there is no document in it; write an InferenceService", Place(file))
    _check_unique(documents)
    return documents


def _with_warmup(documents: Sequence[Document], body: Path) -> Iterator[Document]:
    """`body` belongs to the only service of a file; of several, nobody could say to which."""
    services = [document for document in documents if isinstance(document.resource, InferenceService)]
    for document in documents:
        yield replace(document, warmup=body) if services == [document] and body.is_file() else document


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ManifestError(f"larger than {MAX_BYTES} bytes; this cannot be an InferenceService", Place(str(path)))
        return path.read_text(encoding="utf-8-sig")
    except OSError as exc:
        raise ManifestError(f"cannot be read: {exc.strerror}", Place(str(path))) from exc
    except UnicodeDecodeError as exc:
        raise ManifestError("is no UTF-8 text", Place(str(path))) from exc


def _document(node: Node) -> Document:
    resource, notices = decode(node, _kind(node))
    return Document(resource, node, notices)


def _kind(node: Node) -> type[Resource]:
    if not isinstance(node.value, dict):
        raise ManifestError("a document has to be a mapping that starts with `apiVersion` and `kind`", node.place)
    version, kind = (_text_field(node, name) for name in ("apiVersion", "kind"))
    if (version, kind) in KINDS:
        return KINDS[version, kind]
    versions = {known_kind: known_version for known_version, known_kind in KINDS}
    if kind in versions:
        raise ManifestError(f'"{version}" is no version of {kind}; write {versions[kind]}', node.at("apiVersion"))
    if kind in KINDS_OF_KSERVE_ONLY:
        raise ManifestError(
            f"{kind} is a kind of KServe that does not run here; take it out of the file", node.at("kind")
        )
    similar = nearest(kind, versions)
    mend = f"did you mean {similar}?" if similar else f"the kinds read here are {', '.join(versions)}"
    raise ManifestError(f'unknown kind "{kind}"; {mend}', node.at("kind"))


def _text_field(node: Node, name: str) -> str:
    field = node.get(name)
    if field is not None and field.value is None:
        raise ManifestError("is empty", field.place)
    if field is None:
        similar = nearest(name, iter(node.value)) if isinstance(node.value, dict) else ""
        raise ManifestError(f"is missing{f'; `{similar}` looks like it' if similar else ''}", node.at(name))
    if not isinstance(field.value, str):
        raise ManifestError("has to be text", field.place)
    return field.value


def _check_unique(documents: Sequence[Document]) -> None:
    first: dict[tuple[str, str, str], Document] = {}
    for document in documents:
        key = document.key
        if key in first:
            other = first[key].source.place
            message = (
                f"{key[0]} {key[1]}/{key[2]} is given twice, first in {other.file}:{other.line}; remove or rename one"
            )
            raise ManifestError(message, document.place("metadata", "name"))
        first[key] = document
