"""What a request can be refused with. Each carries the `Status` object that Kubernetes would answer.

ApiError
├── BadRequest           400  not readable at all
├── Unauthorized         401  no token, or another one
├── Forbidden            403  a caller that has no business here
├── NotFound             404
├── MethodNotAllowed     405  a view cannot be written
├── NotAcceptable        406
├── AlreadyExists        409  created twice
├── Conflict             409  written from a stale copy, or a field that another manager owns
├── Expired              410  a resourceVersion older than the history
├── TooLarge             413
├── UnsupportedMedia     415
├── Invalid              422  readable, and breaks a rule of the kind
└── Unavailable          503
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from isvc.errors import IsvcError
from isvc.server.resources import Resource


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that is wrong: where (`spec.predictor.model`), what, and Kubernetes' word for it."""

    field: str
    message: str
    reason: str = "FieldValueInvalid"

    def body(self) -> dict[str, str]:
        return {"reason": self.reason, "message": self.message, "field": self.field}


class ApiError(IsvcError):
    """Root of the tree. `resource` and `name` are of the object that was asked for, where there is one."""

    code: ClassVar[int] = 500
    reason: ClassVar[str] = "InternalError"

    def __init__(
        self, message: str, resource: Resource | None = None, name: str = "", causes: Sequence[Cause] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.resource = resource
        self.name = name
        self.causes = tuple(causes)

    def status(self) -> dict[str, Any]:
        """The body of the answer."""
        details: dict[str, Any] = {}
        if self.name:
            details["name"] = self.name
        if self.resource is not None:
            if self.resource.group:
                details["group"] = self.resource.group
            # As Kubernetes has it: of an invalid object its kind, else the resource.
            details["kind"] = self.resource.kind if self.code == Invalid.code else self.resource.plural
        if self.causes:
            details["causes"] = [cause.body() for cause in self.causes]
        body = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "details": details,
            "code": self.code,
        }
        return body if details else {key: value for key, value in body.items() if key != "details"}


class BadRequest(ApiError):
    code, reason = 400, "BadRequest"


class Unauthorized(ApiError):
    code, reason = 401, "Unauthorized"


class Forbidden(ApiError):
    code, reason = 403, "Forbidden"


class NotFound(ApiError):
    code, reason = 404, "NotFound"

    @classmethod
    def of(cls, resource: Resource, name: str) -> NotFound:
        return cls(f'{resource.full_name} "{name}" not found', resource, name)


class MethodNotAllowed(ApiError):
    code, reason = 405, "MethodNotAllowed"


class NotAcceptable(ApiError):
    code, reason = 406, "NotAcceptable"


class AlreadyExists(ApiError):
    code, reason = 409, "AlreadyExists"

    @classmethod
    def of(cls, resource: Resource, name: str) -> AlreadyExists:
        return cls(f'{resource.full_name} "{name}" already exists', resource, name)


class Conflict(ApiError):
    code, reason = 409, "Conflict"

    @classmethod
    def of(cls, resource: Resource, name: str, why: str = "") -> Conflict:
        why = why or ("the object has been modified; please apply your changes to the latest version and try again")
        return cls(f'Operation cannot be fulfilled on {resource.full_name} "{name}": {why}', resource, name)


class Expired(ApiError):
    code, reason = 410, "Expired"


class TooLarge(ApiError):
    code, reason = 413, "RequestEntityTooLarge"


class UnsupportedMedia(ApiError):
    code, reason = 415, "UnsupportedMediaType"


class Invalid(ApiError):
    code, reason = 422, "Invalid"

    @classmethod
    def of(cls, resource: Resource, name: str, causes: Sequence[Cause]) -> Invalid:
        told = ", ".join(f"{cause.field}: {cause.message}" if cause.field else cause.message for cause in causes)
        several = f"[{told}]" if len(causes) > 1 else told
        kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
        return cls(f'{kind} "{name}" is invalid: {several}', resource, name, causes)


class Unavailable(ApiError):
    code, reason = 503, "ServiceUnavailable"
