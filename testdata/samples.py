#!/usr/bin/env python3
"""Makes samples/: predictions of small real models, for examples and the manual's runs.

    python samples.py
"""

import pathlib

import numpy as np
import sklearn
from sklearn.datasets import load_diabetes, load_digits
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

SEED = 0
DIGITS_HELD_OUT = 360
DIABETES_HELD_OUT = 142
QUANTILES = (0.1, 0.5, 0.9)
OUT = pathlib.Path(__file__).parent / "samples"

README = """\
# Samples

Predictions of small models on held-out rows of two public data sets, with their labels.
`python samples.py` (beside this folder) makes them again, with the same result on one machine.

| file | dtype, shape | content |
| --- | --- | --- |
{table}

**Models.** Digits: multinomial logistic regression (C=0.01, pixels divided by 16), {digits} held-out rows.
Diabetes: gradient boosting (100 trees of depth 2), {diabetes} held-out rows; for the quantiles one model
per level, {quantiles}. Every seed is {seed}. scikit-learn {sklearn}, numpy {numpy}.

**Data sets.** Both ship with scikit-learn (BSD-3-Clause).
- Digits (`sklearn.datasets.load_digits`): a copy of the test set of the UCI ML hand-written digits
  datasets, <https://archive.ics.uci.edu/ml/datasets/Optical+Recognition+of+Handwritten+Digits>,
  by E. Alpaydin and C. Kaynak, 1998. scikit-learn states no license of its own for it; UCI distributes
  it under CC BY 4.0.
- Diabetes (`sklearn.datasets.load_diabetes`): <https://www4.stat.ncsu.edu/~boos/var.select/diabetes.html>,
  from Efron, Hastie, Johnstone and Tibshirani, "Least Angle Regression", Annals of Statistics 32 (2004)
  407-499. scikit-learn states no license of its own for it.

The files hold model outputs and labels only, no images and no patient variables.
"""


def digits():
    x, y = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(
        x / 16, y, test_size=DIGITS_HELD_OUT, random_state=SEED, stratify=y)
    model = LogisticRegression(C=0.01, max_iter=1000).fit(x_train, y_train)
    return {
        "digits_logits": (model.decision_function(x_test).astype(np.float32), "class logits"),
        "digits_labels": (y_test.astype(np.int64), "the digits, 0 to 9"),
    }


def diabetes():
    x, y = load_diabetes(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=DIABETES_HELD_OUT, random_state=SEED)

    def predict(**options):
        model = GradientBoostingRegressor(n_estimators=100, max_depth=2, random_state=SEED, **options)
        return model.fit(x_train, y_train).predict(x_test)

    mean = predict()
    quantiles = np.stack([predict(loss="quantile", alpha=q) for q in QUANTILES], axis=1)
    targets = y_test.astype(np.float32)
    return {
        "diabetes_predictions": (mean.astype(np.float32)[:, None], "predicted disease progression"),
        "diabetes_targets": (targets[:, None], "its measured value, beside the predictions"),
        "diabetes_quantiles": (quantiles.astype(np.float32),
                               f"its predicted quantiles {', '.join(map(str, QUANTILES))}"),
        "diabetes_quantile_targets": (targets, "the measured value again, rank 1, beside the quantiles"),
    }


def main():
    OUT.mkdir(exist_ok=True)
    rows = []
    for name, (array, content) in {**digits(), **diabetes()}.items():
        np.save(OUT / f"{name}.npy", np.ascontiguousarray(array))
        rows.append(f"| `{name}.npy` | {array.dtype} {list(array.shape)} | {content} |")
    text = README.format(table="\n".join(rows), digits=DIGITS_HELD_OUT, diabetes=DIABETES_HELD_OUT,
                         quantiles=", ".join(map(str, QUANTILES)), seed=SEED,
                         sklearn=sklearn.__version__, numpy=np.__version__)
    (OUT / "README.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
