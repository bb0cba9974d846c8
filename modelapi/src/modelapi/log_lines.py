"""Request lines, cheap: what is written for every request is gathered for a moment and formatted in one go.

A line keeps the time at which it was noted. It reaches the handlers of its logger at most `DELAY` seconds later, or
before anything that is logged at once by way of `flush`; a process that is killed loses what it gathered in that time.
"""

import asyncio
import logging
import os
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
        held: list[LineHandler] = []
        for handler in {handler for _, logger, _, _ in lines for handler in _line_handlers(logger)}:
            handler.hold()
            held.append(handler)
        for line in lines:
            _handle(*line)
        for handler in held:
            handler.put_out()


def _handle(created: float, logger: logging.Logger, message: str, args: tuple[Any, ...]) -> None:
    """Hand a line to its logger's handlers: as text where that is all they make of it, else as a record."""
    plain = None if logger.filters or logger.propagate else _plain_handlers(logger)
    if plain is None:
        logger.handle(_record(created, logger.name, message, args))
        return
    for handler, formatter in plain:
        handler.take(formatter.line(created, logger.name, message, args))


def _record(created: float, name: str, message: str, args: tuple[Any, ...]) -> logging.LogRecord:
    record = logging.LogRecord(name, _INFO, "requests", 0, message, args, None, "request")
    record.created = created
    record.msecs = float(int((created - int(created)) * 1000))
    return record


def _line_handlers(logger: logging.Logger) -> "list[LineHandler]":
    return [handler for handler in logger.handlers if isinstance(handler, LineHandler)]


def _plain_handlers(logger: logging.Logger) -> "list[tuple[LineHandler, LineFormatter]] | None":
    """The logger's handlers with their formatters, if none of them looks at more than LineFormatter.line gives."""
    found = []
    for handler in logger.handlers:
        formatter = handler.formatter
        if type(handler) is not LineHandler or handler.filters or handler.level > _INFO:
            return None
        if not isinstance(formatter, LineFormatter) or not formatter.is_plain:
            return None
        found.append((handler, formatter))
    return found


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

    def take(self, line: str) -> None:
        """A line that is formatted already, between `hold` and `put_out`."""
        if self._held is None:
            raise RuntimeError("take() comes between hold() and put_out()")
        self._held.append(line + self.terminator)

    def emit(self, record: logging.LogRecord) -> None:
        if self._held is None:
            super().emit(record)
        else:
            self.take(self.format(record))


class LineFormatter(logging.Formatter):
    """A formatter that writes out a second once, and not for each of its lines."""

    _second: tuple[int, str] = (-1, "")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_plain = self._is_plain()

    def line(self, created: float, name: str, message: str, args: tuple[Any, ...]) -> str:
        """What `format` makes of an INFO record with this time, logger's name, message and arguments."""
        second = int(created)
        if self._second[0] != second:
            self._second = (second, time.strftime(self.datefmt or self.default_time_format, self.converter(created)))
        fields = self._fields(message, args)
        fields["asctime"], fields["name"] = self._second[1], name
        fields["msecs"] = (created - second) * 1000
        return str(self._fmt) % fields

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        second = int(record.created)
        if self._second[0] != second:
            self._second = (second, super().formatTime(record, datefmt))
        return self._second[1]

    def _fields(self, message: str, args: tuple[Any, ...]) -> dict[str, Any]:
        return {"message": message % args, "process": os.getpid(), "levelname": "INFO"}

    def _is_plain(self) -> bool:
        """Whether `line` has every field of the format."""
        try:
            self.line(0.0, "", "", ())
        except (KeyError, ValueError, TypeError):
            return False
        return type(self._style) is logging.PercentStyle


class AccessFormatter(LineFormatter):
    """The fields of uvicorn's access lines (client_addr, request_line, status_code, levelprefix), without colours."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        if isinstance(record.args, tuple) and len(record.args) == 5:
            record.__dict__.update(_access_fields(record.args))
        record.levelprefix = f"{record.levelname}:".ljust(9)
        return super().formatMessage(record)

    def _fields(self, message: str, args: tuple[Any, ...]) -> dict[str, Any]:
        fields = {"process": os.getpid(), "levelname": "INFO", "levelprefix": "INFO:    "}
        return fields | _access_fields(args if len(args) == 5 else ("", "", "", "", ""))


def _access_fields(args: tuple[Any, ...]) -> dict[str, Any]:
    client, method, path, version, status = args
    return {
        "client_addr": client,
        "request_line": f"{method} {path} HTTP/{version}",
        "status_code": f"{status} {_PHRASES.get(status, '')}".rstrip(),
    }
