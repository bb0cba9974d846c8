"""Rows into predictions, in V1 and V2, without any of the frameworks."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from modelapi import InferInput, InferRequest, InferResponse
from modelapi.errors import InferenceError, InvalidInput

sys.path.insert(0, str(Path(__file__).parents[3] / "predictiveserver"))

from estimators import CannotLoad, Rows, load, model_file  # a role's own modules, run by their path
from predictive_model import PredictiveModel


def _sums(rows: Rows) -> Rows:
    if rows.shape[1] != 2:
        raise ValueError("X has another number of features")
    return np.asarray(rows).sum(axis=1)


MODEL = PredictiveModel("sums", _sums)


async def test_v1_instances_are_rows() -> None:
    assert await MODEL.predict({"instances": [[1, 2], [3, 4.5]]}) == {"predictions": [3.0, 7.5]}


async def test_one_v2_tensor_is_the_rows_and_several_are_columns() -> None:
    rows = InferInput("input-0", [2, 2], "FP32")
    rows.set_data_from_numpy(np.array([[1, 2], [3, 4]], np.float32))
    columns = [InferInput(name, [2], "FP32") for name in "ab"]
    columns[0].set_data_from_numpy(np.array([1, 3], np.float32))
    columns[1].set_data_from_numpy(np.array([2, 4], np.float32))
    for inputs in ([rows], columns):
        answer = await MODEL.predict(InferRequest("sums", inputs))
        assert isinstance(answer, InferResponse)
        assert answer.outputs[0].as_numpy().tolist() == [3, 7]
        assert answer.outputs[0].name == "output-0"


@pytest.mark.parametrize("payload", [{}, [], {"instances": []}, {"instances": [[1], [1, 2]]}, {"instances": [[1]]}])
async def test_rows_that_are_none_are_the_callers_mistake(payload: object) -> None:
    with pytest.raises(InvalidInput):
        await MODEL.predict(payload)


async def test_what_a_pipeline_raises_is_the_inferences_failure() -> None:
    def fails(rows: Rows) -> Rows:
        raise ZeroDivisionError("in a step")

    with pytest.raises(InferenceError, match="in a step"):
        await PredictiveModel("bad", fails).predict({"instances": [[1, 2]]})


def test_exactly_one_model_file_is_served(tmp_path: Path) -> None:
    with pytest.raises(CannotLoad, match="there is no folder"):
        model_file("sklearn", tmp_path / "none")
    (tmp_path / ".storage-init.json").touch()
    with pytest.raises(CannotLoad, match=r"no model file \(.bst, .json, .ubj\) in .*; it holds nothing"):
        model_file("xgboost", tmp_path)
    (tmp_path / "model.json").touch()
    assert model_file("xgboost", tmp_path).name == "model.json"
    (tmp_path / "other.ubj").touch()
    with pytest.raises(CannotLoad, match=r"more than one model file .*: model\.json, other\.ubj; keep one"):
        model_file("xgboost", tmp_path)


def test_a_framework_that_cannot_read_its_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "model.joblib").write_text("no pickle")
    with pytest.raises(CannotLoad, match=r"model\.joblib cannot be loaded by sklearn"):
        load("sklearn", tmp_path)
