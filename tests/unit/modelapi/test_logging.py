"""Logging: KServe's loggers, files of every kind, and lines that are gathered."""

import json
import logging
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from modelapi import logging as kserve_logging
from modelapi.log_lines import AccessFormatter, LineHandler, RequestLines

NAMES = ("kserve", "kserve.trace", "modelapi", "modelapi.access", "uvicorn", "uvicorn.access")


@pytest.fixture(autouse=True)
def untouched_loggers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The process's own logging, as it was, after each test; pytest's handlers on the root do not count."""
    monkeypatch.delenv("KSERVE_LOGLEVEL", raising=False)
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    loggers = [logging.getLogger(name) for name in NAMES]
    before = [(logger, list(logger.handlers), logger.level, logger.propagate) for logger in loggers]
    yield
    for logger, handlers, level, propagate in before:
        logger.handlers[:] = handlers
        logger.setLevel(level)
        logger.propagate = propagate


def test_the_default_has_kserves_loggers_and_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KSERVE_LOGLEVEL", "debug")
    logging.getLogger("kserve").propagate = False  # pytest's own handlers on the root are none of its
    kserve_logging.configure_logging()
    for name in NAMES:
        assert logging.getLogger(name).handlers
        assert logging.getLogger(name).level == logging.DEBUG
    assert set(kserve_logging.KSERVE_LOG_CONFIG["loggers"]) == set(NAMES)


def test_handlers_that_are_there_are_left_alone() -> None:
    logging.getLogger().addHandler(logging.NullHandler())
    kserve_logging.configure_logging()
    assert not logging.getLogger("kserve.trace").handlers


CONFIG = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"mine": {"class": "logging.NullHandler"}},
    "loggers": {"kserve": {"handlers": ["mine"], "level": "WARNING"}, "kserve.trace": {"handlers": ["mine"]}},
}
INI = """
[loggers]
keys=root,kserve
[handlers]
keys=mine
[formatters]
keys=
[logger_root]
handlers=
[logger_kserve]
handlers=mine
qualname=kserve
level=WARNING
[handler_mine]
class=NullHandler
args=()
"""


@pytest.mark.parametrize("form", ["dict", "log.json", "log.yaml", "log.yml", "log.conf"])
def test_a_configuration_of_every_kind_is_used(tmp_path: Path, form: str) -> None:
    if form == "dict":
        kserve_logging.configure_logging(CONFIG)
    else:
        path = tmp_path / form
        path.write_text(INI if form.endswith("conf") else json.dumps(CONFIG))
        kserve_logging.configure_logging(str(path))
    assert isinstance(logging.getLogger("kserve").handlers[0], logging.NullHandler)
    assert logging.getLogger("kserve").level == logging.WARNING


def test_the_librarys_own_loggers_follow_kserves() -> None:
    logging.getLogger("modelapi").handlers.clear()
    kserve_logging.configure_logging(CONFIG)
    assert logging.getLogger("modelapi").handlers == logging.getLogger("kserve").handlers


@pytest.mark.parametrize(("name", "text"), [("a.yaml", "["), ("a.json", "{"), ("a.json", "[]"), ("missing.yaml", None)])
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, name: str, text: str | None) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(ValueError, match=name):
        kserve_logging.configure_logging(str(path))


def stream_logger(name: str, formatter: logging.Formatter) -> tuple[logging.Logger, StringIO]:
    stream, logger = StringIO(), logging.getLogger(name)
    handler = LineHandler(stream)
    handler.setFormatter(formatter)
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
    return logger, stream


async def test_lines_are_written_together_and_in_order() -> None:
    logger, stream = stream_logger("kserve.trace", logging.Formatter("%(name)s %(message)s"))
    lines = RequestLines()
    lines.note(logger, "%s", 1)
    lines.note(logger, "%s", 2)
    assert stream.getvalue() == ""
    lines.flush()
    assert stream.getvalue() == "kserve.trace 1\nkserve.trace 2\n"
    logger.info("at once")
    assert stream.getvalue().endswith("at once\n")


async def test_a_line_below_the_level_is_not_kept() -> None:
    logger, stream = stream_logger("kserve.trace", logging.Formatter())
    logger.setLevel(logging.WARNING)
    lines = RequestLines()
    lines.note(logger, "x")
    lines.flush()
    assert stream.getvalue() == ""


async def test_the_access_line_is_uvicorns() -> None:
    formatter = AccessFormatter('%(name)s %(levelprefix)s %(client_addr)s - "%(request_line)s" %(status_code)s')
    logger, stream = stream_logger("uvicorn.access", formatter)
    lines = RequestLines()
    lines.note(logger, '%s - "%s %s HTTP/%s" %d', "127.0.0.1:1", "POST", "/v2/models/m/infer", "1.1", 200)
    lines.flush()
    assert stream.getvalue() == 'uvicorn.access INFO:     127.0.0.1:1 - "POST /v2/models/m/infer HTTP/1.1" 200 OK\n'
