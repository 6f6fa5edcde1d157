"""Compares files that `lossgen emit --like` writes with the frameworks' own calls.

Each call of a framework that is installed is emitted and run on random arrays, and its
loss and gradient are compared with the framework's: the mean of what it leaves
unreduced, and its own automatic gradient, where it has one.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime

os.environ["KERAS_BACKEND"] = "jax"  # before it is imported

RELATIVE = 2e-5
SHAPES = {1: (7,), 2: (7, 4), 4: (3, 2, 5, 4)}


def draw(rng, kind, shape):
    """An array of a kind."""
    match kind:
        case "real":
            return rng.normal(size=shape).astype(np.float32)
        case "unit":
            return rng.uniform(0.02, 0.98, shape).astype(np.float32)
        case "binary":
            return rng.integers(0, 2, shape).astype(np.float32)
        case "sign":
            signs = (2 * rng.integers(0, 2, shape) - 1).astype(np.float32)
            signs.flat[:2] = -1, 1  # scikit-learn takes one of them alone for another problem
            return signs
        case "positive":
            return rng.uniform(0.1, 3, shape).astype(np.float32)
        case "simplex":
            p = rng.uniform(0.05, 1, shape)
            return (p / p.sum(-1, keepdims=True)).astype(np.float32)
        case "one_hot":
            return np.eye(shape[-1], dtype=np.float32)[rng.integers(0, shape[-1], shape[:-1])]
        case "logprob":
            return np.log(draw(rng, "simplex", shape))
        case "class":
            return rng.integers(0, 4, shape[:1]).astype(np.int64)
    raise ValueError(kind)


# The calls: arrays by name and kind in the framework's order, and which have gradients.
OPTAX = {
    "optax.squared_error()": (("predictions", "real"), ("targets", "real")),
    "optax.l2_loss()": (("predictions", "real"), ("targets", "real")),
    "optax.log_cosh()": (("predictions", "real"), ("targets", "real")),
    "optax.huber_loss()": (("predictions", "real"), ("targets", "real")),
    "optax.huber_loss(delta=0.3)": (("predictions", "real"), ("targets", "real")),
    "optax.softmax_cross_entropy()": (("logits", "real"), ("labels", "simplex")),
    "optax.softmax_cross_entropy_with_integer_labels()": (("logits", "real"), ("labels", "class")),
    "optax.sigmoid_binary_cross_entropy()": (("logits", "real"), ("labels", "unit")),
    "optax.sigmoid_focal_loss()": (("logits", "real"), ("labels", "binary")),
    "optax.sigmoid_focal_loss(alpha=0.3, gamma=1.5)": (("logits", "real"), ("labels", "binary")),
    "optax.hinge_loss()": (("predictor_outputs", "real"), ("targets", "sign")),
    "optax.perceptron_loss()": (("predictor_outputs", "real"), ("targets", "sign")),
    "optax.multiclass_hinge_loss()": (("scores", "real"), ("labels", "class")),
    "optax.multiclass_perceptron_loss()": (("scores", "real"), ("labels", "class")),
    "optax.kl_divergence()": (("log_predictions", "logprob"), ("targets", "simplex")),
    "optax.kl_divergence_with_log_targets()": (("log_predictions", "logprob"), ("log_targets", "logprob")),
    "optax.cosine_distance()": (("predictions", "real"), ("targets", "real")),
    "optax.cosine_similarity()": (("predictions", "real"), ("targets", "real")),
    "optax.triplet_margin_loss()": (("anchors", "real"), ("positives", "real"), ("negatives", "real")),
    "optax.triplet_margin_loss(margin=0.3, eps=0.01)": (("anchors", "real"), ("positives", "real"), ("negatives", "real")),
}

SKLEARN = {
    "sklearn.metrics.mean_squared_error()": (("y_true", "real"), ("y_pred", "real")),
    "sklearn.metrics.mean_absolute_error()": (("y_true", "real"), ("y_pred", "real")),
    "sklearn.metrics.mean_squared_log_error()": (("y_true", "positive"), ("y_pred", "positive")),
    "sklearn.metrics.mean_absolute_percentage_error()": (("y_true", "positive"), ("y_pred", "positive")),
    "sklearn.metrics.root_mean_squared_error()": (("y_true", "real", 1), ("y_pred", "real", 1)),
    "sklearn.metrics.mean_pinball_loss(alpha=0.3)": (("y_true", "real", 1), ("y_pred", "real", 1)),
    "sklearn.metrics.mean_poisson_deviance()": (("y_true", "positive", 1), ("y_pred", "positive", 1)),
    "sklearn.metrics.mean_gamma_deviance()": (("y_true", "positive", 1), ("y_pred", "positive", 1)),
    "sklearn.metrics.mean_tweedie_deviance(power=1.5)": (("y_true", "positive", 1), ("y_pred", "positive", 1)),
    "sklearn.metrics.log_loss()": (("y_true", "class"), ("y_pred", "simplex")),
    "sklearn.metrics.brier_score_loss(labels=[0, 1, 2, 3])": (("y_true", "class"), ("y_proba", "simplex")),
    "sklearn.metrics.hinge_loss()": (("y_true", "sign", 1), ("pred_decision", "real", 1)),
}

REAL = (("y_true", "real"), ("y_pred", "real"))
SIGNS = (("y_true", "sign"), ("y_pred", "real"))
RATES = (("y_true", "positive"), ("y_pred", "positive"))
EVENTS = (("y_true", "binary"), ("y_pred", "unit"))
LOGITS = (("y_true", "binary"), ("y_pred", "real"))
SOFT = (("y_true", "simplex"), ("y_pred", "simplex"))
LABELS = (("y_true", "class"), ("y_pred", "simplex"))
MAPS = (("y_true", "binary", 4), ("y_pred", "unit", 4))

# Class and function, arguments, arrays.
KERAS_PAIRS = [
    ("MeanSquaredError", "mean_squared_error", "", REAL),
    ("MeanAbsoluteError", "mean_absolute_error", "", REAL),
    ("MeanAbsolutePercentageError", "mean_absolute_percentage_error", "", RATES),
    ("MeanSquaredLogarithmicError", "mean_squared_logarithmic_error", "", RATES),
    ("Huber", "huber", "", REAL),
    ("Huber", "huber", "delta=0.3", REAL),
    ("LogCosh", "log_cosh", "", REAL),
    ("Poisson", "poisson", "", RATES),
    ("Hinge", "hinge", "", SIGNS),
    ("SquaredHinge", "squared_hinge", "", SIGNS),
    ("BinaryCrossentropy", "binary_crossentropy", "", EVENTS),
    ("BinaryCrossentropy", "binary_crossentropy", "label_smoothing=0.1", EVENTS),
    ("BinaryCrossentropy", "binary_crossentropy", "from_logits=True", LOGITS),
    ("BinaryFocalCrossentropy", "binary_focal_crossentropy", "", EVENTS),
    ("BinaryFocalCrossentropy", "binary_focal_crossentropy", "apply_class_balancing=True, alpha=0.3", EVENTS),
    ("BinaryFocalCrossentropy", "binary_focal_crossentropy", "gamma=1.5, from_logits=True", LOGITS),
    ("CosineSimilarity", "cosine_similarity", "", REAL),
    ("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy", "", LABELS),
    ("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy", "from_logits=True", (("y_true", "class"), ("y_pred", "real"))),
    ("CategoricalCrossentropy", "categorical_crossentropy", "", SOFT),
    ("CategoricalCrossentropy", "categorical_crossentropy", "label_smoothing=0.1", SOFT),
    ("CategoricalCrossentropy", "categorical_crossentropy", "from_logits=True", (("y_true", "simplex"), ("y_pred", "real"))),
    ("CategoricalFocalCrossentropy", "categorical_focal_crossentropy", "", (("y_true", "one_hot"), ("y_pred", "simplex"))),
    ("KLDivergence", "kl_divergence", "", SOFT),
    ("Dice", "dice", "", MAPS),
    ("Tversky", "tversky", "alpha=0.3, beta=0.7", MAPS),
]
KERAS = {f"keras.losses.{name}({text})": arrays for *names, text, arrays in KERAS_PAIRS for name in names}


def arguments(call):
    """The keyword arguments of a call of the tables above."""
    inside = call[call.index("(") + 1 : -1]
    return eval(f"dict({inside})", {}) if inside else {}


def from_optax(call, arrays):
    import jax
    import optax

    function = getattr(optax.losses, call[len("optax.") : call.index("(")])
    names = list(arrays)

    def total(*values):
        return function(*values, **arguments(call)).mean()

    wanted = [i for i, n in enumerate(names) if arrays[n].dtype == np.float32]
    value, gradients = jax.value_and_grad(total, argnums=tuple(wanted))(*arrays.values())
    return float(value), {names[i]: np.asarray(g) for i, g in zip(wanted, gradients)}


def from_keras(call, arrays):
    import jax
    import keras

    function = getattr(keras.losses, call[len("keras.losses.") : call.index("(")])
    if isinstance(function, type):
        total = function(**arguments(call))
    else:
        total = lambda y_true, y_pred: function(y_true, y_pred, **arguments(call)).mean()
    value, gradient = jax.value_and_grad(total, argnums=1)(arrays["y_true"], arrays["y_pred"])
    return float(value), {"y_pred": np.asarray(gradient)}


def from_sklearn(call, arrays):
    import sklearn.metrics

    function = getattr(sklearn.metrics, call[len("sklearn.metrics.") : call.index("(")])
    given = arguments(call)
    if "log_loss" in call:
        given["labels"] = [0, 1, 2, 3]
    return float(function(*arrays.values(), **given)), {}


def compare(lossgen, call, table, run, rng, folder):
    """The largest differences of value and gradient of a call over a few draws."""
    path = Path(folder) / "like.onnx"
    command = [lossgen, "emit", "--like", call, "--reduction", "mean", "-o", str(path)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    like = json.loads(metadata["lossgen.like"])["inputs"]
    worst, checked = 0.0, 0
    for _ in range(5):
        arrays = {a[0]: draw(rng, a[1], SHAPES[a[2] if len(a) > 2 else 2]) for a in table}
        value, gradients = run(call, arrays)
        feeds = {n: eval(e, {"np": np}, dict(arrays)) for n, e in like.items()}
        names = [o.name for o in session.get_outputs()]
        outputs = dict(zip(names, session.run(None, feeds)))
        worst = max(worst, abs(float(outputs["loss"]) - value) / max(abs(value), 1e-3))
        for name, got in outputs.items():
            source = like.get(name.removeprefix("grad_"))
            if name == "loss" or source not in gradients:
                continue
            want = gradients[source]
            size = max(float(np.abs(want).max()), 1e-6)
            worst, checked = max(worst, float(np.abs(got - want).max()) / size), checked + 1
    if run is not from_sklearn and checked == 0:
        raise AssertionError(f"{call}: no gradient was compared")
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lossgen", required=True)
    options = parser.parse_args()
    failed, calls = [], 0
    for module, table, run in (("optax", OPTAX, from_optax), ("keras", KERAS, from_keras), ("sklearn", SKLEARN, from_sklearn)):
        try:
            importlib.import_module(module)
        except ImportError:
            sys.exit(f"{module} is not installed: pip install -r conformance/frameworks/requirements.txt")
        with tempfile.TemporaryDirectory() as folder:
            for call, arrays in table.items():
                worst = compare(options.lossgen, call, arrays, run, np.random.default_rng(7), folder)
                calls += 1
                print(f"{call}  {worst:.1e}", flush=True)
                if not worst < RELATIVE:
                    failed.append(call)
    if failed:
        sys.exit(f"{len(failed)} of {calls} calls differ: {', '.join(failed)}")
    print(f"{calls} calls agree")


if __name__ == "__main__":
    main()
