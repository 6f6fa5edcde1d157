#!/usr/bin/env python3
"""The gradient of each operator that `lossgen grad` has a rule for, alone in a model, against
PyTorch's autograd in float64.

    python rules.py --lossgen ../../lossgen [--draws 6] [--ops Gelu,Slice] [--seed 0]

Attributes, sizes and data are random; half of the data is on a coarse grid, where ties and kinks
are. A gradient passes when it is within 2e-6 of the largest element, or within twice what float32
PyTorch is off. Exits 1 on a difference, or where an operator has no case.
"""

import argparse
import collections
import os
import re
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

import cases
import layers

CASES = cases.CASES | layers.CASES
Result = collections.namedtuple("Result", "error allowed")


def model(case):
    """The file of a case: letters for the sizes that it leaves open, constants as initializers."""
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, case.dims(name)) for name in case.inputs]
    constants = [numpy_helper.from_array(value, name) for name, value in case.constants.items()]
    node = helper.make_node(case.op, case.names, case.outputs, **case.attributes)
    y = helper.make_tensor_value_info(case.result, TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "case", inputs, [y], constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", case.opset)], ir_version=8)
    return onnx.shape_inference.infer_shapes(made)


def torch_gradients(case, dtype, upstream, factor=lambda value: 1):
    """PyTorch's result and gradients; upstream is drawn for the shape of the result, and a factor of the inputs."""
    x = {name: torch.tensor(value * factor(value), dtype=dtype, requires_grad=True) for name, value in case.inputs.items()}
    y = case.function(*x.values())
    dy = torch.tensor(upstream(tuple(y.shape)), dtype=dtype)
    grads = torch.autograd.grad(y, list(x.values()), dy, allow_unused=True)
    filled = {n: torch.zeros_like(v) if g is None else g for (n, v), g in zip(x.items(), grads)}
    return y.detach().numpy(), dy.numpy(), {n: g.numpy() for n, g in filled.items()}


def compare(lossgen, case, folder, seed):
    """The largest error of each result, and what is allowed."""
    path, out = os.path.join(folder, "case.onnx"), os.path.join(folder, "case_grad.onnx")
    onnx.save(model(case), path)
    subprocess.run([lossgen, "grad", path, "--grad-output", "-o", out], check=True, capture_output=True, text=True, timeout=60)
    onnx.checker.check_model(onnx.load(out), full_check=True)
    session = onnxruntime.InferenceSession(out, providers=["CPUExecutionProvider"])

    def upstream(shape):
        return np.random.default_rng(seed).uniform(-1, 1, shape)
    y, dy, exact = torch_gradients(case, torch.float64, upstream)
    _, _, single = torch_gradients(case, torch.float32, upstream)
    feed = {name: np.asarray(value, np.float32) for name, value in {**case.inputs, "grad_output": dy}.items()}
    got = dict(zip([o.name for o in session.get_outputs()], session.run(None, feed)))
    results = {"y": Result(error(got[case.result], y), 1e-5)}
    for name, want in exact.items():
        results["grad_" + name] = Result(error(got["grad_" + name], want), max(2e-6, 2 * error(single[name], want)))
    if any(r.error > r.allowed for r in results.values()):  # next to a root the last bit of an input decides much
        random = np.random.default_rng(seed)
        _, _, moved = torch_gradients(case, torch.float64, upstream, lambda value: 1 + random.choice([-1, 1], np.shape(value)) * 2.0**-24)
        for name, want in exact.items():
            r = results["grad_" + name]
            results["grad_" + name] = Result(r.error, max(r.allowed, 4 * error(moved[name], want)))
    return results


def error(got, want):
    """The largest difference by the largest element; infinite where shapes or NaN differ."""
    if got.shape != want.shape or not np.array_equal(np.isnan(got), np.isnan(want)):
        return np.inf
    both = np.isfinite(want)
    if not np.array_equal(got[~both & ~np.isnan(want)], want[~both & ~np.isnan(want)]):
        return np.inf
    return float(np.max(np.abs(got[both] - want[both]), initial=0) / max(np.max(np.abs(want[both]), initial=0), 1e-30)) if both.any() else 0.0


def operators(lossgen):
    """The operators that lossgen has a rule for."""
    text = subprocess.run([lossgen, "grad", "--help"], check=True, capture_output=True, text=True).stdout
    return set(re.search(r"passes through:\n((?:  .*\n)+)", text).group(1).split())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lossgen", default="lossgen")
    parser.add_argument("--draws", type=int, default=6)
    parser.add_argument("--ops", help="operators, with commas")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    lossgen = os.path.abspath(shutil.which(options.lossgen) or parser.error(f"no command {options.lossgen}"))
    wanted = options.ops.split(",") if options.ops else sorted(operators(lossgen))
    bad, runs, worst = 0, 0, ("", 0.0)
    with tempfile.TemporaryDirectory() as folder:
        for op in wanted:
            if op not in CASES:
                print(f"{op}: it has a rule and no case")
                bad += 1
                continue
            for k in range(options.draws):
                rng = np.random.default_rng([options.seed, k, *op.encode()])
                case = CASES[op](op, rng)
                try:
                    results = compare(lossgen, case, folder, k)
                except subprocess.CalledProcessError as e:
                    print(f"{op}, draw {k}: {case}: {e.stderr.strip()}")
                    bad += 1
                    continue
                runs += 1
                for name, r in results.items():
                    if worst[1] < r.error / r.allowed <= 1:
                        worst = (f"{name} of {op}", r.error / r.allowed)
                    if not r.error <= r.allowed:
                        print(f"{op}, draw {k}: {name} is off by {r.error:.2g}, {r.allowed:.2g} is allowed: {case}")
                        bad += 1
    print(f"{runs} gradients of {len(wanted)} operators, the worst at {worst[1]:.2f} of what is allowed ({worst[0]}), {bad} differences")
    return 1 if bad else 0


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(main())
