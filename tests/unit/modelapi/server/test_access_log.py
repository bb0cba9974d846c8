"""Access lines in a format of atoms."""

import logging
from typing import Any

import pytest

from modelapi.log_lines import RequestLines
from modelapi.server.access_log import AccessLog


@pytest.mark.parametrize(
    ("line_format", "line"),
    [
        ('%(h)s "%(r)s" %(s)s %(B)s', '127.0.0.1 "POST /p?a=1 HTTP/1.1" 201 5'),
        ("%(m)s %(U)s %(q)s %(st)s", "POST /p a=1 Created"),
        ("%({x-in}i)s %({x-out}o)s %({nothing}i)s %(zz)s", "in out - -"),
    ],
)
async def test_atoms_are_filled_in(caplog: pytest.LogCaptureFixture, line_format: str, line: str) -> None:
    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 201, "headers": [(b"x-out", b"out")]})
        await send({"type": "http.response.body", "body": b"hello"})

    async def ignore(_message: Any = None) -> Any:
        return {}

    scope = {
        "type": "http", "method": "POST", "path": "/p", "query_string": b"a=1", "http_version": "1.1",
        "client": ("127.0.0.1", 5), "headers": [(b"x-in", b"in")],
    }  # fmt: skip
    lines = RequestLines()
    with caplog.at_level(logging.INFO, "modelapi.access"):
        await AccessLog(application, line_format, lines)(scope, ignore, ignore)
        lines.flush()
    assert [record.getMessage() for record in caplog.records] == [line]
