"""A container's variables -> pairs of name and word, with what they refer to looked up in the other documents."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from isvc.errors import PlanError
from isvc.manifest import ConfigMap, Document, Secret
from isvc.manifest.containers import Container, EnvFrom, EnvVar, FieldRef, KeyRef
from isvc.manifest.documents import Metadata
from isvc.manifest.nodes import nearest
from isvc.plan.words import expand


@dataclass(frozen=True, slots=True)
class Scope:
    """Where variables are looked up: the service that has them, and all documents."""

    document: Document
    documents: Sequence[Document]

    @property
    def metadata(self) -> Metadata:
        return self.document.resource.metadata


Steps = tuple[str | int, ...]


def all_variables(container: Container, scope: Scope, path: Steps) -> dict[str, str]:
    """Those of `envFrom`, and over them those of `env`."""
    taken: dict[str, str] = {}
    for index, source in enumerate(container.env_from):
        taken |= _from(source, scope, (*path, "envFrom", index))
    return variables(container.env, scope, path, taken)


def _from(source: EnvFrom, scope: Scope, path: Steps) -> dict[str, str]:
    found: dict[str, str] = {}
    for kind, reference in (("ConfigMap", source.config_map_ref), ("Secret", source.secret_ref)):
        if reference is None:
            continue
        values = _data(kind, reference.name, scope)
        if values is None and not reference.optional:
            message = f"there is no {kind} {scope.metadata.namespace}/{reference.name}; add it to the files given"
            raise PlanError(message, scope.document.place(*path))
        found |= {f"{source.prefix}{key}": value for key, value in (values or {}).items()}
    return found


def data(kind: str, name: str, scope: Scope) -> dict[str, str] | None:
    """What the ConfigMap or Secret called `name` holds; None where there is none in the service's namespace."""
    return _data(kind, name, scope)


def variables(
    declared: Sequence[EnvVar], scope: Scope, path: Steps, taken: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The values, in order; a value may refer to an earlier one as `$(NAME)`. `path` leads to the container."""
    values = dict(taken or {})
    for variable in declared:
        value = _value(variable, scope, (*path, "env"))
        if value is not None:
            values[variable.name] = expand(value, values)
    return values


def _value(variable: EnvVar, scope: Scope, path: Steps) -> str | None:
    source = variable.value_from
    if source is None:
        return variable.value
    if source.secret_key_ref is not None:
        return _key(source.secret_key_ref, "Secret", scope, path, variable.name)
    if source.config_map_key_ref is not None:
        return _key(source.config_map_key_ref, "ConfigMap", scope, path, variable.name)
    if source.field_ref is not None:
        return _field(source.field_ref, scope, path)
    raise PlanError(
        f"{variable.name}: valueFrom is empty; write secretKeyRef, configMapKeyRef or fieldRef",
        scope.document.place(*path),
    )


def _key(ref: KeyRef, kind: str, scope: Scope, path: Steps, name: str) -> str | None:
    values = _data(kind, ref.name, scope)
    if values is not None and ref.key in values:
        return values[ref.key]
    if ref.optional:
        return None
    if values is None:
        message = f"{name}: there is no {kind} {scope.metadata.namespace}/{ref.name}; add it to the files given"
    else:
        similar = nearest(ref.key, values)
        mend = f"did you mean {similar}?" if similar else f"it has {', '.join(values) or 'none'}"
        message = f"{name}: the {kind} {ref.name} has no key {ref.key}; {mend}"
    raise PlanError(message, scope.document.place(*path))


def _data(kind: str, name: str, scope: Scope) -> dict[str, str] | None:
    for document in scope.documents:
        if document.key == (kind, scope.metadata.namespace, name):
            match document.resource:
                case ConfigMap(data=data):
                    return dict(data or {})
                case Secret(data=data, string_data=plain):
                    decoded = {key: _decoded(value, document, key) for key, value in (data or {}).items()}
                    return decoded | dict(plain or {})
    return None


def contents(kind: str, name: str, scope: Scope) -> dict[str, bytes] | None:
    """The same as bytes, those that are no text among them."""
    for document in scope.documents:
        if document.key == (kind, scope.metadata.namespace, name):
            match document.resource:
                case ConfigMap(data=data, binary_data=binary):
                    plain, encoded = data, binary
                case Secret(data=data, string_data=text):
                    plain, encoded = text, data
                case _:
                    continue
            decoded = {key: _bytes(value, document, key) for key, value in (encoded or {}).items()}
            return decoded | {key: value.encode() for key, value in (plain or {}).items()}
    return None


def _decoded(value: str, document: Document, key: str) -> str:
    try:
        return _bytes(value, document, key).decode()
    except UnicodeDecodeError as exc:
        raise _no_text(document, key) from exc


def _bytes(value: str, document: Document, key: str) -> bytes:
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise _no_text(document, key) from exc


def _no_text(document: Document, key: str) -> PlanError:
    message = "is no text in base64; write it so, or move it to `stringData` as it is"
    return PlanError(message, document.place("data", key))


def _field(ref: FieldRef, scope: Scope, path: Steps) -> str:
    metadata = scope.metadata
    known = {"metadata.name": metadata.name, "metadata.namespace": metadata.namespace, "status.podIP": "127.0.0.1"}
    known |= {f"metadata.labels['{key}']": value for key, value in (metadata.labels or {}).items()}
    known |= {f"metadata.annotations['{key}']": value for key, value in (metadata.annotations or {}).items()}
    if ref.field_path not in known:
        message = f"the field {ref.field_path} is not there to be read; there are {', '.join(known)}"
        raise PlanError(message, scope.document.place(*path))
    return known[ref.field_path]
