"""Logging as KServe configures it: the loggers `kserve`, `kserve.trace`, `uvicorn` and `uvicorn.access`.

The names stay KServe's so that a logging configuration written for it works here; the library's own loggers (`modelapi`
and below) write where `kserve` writes, unless the configuration names them. Nothing is configured at import.
"""

import json
import logging
import logging.config
import os
from pathlib import Path
from typing import Any

KSERVE_LOGGER_NAME = "kserve"
TRACE_LOGGER_NAME = "kserve.trace"
OWN_LOGGER_NAME = "modelapi"
ACCESS_LOGGER_NAME = "modelapi.access"

KSERVE_TRACE_LOGGER_NAME = TRACE_LOGGER_NAME

logger = logging.getLogger(KSERVE_LOGGER_NAME)
trace_logger = logging.getLogger(TRACE_LOGGER_NAME)

KSERVE_LOGGER_DATE_FORMAT = "%Y-%m-%d %H:%M:%S"
_PREFIX = "%(asctime)s.%(msecs)03d"
KSERVE_LOGGER_FORMAT = (
    f"{_PREFIX} %(process)s %(name)s %(levelname)s [%(filename)s:%(funcName)s():%(lineno)s] %(message)s"
)
KSERVE_TRACE_LOGGER_FORMAT = f"{_PREFIX} %(process)s %(name)s %(message)s"
_ACCESS = f'{_PREFIX} %(name)s %(levelprefix)s %(client_addr)s %(process)s - "%(request_line)s" %(status_code)s'


def default_config(level: str) -> dict[str, Any]:
    """The default configuration (logging.config.dictConfig, version 1) at a level."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "kserve": {
                "()": "logging.Formatter",
                "fmt": KSERVE_LOGGER_FORMAT,
                "datefmt": KSERVE_LOGGER_DATE_FORMAT,
            },
            "kserve_trace": {
                "()": "modelapi.log_lines.LineFormatter",
                "fmt": KSERVE_TRACE_LOGGER_FORMAT,
                "datefmt": KSERVE_LOGGER_DATE_FORMAT,
            },
            "uvicorn": {
                "()": "uvicorn.logging.DefaultFormatter",
                "fmt": f"{_PREFIX} %(process)s %(name)s %(levelprefix)s %(message)s",
                "datefmt": KSERVE_LOGGER_DATE_FORMAT,
                "use_colors": None,
            },
            "access": {"format": "%(message)s"},
            "uvicorn_access": {
                "()": "modelapi.log_lines.AccessFormatter",
                "fmt": _ACCESS,
                "datefmt": KSERVE_LOGGER_DATE_FORMAT,
            },
        },
        "handlers": {
            name: {"class": "modelapi.log_lines.LineHandler", "formatter": name, "stream": f"ext://sys.{stream}"}
            for name, stream in (
                ("kserve", "stderr"),
                ("kserve_trace", "stderr"),
                ("uvicorn", "stderr"),
                ("access", "stdout"),
                ("uvicorn_access", "stdout"),
            )
        },
        "loggers": {
            KSERVE_LOGGER_NAME: {"handlers": ["kserve"], "level": level, "propagate": False},
            TRACE_LOGGER_NAME: {"handlers": ["kserve_trace"], "level": level, "propagate": False},
            OWN_LOGGER_NAME: {"handlers": ["kserve"], "level": level, "propagate": False},
            ACCESS_LOGGER_NAME: {"handlers": ["access"], "level": level, "propagate": False},
            "uvicorn": {"handlers": ["uvicorn"], "level": level, "propagate": False},
            "uvicorn.access": {"handlers": ["uvicorn_access"], "level": level, "propagate": False},
        },
    }


def configure_logging(log_config: dict[str, Any] | str | os.PathLike[str] | None = None) -> None:
    """Configure the process's logging.

    Args:
        log_config: a dictConfig; the name of a `.json`, `.yaml` or `.yml` file of one; the name of any other file,
            read as logging.config.fileConfig's; or None for the default, which leaves handlers that are already there
            alone. `KSERVE_LOGLEVEL` (INFO) is the level of the default.

    Raises:
        ValueError: the file cannot be read as what its name says.
    """
    if log_config is None:
        if not logger.hasHandlers():
            logging.config.dictConfig(default_config(_level()))
        return
    if isinstance(log_config, dict):
        logging.config.dictConfig(log_config)
    else:
        _from_file(Path(log_config))
    _follow()


def _level() -> str:
    return os.environ.get("KSERVE_LOGLEVEL", "INFO").upper()


def _from_file(path: Path) -> None:
    import yaml  # 10 ms of a start that most configurations do not need

    try:
        match path.suffix.lower():
            case ".json":
                logging.config.dictConfig(json.loads(path.read_text(encoding="utf-8")))
            case ".yaml" | ".yml":
                logging.config.dictConfig(yaml.safe_load(path.read_text(encoding="utf-8")))
            case _:
                logging.config.fileConfig(path, disable_existing_loggers=False)
    except (OSError, ValueError, TypeError, AttributeError, KeyError, yaml.YAMLError) as exc:
        raise ValueError(f"The logging configuration {path} cannot be used: {exc}.") from exc


def _follow() -> None:
    """The library's own loggers write where `kserve` does, if the configuration has no place for them."""
    own = logging.getLogger(OWN_LOGGER_NAME)
    if own.handlers or not logger.handlers:
        return
    for handler in logger.handlers:
        own.addHandler(handler)
    own.setLevel(logger.level)
    own.propagate = False


def __getattr__(name: str) -> Any:
    if name == "KSERVE_LOGLEVEL":
        return _level()
    if name == "KSERVE_LOG_CONFIG":
        return default_config(_level())
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
