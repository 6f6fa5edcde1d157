#!/usr/bin/env python3
"""Trains one small classifier twice per loss, with an emitted file and with the stack's own loss.

    python train.py --lossgen ../lossgen                  # every stack
    python train.py --lossgen ../lossgen --stacks torch   # or train_torch.py alone

scikit-learn's digits, 64-64-10 units, 200 steps of SGD with momentum from the same weights on
the same batches, one ignored label in each. Losses of all steps and the final weights agree
within TOLERANCE, or the exit code is 1. A stack that is not installed is a failure that names
the command which installs it.
"""

import argparse
import importlib.util
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

LOSSES = ["cross_entropy", "focal"]
STEPS, BATCH, RATE, MOMENTUM = 200, 64, 0.1, 0.9
TOLERANCE = 1e-5  # float32, accumulated over all steps
STACKS = ["torch", "jax", "tensorflow"]


def digits():
    """Images in [0, 1] and labels."""
    from sklearn.datasets import load_digits
    x, y = load_digits(return_X_y=True)
    return (x / 16).astype(np.float32), y.astype(np.int64)


def batches(seed=0):
    """The batches of a run, each with one ignored label."""
    x, y = digits()
    random = np.random.RandomState(seed)
    for _ in range(STEPS):
        rows = random.choice(len(x), BATCH, replace=False)
        labels = y[rows].copy()
        labels[random.randint(BATCH)] = -100
        yield x[rows], labels


def weights(seed=0):
    """Initial weights and biases of the two layers."""
    random = np.random.RandomState(seed)
    shapes = [(64, 64), (64,), (64, 10), (10,)]
    return [(random.randn(*s) * 0.1).astype(np.float32) for s in shapes]


def adapter(lossgen, folder, loss, stack, *options):
    """Emits a loss with its adapter and imports that."""
    subprocess.run([lossgen, "emit", loss, "-o", str(pathlib.Path(folder) / f"{loss}.onnx"), "--adapter", stack, *options],
                   check=True, capture_output=True)
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    return importlib.import_module(f"{loss}_{stack}")


def accuracy(final):
    x, y = digits()
    hidden = np.maximum(x @ final[0] + final[1], 0)
    return float(np.mean(np.argmax(hidden @ final[2] + final[3], axis=1) == y))


def compare(stack, loss, file, own):
    """Prints how far two runs (losses, final weights) are apart; reports whether that is too far."""
    curve = max(abs(a - b) for a, b in zip(file[0], own[0]))
    weight = max(float(np.max(np.abs(a - b))) for a, b in zip(file[1], own[1]))
    bad = not max(curve, weight) <= TOLERANCE
    print(f"{stack:11} {loss:14} losses differ by {curve:.1e}, weights by {weight:.1e}, "
          f"loss {file[0][0]:.4f} to {file[0][-1]:.4f}, accuracy {accuracy(file[1]):.4f} and {accuracy(own[1]):.4f}"
          f"{'  TOO FAR' if bad else ''}")
    return bad


def arguments(doc):
    p = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--lossgen", default="lossgen")
    return p


def run(stack, train, own_losses, doc):
    """What train_<stack>.py does: train(loss function) per loss, with the file and without."""
    lossgen = arguments(doc).parse_args().lossgen
    bad = False
    with tempfile.TemporaryDirectory() as folder:
        for loss in LOSSES:
            module = adapter(lossgen, folder, loss, stack)
            bad |= compare(stack, loss, train(module), train(own_losses[loss]))
    sys.exit(1 if bad else 0)


def main():
    p = arguments(__doc__)
    p.add_argument("--stacks", default=",".join(STACKS))
    o = p.parse_args()
    failures = 0
    for stack in o.stacks.split(","):
        if importlib.util.find_spec(stack) is None:
            print(f"{stack:11} is not installed: pip install -r conformance/adapters/environments/{stack}/requirements.txt")
            failures += 1
            continue
        script = pathlib.Path(__file__).with_name(f"train_{stack}.py")
        failures += subprocess.run([sys.executable, str(script), "--lossgen", o.lossgen]).returncode != 0
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
