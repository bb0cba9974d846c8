"""The control plane's API as `isvc` itself asks it: the four requests that a command needs."""

from __future__ import annotations

import http.client
import json
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from isvc.errors import InputError, StackError
from isvc.server.control import ControlPlane
from isvc.server.resources import Object, Resource

_ANSWER = 20.0
"""Seconds for one answer; what takes longer is waited for by looking again."""
_MANAGER = "isvc"


@dataclass(frozen=True, slots=True)
class Client:
    plane: ControlPlane

    def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """None where there is no such object."""
        status, body = self._ask("GET", _path(resource, namespace, name))
        return None if status == http.client.NOT_FOUND else _checked(status, body)

    def list(self, resource: Resource) -> list[Object]:
        """Of all namespaces."""
        found: list[Object] = _checked(*self._ask("GET", _path(resource)))["items"]
        return [{"apiVersion": resource.api_version, "kind": resource.kind, **item} for item in found]

    def create(self, resource: Resource, namespace: str, body: Object) -> Object:
        return _checked(*self._ask("POST", _path(resource, namespace), body))

    def replace(self, resource: Resource, namespace: str, body: Object) -> Object:
        return _checked(*self._ask("PUT", _path(resource, namespace, body["metadata"]["name"]), body))

    def delete(self, resource: Resource, namespace: str, name: str) -> bool:
        """Whether there was one. It may take a while to go."""
        status, body = self._ask("DELETE", _path(resource, namespace, name))
        if status == http.client.NOT_FOUND:
            return False
        _checked(status, body)
        return True

    def _ask(self, method: str, path: str, body: Object | None = None) -> tuple[int, Object]:
        where = urlsplit(self.plane.url)
        context = ssl.create_default_context(cafile=self.plane.authority)
        connection = http.client.HTTPSConnection(where.netloc, timeout=_ANSWER, context=context)
        headers = {"Authorization": f"Bearer {self.plane.token}", "Content-Type": "application/json"}
        writes = f"{path}?fieldManager={_MANAGER}" if method in ("POST", "PUT") else path
        try:
            connection.request(method, writes, json.dumps(body) if body is not None else None, headers)
            # Closed by itself: an answer that breaks off has taken the socket over from its connection.
            with connection.getresponse() as answer:
                return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as exc:
            raise StackError(f"the control plane at {self.plane.url} does not answer: {exc}") from exc
        finally:
            connection.close()


def _path(resource: Resource, namespace: str = "", name: str = "") -> str:
    root = f"/apis/{resource.group}" if resource.group else "/api"
    inside = f"/namespaces/{namespace}" if namespace and resource.namespaced else ""
    return f"{root}/{resource.version}{inside}/{resource.plural}{f'/{name}' if name else ''}"


def _checked(status: int, body: Object) -> Object:
    """Raises InputError for what the API refuses, StackError for what it cannot do now."""
    if status < http.client.BAD_REQUEST:
        return body
    message = str(body.get("message", body))
    raise InputError(message) if status in (400, 422) else StackError(f"the control plane answered {status}: {message}")
