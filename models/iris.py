"""The iris models: the same flowers for scikit-learn, XGBoost and LightGBM, as KServe's first examples have them.

    $(isvc environment predictiveserver)/bin/python -m models.iris

Run by the interpreter of the predictiveserver's environment, whose versions will read what is written. The data, 150
flowers of three kinds, ships with scikit-learn (public domain).
"""

from __future__ import annotations

import sys
from pathlib import Path

BUCKET = Path(__file__).parent / "bucket/models"
ENOUGH = 0.95


def main() -> int:
    """Writes the three models; 1 when one of them is not good enough."""
    import joblib
    import lightgbm
    import numpy as np
    import xgboost
    from sklearn.datasets import load_iris
    from sklearn.svm import SVC

    rows, kinds = load_iris(return_X_y=True)
    svc = SVC(gamma="scale").fit(rows, kinds)
    booster = xgboost.train(
        {"objective": "multi:softmax", "num_class": 3, "seed": 0, "max_depth": 3}, xgboost.DMatrix(rows, kinds), 20
    )
    leaves = lightgbm.train(
        {"objective": "multiclass", "num_class": 3, "seed": 0, "num_leaves": 4, "verbose": -1},
        lightgbm.Dataset(rows, kinds),
        20,
    )
    right = {
        "sklearn": np.mean(svc.predict(rows) == kinds),
        "xgboost": np.mean(booster.predict(xgboost.DMatrix(rows)) == kinds),
        "lightgbm": np.mean(leaves.predict(rows).argmax(axis=1) == kinds),
    }
    if min(right.values()) < ENOUGH:
        print(f"models: not good enough: {right}", file=sys.stderr)
        return 1
    joblib.dump(svc, _file("sklearn/1.0/model/model.joblib"))
    booster.save_model(_file("xgboost/iris/model.json"))
    leaves.save_model(_file("lightgbm/iris/model.txt"))
    print(f"written below {BUCKET}: {right}")
    return 0


def _file(name: str) -> str:
    file = BUCKET / name
    file.parent.mkdir(parents=True, exist_ok=True)
    return str(file)


if __name__ == "__main__":
    sys.exit(main())
