"""Train the same regressor with emitted losses, on clean targets and on targets
with outliers, and compare what it predicts.

    python run.py [-o FOLDER] [--lossgen PATH] [--epochs N]

NumPy computes the network and its gradient; the value of each loss and its
gradient come from the files that lossgen emits, run by ONNX Runtime.
"""

import argparse
import csv
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnxruntime

import page
import pictures

HERE = Path(__file__).resolve().parent
FOLDS = 5
FACTOR = 5  # what corrupts a training target: recorded in a wrong unit
# Targets are trained as (target - CENTER) / UNIT. These are constants, since the
# mean and deviation of the targets would move with the outliers.
CENTER, UNIT = 150, 75
RATE, DECAY = 0.01, 2  # of AdamW
EVERY = 10  # epochs between points of a curve

# name of the file -> what emit is asked for
LOSSES = {
    "mse": ["--shape", "input=N,1"],
    "l1": ["--shape", "input=N,1"],
    "huber": ["--delta", "1", "--shape", "input=N,1"],
    "quantile": ["--quantiles", "0.1,0.5,0.9"],
}


@dataclass
class Data:
    x: np.ndarray
    target: np.ndarray
    fold: np.ndarray
    outlier: np.ndarray
    w1: np.ndarray  # initial weights
    w2: np.ndarray


@dataclass
class Outcome:
    """Predictions of held-out rows, each by the training that has not seen it,
    a column for each output; and curves, means of the folds."""

    all: np.ndarray
    loss: list = field(default_factory=list)
    held_out: list = field(default_factory=list)

    @property
    def prediction(self):
        return self.all[:, self.all.shape[1] // 2]


def read_data():
    with open(HERE / "data" / "diabetes.csv") as f:
        rows = np.array(list(csv.reader(f))[1:], float)
    w1, w2 = (np.load(HERE / "data" / name) for name in ("w1.npy", "w2.npy"))
    return Data(rows[:, :-3], rows[:, -3], rows[:, -2].astype(int), rows[:, -1] == 1, w1, w2)


def split(data, fold, corrupted):
    """Return training features and targets, held-out features, and which rows
    those are. Features are standardized by the training rows."""
    held = data.fold == fold
    mean, deviation = data.x[~held].mean(0), data.x[~held].std(0)
    x = ((data.x - mean) / deviation).astype(np.float32)
    y = np.where(data.outlier & corrupted, data.target * FACTOR, data.target)
    y = ((y - CENTER) / UNIT).astype(np.float32)
    return x[~held], y[~held], x[held], held


def initial(data, outputs):
    w2 = np.repeat(data.w2, outputs, axis=1)  # every output starts the same
    return [data.w1.copy(), np.zeros(len(w2), np.float32), w2, np.zeros(outputs, np.float32)]


def forward(parameters, x):
    w1, b1, w2, b2 = parameters
    hidden = np.tanh(x @ w1 + b1)
    return hidden, hidden @ w2 + b2


def backward(parameters, x, hidden, grad):
    """Return the gradients of the parameters, given that of the prediction."""
    grad_hidden = (grad @ parameters[2].T) * (1 - hidden * hidden)
    return [x.T @ grad_hidden, grad_hidden.sum(0), hidden.T @ grad, grad.sum(0)]


class Adam:
    """AdamW (Loshchilov and Hutter, 2019), which shrinks weights apart from the
    gradient. A shrunken bias would pull predictions to the center."""

    def __init__(self, parameters):
        self.first = [np.zeros_like(p) for p in parameters]
        self.second = [np.zeros_like(p) for p in parameters]
        self.steps = 0

    def step(self, parameters, gradients):
        self.steps += 1
        for p, g, m, v in zip(parameters, gradients, self.first, self.second):
            m += np.float32(0.1) * (g - m)
            v += np.float32(0.001) * (g * g - v)
            if p.ndim == 2:
                p *= np.float32(1 - RATE * DECAY)
            unbiased = m / np.float32(1 - 0.9**self.steps)
            scale = np.sqrt(v / np.float32(1 - 0.999**self.steps)) + np.float32(1e-8)
            p -= np.float32(RATE) * unbiased / scale


def train(session, data, outcome, fold, corrupted, epochs):
    x, y, held_x, held = split(data, fold, corrupted)
    outputs = outcome.all.shape[1]
    target = y[:, None] if outputs == 1 else y  # as the file declares it
    parameters = initial(data, outputs)
    adam = Adam(parameters)
    losses, errors = [], []
    for epoch in range(epochs + 1):
        hidden, prediction = forward(parameters, x)
        loss, grad = session.run(["loss", "grad_input"], {"input": prediction, "target": target})
        if epoch % EVERY == 0:
            losses.append(float(loss))
            outcome.all[held] = forward(parameters, held_x)[1].astype(float) * UNIT + CENTER
            errors.append(np.abs(outcome.prediction - data.target)[held].mean())
        if epoch < epochs:
            adam.step(parameters, backward(parameters, x, hidden, grad))
    return losses, errors


def cross_validate(session, data, corrupted, epochs):
    outputs = session.get_inputs()[0].shape[1]
    outcome = Outcome(np.zeros((len(data.target), outputs)))
    curves = [train(session, data, outcome, fold, corrupted, epochs) for fold in range(FOLDS)]
    outcome.loss, outcome.held_out = np.mean(curves, axis=0)
    return outcome


def measure(outcome, clean, data):
    """Return figures about held-out predictions, in the target's unit."""
    error = outcome.prediction - data.target
    figures = {
        "MAE": np.abs(error).mean(),
        "RMSE": np.sqrt((error**2).mean()),
        "median error": np.median(np.abs(error)),
        "bias": error.mean(),
        "spread": outcome.prediction.std(),
        "influence": np.abs(outcome.prediction - clean.prediction).mean(),
    }
    if outcome.all.shape[1] == 3:
        low, _, high = outcome.all.T
        figures["covered"] = ((low <= data.target) & (data.target <= high)).mean()
    return figures


def emit(lossgen, name, options, folder):
    """Emit a loss and return a session for it."""
    path = folder / f"{name}.onnx"
    subprocess.run([*lossgen, "emit", str(path), *options], check=True, cwd=HERE)
    threads = onnxruntime.SessionOptions()
    threads.intra_op_num_threads = 1  # the step is so small that threads would wait for each other
    return onnxruntime.InferenceSession(path, threads, providers=["CPUExecutionProvider"])


def find_lossgen(given):
    if given:
        return [str(Path(given).resolve())]
    if found := shutil.which("lossgen"):
        return [found]
    if shutil.which("go"):
        return ["go", "run", "github.com/lossgen/lossgen/cmd/lossgen"]
    sys.exit("run.py: there is neither lossgen nor go: build the command and name it with --lossgen")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", default="build/l1-vs-l2/python", type=Path, help="folder for pictures, page and files")
    parser.add_argument("--lossgen", help="path of the command (default: on the path, else go run)")
    parser.add_argument("--epochs", default=400, type=int, help="steps of each training")
    args = parser.parse_args()
    if args.epochs < 1 or args.epochs % EVERY:
        sys.exit(f"run.py: --epochs is {args.epochs}, want a multiple of {EVERY}")
    folder = args.o.resolve()
    folder.mkdir(parents=True, exist_ok=True)

    data, lossgen = read_data(), find_lossgen(args.lossgen)
    sessions = {name: emit(lossgen, name, options, folder) for name, options in LOSSES.items()}
    start = time.perf_counter()
    results = []
    for name, session in sessions.items():
        clean = cross_validate(session, data, False, args.epochs)
        outliers = cross_validate(session, data, True, args.epochs)
        results.append({
            "name": name, "clean": clean, "outliers": outliers,
            "on clean": measure(clean, clean, data), "on outliers": measure(outliers, clean, data),
        })
    seconds = time.perf_counter() - start

    for row in [page.HEAD, *page.table(results)]:
        print("".join(f"{cell:<14}" for cell in row).rstrip())
    drawn = pictures.draw_all(results, data, folder)
    version = subprocess.run([*lossgen, "--version"], check=True, cwd=HERE, capture_output=True, text=True).stdout.split()[-1]
    page.write(folder, results, drawn, version, args.epochs)
    print(f"trained in {seconds:.1f} s; wrote {args.o}")


if __name__ == "__main__":
    main()
