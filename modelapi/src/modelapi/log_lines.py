"""Request lines, cheap: what is written for every request is gathered for a moment and formatted in one go.

A line keeps the time at which it was noted. It reaches the handlers of its logger at most `DELAY` seconds later, or
before anything that is logged at once by way of `flush`; a process that is killed loses what it gathered in that time.
"""

import asyncio
import logging
import time
from http import HTTPStatus
from typing import Any

DELAY = 0.05
_PHRASES: dict[object, str] = {status.value: status.phrase for status in HTTPStatus}
_INFO = logging.INFO
_Line = tuple[float, logging.Logger, str, tuple[Any, ...]]


class RequestLines:
    """The lines of one event loop."""

    def __init__(self) -> None:
        self._pending: list[_Line] = []

    def note(self, logger: logging.Logger, message: str, *args: Any) -> None:
        """Log at INFO, soon."""
        if not logger.isEnabledFor(_INFO):
            return
        if not self._pending:
            asyncio.get_running_loop().call_later(DELAY, self.flush)
        self._pending.append((time.time(), logger, message, args))

    def flush(self) -> None:
        """Log what was noted, now."""
        if not self._pending:
            return
        lines, self._pending = self._pending, []
        handlers = {
            handler for _, logger, _, _ in lines for handler in logger.handlers if isinstance(handler, LineHandler)
        }
        for handler in handlers:
            handler.hold()
        for line in lines:
            _handle(*line)
        for handler in handlers:
            handler.put_out()


def _handle(created: float, logger: logging.Logger, message: str, args: tuple[Any, ...]) -> None:
    record = logging.LogRecord(logger.name, _INFO, "requests", 0, message, args, None, "request")
    record.created = created
    record.msecs = float(int((created - int(created)) * 1000))
    logger.handle(record)


class LineHandler(logging.StreamHandler[Any]):
    """A stream handler that can hold lines back, to write several at once."""

    def __init__(self, stream: Any = None) -> None:
        super().__init__(stream)
        self._held: list[str] | None = None

    def hold(self) -> None:
        self._held = []

    def put_out(self) -> None:
        lines, self._held = self._held, None
        if lines:
            self.stream.write("".join(lines))
            self.flush()

    def emit(self, record: logging.LogRecord) -> None:
        if self._held is None:
            super().emit(record)
        else:
            self._held.append(self.format(record) + self.terminator)


class LineFormatter(logging.Formatter):
    """A formatter that writes out a second once, and not for each of its lines."""

    _second: tuple[int, str] = (-1, "")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        second = int(record.created)
        if self._second[0] != second:
            self._second = (second, super().formatTime(record, datefmt))
        return self._second[1]


class AccessFormatter(LineFormatter):
    """The fields of uvicorn's access lines (client_addr, request_line, status_code, levelprefix), without colours."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        if isinstance(record.args, tuple) and len(record.args) == 5:
            client, method, path, version, status = record.args
            record.client_addr = client
            record.request_line = f"{method} {path} HTTP/{version}"
            record.status_code = f"{status} {_PHRASES.get(status, '')}".rstrip()
        record.levelprefix = f"{record.levelname}:".ljust(9)
        return super().formatMessage(record)
