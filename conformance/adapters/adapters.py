#!/usr/bin/env python3
"""Runs the emitted adapters of Python stacks against PyTorch, on random requests.

    python adapters.py --lossgen ../lossgen --stack torch
    python adapters.py --stack jax --losses huber,ctc --requests 20 --seed 7

Each request is emitted with its adapter into an empty folder, the source is imported as a
user would, and value and gradients are compared with the file's published expression.
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import torch

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "shared"))
from command import Lossgen, load
from declared import declared
from draw import draw_request
from inputs import TYPES, Draw, Port
from reference import Reference, prepare


def emit(lossgen, folder, arguments, stack):
    """Emits x.onnx with its adapter; None for a request that lossgen refuses."""
    done = subprocess.run([lossgen, "emit", *arguments, "-o", str(folder / "x.onnx"), "--adapter", stack],
                          capture_output=True, text=True)
    if done.returncode == 2:
        return None
    if done.returncode:
        raise RuntimeError(f"emit {' '.join(arguments)}: {done.stderr}")
    return onnx.load(folder / "x.onnx")


def run_torch(module, arrays, gradients):
    """loss and gradients by name, as the adapter gives them."""
    upstream = arrays.get("grad_output")
    inputs = {name: torch.from_numpy(np.array(x)) for name, x in arrays.items() if name != "grad_output"}
    for name in gradients:
        inputs[name].requires_grad_()
    loss = module.Loss()(**inputs)
    outputs = {"loss": loss.detach().numpy()}
    if gradients:
        loss.backward(torch.ones_like(loss) if upstream is None else torch.from_numpy(np.array(upstream)))
        outputs |= {"grad_" + name: inputs[name].grad.numpy() for name in gradients}
    return outputs


def run_jax(module, arrays, gradients):
    import jax
    inputs = {name: jax.numpy.asarray(x) for name, x in arrays.items() if name != "grad_output"}
    fixed = {name: x for name, x in inputs.items() if name not in gradients}
    learned = {name: inputs[name] for name in gradients}
    loss, pullback = jax.vjp(jax.jit(lambda kw: module.loss(**kw, **fixed)), learned)
    upstream = arrays.get("grad_output")
    (found,) = pullback(jax.numpy.ones_like(loss) if upstream is None else jax.numpy.asarray(upstream))
    return {"loss": np.asarray(loss)} | {"grad_" + name: np.asarray(g) for name, g in found.items()}


def run_tensorflow(module, arrays, gradients):
    import tensorflow as tf
    inputs = {name: tf.constant(x) for name, x in arrays.items() if name != "grad_output"}
    with tf.GradientTape() as tape:
        for name in gradients:
            tape.watch(inputs[name])
        loss = tf.function(lambda: module.loss(**inputs))()
    upstream = arrays.get("grad_output")
    found = tape.gradient(loss, [inputs[n] for n in gradients], None if upstream is None else tf.constant(upstream))
    return {"loss": loss.numpy()} | {"grad_" + n: g.numpy() for n, g in zip(gradients, found)}


# float16 is computed in float32 and rounded once, where the loss's inputs are.
TOLERANCE = {np.float16: 2e-3, np.float32: 2e-5, np.float64: 1e-9}

RUNNERS = {"torch": run_torch, "jax": run_jax, "tensorflow": run_tensorflow}


def check(model, module, run, seed, loss, describe):
    """Compares one draw; returns what is wrong, or None."""
    metadata = {p.key: p.value for p in model.metadata_props}
    options = json.loads(metadata["lossgen.options"])
    inputs = declared(describe(loss), options, describe)
    ports = [Port(v, inputs) for v in model.graph.input]
    dtypes = {v.name: TYPES[v.type.tensor_type.elem_type] for v in model.graph.output}
    names = list(dtypes)
    gradients = [n.removeprefix("grad_") for n in names if n.startswith("grad_")]
    draw = Draw(random.Random(seed), ports, options, mode="plain", small=True)
    if draw.empty or not draw.comparable:
        return "skipped"
    try:
        want = Reference(metadata["lossgen.reference"], gradients, np.float64).double(draw.arrays)
    except Exception:
        return "skipped"  # PyTorch refuses these values
    found = run(module, draw.arrays, gradients)
    for name, x in want.items():
        dtype = dtypes[name]
        tolerance = TOLERANCE[dtype]
        with np.errstate(over="ignore"):  # what float16 holds as infinity
            x = x.astype(dtype)
        if found[name].shape != x.shape or found[name].dtype != dtype:
            return f"{name} is {found[name].dtype}{found[name].shape}, want {dtype.__name__}{x.shape}"
        if not np.allclose(found[name], x, rtol=tolerance, atol=tolerance, equal_nan=True):
            return f"{name} differs: {found[name]} for {x}"
    return None


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--lossgen", default="lossgen")
    p.add_argument("--stack", choices=sorted(RUNNERS), default="torch")
    p.add_argument("--losses", default="")
    p.add_argument("--requests", type=int, default=10, help="per loss")
    p.add_argument("--seed", type=int, default=1)
    o = p.parse_args()
    prepare()
    if o.stack == "jax":
        import jax
        jax.config.update("jax_enable_x64", True)
    listed = json.loads(subprocess.run([o.lossgen, "list", "--json"], capture_output=True, check=True).stdout)
    failures = 0
    for loss in o.losses.split(",") if o.losses else [entry["name"] for entry in listed]:
        failures += check_loss(o, loss)
    sys.exit(1 if failures else 0)


def check_loss(o, loss):
    lossgen = Lossgen(o.lossgen)
    described = lossgen.describe(loss)
    rng = random.Random(f"{o.seed} {loss}")
    passed, failed, tried = 0, 0, 0
    while passed + failed < o.requests and tried < 20 * o.requests:
        tried += 1
        arguments = draw_request(rng, described, lossgen) if passed else [loss]
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            model = emit(o.lossgen, folder, arguments, o.stack)
            if model is None:
                continue
            try:
                module = load(folder / f"x_{o.stack}.py", f"x{tried}")
                wrong = check(model, module, RUNNERS[o.stack], rng.random(), loss, lossgen.describe)
            except Exception as e:
                wrong = f"{type(e).__name__}: {e}"
        if wrong == "skipped":
            continue
        failed += wrong is not None
        passed += wrong is None
        if wrong:
            print(f"{' '.join(arguments)}: {wrong}")
    print(f"{loss:34} {passed} requests agree, {failed} differ")
    return failed + (passed == 0)


if __name__ == "__main__":
    main()
