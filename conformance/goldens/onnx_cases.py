#!/usr/bin/env python3
"""Runs onnx's own test cases of its two loss operators against lossgen's files.

    python onnx_cases.py --lossgen ../lossgen

The `onnx` package makes the cases of SoftmaxCrossEntropyLoss and NegativeLogLikelihoodLoss
in memory; cross_entropy and nll must compute the same. Exits 1 on any difference.
"""

import argparse
import os
import pathlib
import shutil
import sys
import warnings

import numpy as np
import onnx
import onnxruntime
from onnx.backend.test.case.node import collect_testcases

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "shared"))
from command import Lossgen

LOSSES = {"SoftmaxCrossEntropyLoss": "cross_entropy", "NegativeLogLikelihoodLoss": "nll"}
LETTERS = ["N", "C", "d1", "d2", "d3", "d4", "d5"]


def attributes(node):
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def arguments(node, inputs):
    """The request for the file that does what the node does."""
    given = attributes(node)
    shape = ",".join(LETTERS[:inputs[0].ndim])
    args = [LOSSES[node.op_type], f"--shape=input={shape}", "--grad=none",
            f"--reduction={given.get('reduction', b'mean').decode()}",
            f"--ignore_index={given.get('ignore_index', -100)}"]
    if len(inputs) > 2:
        args.append("--with=weight")
    return args


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lossgen", default="lossgen")
    options = parser.parse_args()
    lossgen = Lossgen(os.path.abspath(shutil.which(options.lossgen) or parser.error("no such command")))
    ran, wrong, worst = 0, 0, 0.0
    warnings.simplefilter("ignore", RuntimeWarning)  # of the package's other cases
    for case in collect_testcases():
        node = case.model.graph.node[0]
        if len(case.model.graph.node) != 1 or node.op_type not in LOSSES:
            continue  # another operator, or the same case written out as a function
        inputs, outputs = case.data_sets[0]
        inputs = [np.asarray(x) for x in inputs]
        session = onnxruntime.InferenceSession(lossgen.emit(arguments(node, inputs)))
        feeds = {"input": inputs[0], "target": inputs[1].astype(np.int64)}
        if len(inputs) > 2:
            feeds["weight"] = inputs[2]
        got, want = session.run(["loss"], feeds)[0], np.asarray(outputs[0])
        ran += 1
        if got.shape != want.shape or not np.allclose(got, want, 1.3e-5, 1e-6, equal_nan=True):
            wrong += 1
            print(f"{case.name}: got {got}, want {want}")
            continue
        worst = max(worst, float(np.nanmax(np.abs(got - want), initial=0)))
    print(f"{ran} cases of onnx's loss operators, {wrong} wrong, largest difference {worst:.1e}")
    return 1 if wrong or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
