"""Write data/: the diabetes data with its folds and outliers, and the network's
initial weights. Both versions of the example read these files, so that they
train on the same numbers. Running this again gives the same files."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_diabetes

FOLDS = 5
OUTLIERS = 0.1  # of the rows
HIDDEN = 8

data = Path(__file__).parent / "data"
diabetes = load_diabetes(scaled=False)  # as measured: scaled data would have seen the held-out rows
rows = len(diabetes.target)

rng = np.random.default_rng(0)
fold = rng.permutation(np.arange(rows) % FOLDS)
outlier = np.zeros(rows, int)
outlier[rng.choice(rows, round(OUTLIERS * rows), replace=False)] = 1

with open(data / "diabetes.csv", "w", newline="\n") as f:
    print(*diabetes.feature_names, "target", "fold", "outlier", sep=",", file=f)
    for i in range(rows):
        numbers = [*diabetes.data[i], diabetes.target[i], fold[i], outlier[i]]
        print(*(f"{v:g}" for v in numbers), sep=",", file=f)

rng = np.random.default_rng(1)
features = diabetes.data.shape[1]
np.save(data / "w1.npy", (rng.normal(size=(features, HIDDEN)) / np.sqrt(features)).astype(np.float32))
np.save(data / "w2.npy", (rng.normal(size=(HIDDEN, 1)) / np.sqrt(HIDDEN)).astype(np.float32))
