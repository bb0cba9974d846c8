"""One request through the ingress, and its answer."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from dataclasses import dataclass

from isvc.backends.stack import StackStatus
from isvc.errors import StackError


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    content_type: str

    @property
    def from_ingress(self) -> bool:
        """Whether Traefik answered itself: there is no route to the host yet, or nothing behind it."""
        return self.status in (404, 502, 503) and self.content_type.startswith("text/plain")

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace").strip()


@dataclass(frozen=True, slots=True)
class Ingress:
    host: str
    port: int

    @classmethod
    def of(cls, status: StackStatus) -> Ingress:
        if not status.running or status.ingress_port is None:
            raise StackError(f"project {status.project} is not running; `isvc up FILE` starts it")
        return cls(status.ingress_host, status.ingress_port)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def get(self, host: str, path: str, timeout: float) -> Answer:
        return self._send("GET", path, None, {"Host": host}, timeout)

    def post(self, host: str, path: str, body: bytes, timeout: float) -> Answer:
        return self._send("POST", path, body, {"Host": host, "Content-Type": "application/json"}, timeout)

    def _send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], timeout: float) -> Answer:
        """Raises StackError where there is no answer within `timeout` seconds."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(), answer.headers.get("Content-Type") or "")
        except TimeoutError as exc:
            raise StackError(f"no answer from the ingress within {timeout:g} s ({method} {path})") from exc
        except (OSError, http.client.HTTPException) as exc:
            raise StackError(f"the ingress at {self} does not answer: {exc}") from exc
        finally:
            connection.close()
