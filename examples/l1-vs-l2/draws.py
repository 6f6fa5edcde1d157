"""Repeat the comparison with ten other draws of folds, outliers and initial
weights, to tell differences between losses from luck.

    python draws.py FOLDER     the -o of run.py, which holds the emitted files
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime

import run

DRAWS = 10


def drawn(data, seed):
    """Return the data with other folds and outliers, and other initial weights."""
    rng = np.random.default_rng(seed)
    rows = len(data.target)
    fold = rng.permutation(np.arange(rows) % run.FOLDS)
    outlier = np.isin(np.arange(rows), rng.choice(rows, data.outlier.sum(), replace=False))
    w1, w2 = ((rng.normal(size=w.shape) / np.sqrt(len(w))).astype(np.float32) for w in (data.w1, data.w2))
    return run.Data(data.x, data.target, fold, outlier, w1, w2)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: draws.py FOLDER, the -o of run.py")
    base = run.read_data()
    print("mean and standard deviation over", DRAWS, "draws")
    print(f"{'loss':<10}{'clean RMSE':<16}{'clean bias':<16}{'outliers MAE':<16}{'outliers bias':<16}influence")
    for name in run.LOSSES:
        session = onnxruntime.InferenceSession(Path(sys.argv[1]) / f"{name}.onnx", providers=["CPUExecutionProvider"])
        figures = []
        for seed in range(DRAWS):
            data = drawn(base, 100 + seed)
            clean = run.cross_validate(session, data, False, 400)
            outliers = run.cross_validate(session, data, True, 400)
            a, b = run.measure(clean, clean, data), run.measure(outliers, clean, data)
            figures.append([a["RMSE"], a["bias"], b["MAE"], b["bias"], b["influence"]])
        cells = (f"{m:.1f} ± {s:.1f}" for m, s in zip(np.mean(figures, 0), np.std(figures, 0)))
        print(f"{name:<10}" + "".join(f"{c:<16}" for c in cells).rstrip())


if __name__ == "__main__":
    main()
