"""Model files of the three frameworks -> something that predicts rows. The only module that imports the frameworks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[Any]
Estimator = Callable[[Rows], Rows]
"""Rows of features -> one prediction, or one row of them, for each."""

EXTENSIONS: Mapping[str, Sequence[str]] = {
    "sklearn": (".joblib", ".pkl", ".pickle"),
    "xgboost": (".bst", ".json", ".ubj"),
    "lightgbm": (".bst", ".txt"),
}
"""Of KServe's servers."""
FRAMEWORKS = tuple(EXTENSIONS)


class CannotLoad(Exception):
    """Said to the user; exit code 1."""


def load(framework: str, folder: Path, *, threads: int = 1) -> Estimator:
    """The one model file in `folder`. Raises CannotLoad."""
    file = model_file(framework, folder)
    try:
        return _LOADERS[framework](file, threads)
    except CannotLoad:
        raise
    except Exception as exc:  # a pickle can raise anything while it is read
        raise CannotLoad(f"{file.name} cannot be loaded by {framework}: {exc}") from exc


def model_file(framework: str, folder: Path) -> Path:
    """Exactly one file with an extension of the framework's, as KServe wants it. Raises CannotLoad."""
    wanted = EXTENSIONS[framework]
    if not folder.is_dir():
        raise CannotLoad(f"there is no folder {folder}; give --model_dir")
    files = [file for file in folder.iterdir() if file.is_file() and not file.name.startswith(".")]
    found = sorted(file for file in files if file.suffix in wanted)
    if len(found) == 1:
        return found[0]
    if not found:
        held = ", ".join(sorted(file.name for file in files)) or "nothing"
        raise CannotLoad(f"no model file ({', '.join(wanted)}) in {folder}; it holds {held}")
    raise CannotLoad(f"more than one model file in {folder}: {', '.join(file.name for file in found)}; keep one")


def _sklearn(file: Path, threads: int) -> Estimator:
    import joblib

    model = joblib.load(file)
    if not callable(getattr(model, "predict", None)):
        raise CannotLoad(f"{file.name} holds {type(model).__name__}, which cannot predict")
    return lambda rows: np.asarray(model.predict(rows))


def _xgboost(file: Path, threads: int) -> Estimator:
    import xgboost

    booster = xgboost.Booster(params={"nthread": threads}, model_file=str(file))
    return lambda rows: np.asarray(booster.predict(xgboost.DMatrix(rows, nthread=threads)))


def _lightgbm(file: Path, threads: int) -> Estimator:
    import lightgbm

    booster = lightgbm.Booster(params={"nthread": threads}, model_file=str(file))
    return lambda rows: np.asarray(booster.predict(rows))


_LOADERS: Mapping[str, Callable[[Path, int], Estimator]] = {
    "sklearn": _sklearn,
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
}
