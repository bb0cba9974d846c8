"""Request lines: gathered, put out together, and nobody else's log lines wait for them."""

from __future__ import annotations

import asyncio
import io
import logging
import threading

import pytest

from modelapi.log_lines import LineHandler, RequestLines


class Counted(io.StringIO):
    """A stream that counts how often it was written to."""

    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


@pytest.fixture
def logger() -> logging.Logger:
    logger = logging.Logger("lines", logging.INFO)
    logger.addHandler(LineHandler(Counted()))
    return logger


def stream_of(logger: logging.Logger) -> Counted:
    [handler] = logger.handlers
    assert isinstance(handler, LineHandler)
    assert isinstance(handler.stream, Counted)
    return handler.stream


async def test_lines_of_a_moment_are_written_in_one_go_and_in_order(logger: logging.Logger) -> None:
    lines = RequestLines()
    for number in range(3):
        lines.note(logger, "request %s", number)
    assert not stream_of(logger).getvalue()
    lines.flush()
    assert stream_of(logger).getvalue() == "request 0\nrequest 1\nrequest 2\n"
    assert stream_of(logger).writes == 1


async def test_lines_come_by_themselves(logger: logging.Logger) -> None:
    RequestLines().note(logger, "request")
    async with asyncio.timeout(5):
        while not stream_of(logger).getvalue():  # noqa: ASYNC110 -- a stream has no event
            await asyncio.sleep(0.01)


async def test_another_thread_can_log_after_lines_were_put_out(logger: logging.Logger) -> None:
    lines = RequestLines()
    lines.note(logger, "a request")
    lines.flush()
    other = threading.Thread(target=logger.info, args=("another thread",), daemon=True)
    other.start()
    await asyncio.to_thread(other.join, 5)
    assert not other.is_alive(), "the handler's lock was never given back"
    assert stream_of(logger).getvalue() == "a request\nanother thread\n"
