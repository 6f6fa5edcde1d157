#!/usr/bin/env python3
"""Runs the golden cases with the backend tests of the `onnx` package.

    python backend.py --lossgen ../lossgen

`lossgen golden` writes the cases of every loss as a tree of backend tests. The loader and the
runner of `onnx.backend.test` read it, run it through ONNX Runtime and compare, with the
tolerances that the tree states; nothing of lossgen takes part in that.
"""

import argparse
import collections
import concurrent.futures
import ctypes
import io
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import ml_dtypes
import numpy as np
import onnx
import onnxruntime
from onnx.backend.base import Backend, BackendRep
from onnx.backend.test import runner
from onnx.backend.test.loader import load_model_tests

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "shared"))
from command import Lossgen

DTYPES = ["float64", "float32", "float16", "bfloat16"]


class Prepared(BackendRep):
    """A model in ONNX Runtime. numpy has no bfloat16: such tensors travel as their bits."""

    def __init__(self, model):
        options = onnxruntime.SessionOptions()
        options.log_severity_level, options.intra_op_num_threads = 4, 1
        self.names = [v.name for v in model.graph.input]
        self.outputs = [v.name for v in model.graph.output]
        self.session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def run(self, inputs, **_):
        feeds = {name: value(x) for name, x in zip(self.names, inputs, strict=True)}
        return [array(x) for x in self.session.run_with_ort_values(self.outputs, feeds)]


def value(x):
    if x.dtype == ml_dtypes.bfloat16:
        bits = np.ascontiguousarray(x).reshape(x.shape).view(np.uint16)
        return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(bits, onnx.TensorProto.BFLOAT16)
    return onnxruntime.OrtValue.ortvalue_from_numpy(x)


def array(x):
    if x.element_type() == onnx.TensorProto.BFLOAT16:
        return bits_of(x).view(ml_dtypes.bfloat16)
    return x.numpy()


def bits_of(x):
    """The bits of a bfloat16 tensor, which OrtValue.numpy refuses."""
    shape = tuple(x.shape())
    count = int(np.prod(shape))
    if count == 0:
        return np.zeros(shape, np.uint16)
    memory = (ctypes.c_uint16 * count).from_address(x.data_ptr())
    return np.frombuffer(memory, np.uint16).copy().reshape(shape)


class OnnxRuntime(Backend):
    @classmethod
    def prepare(cls, model, device="CPU", **_):
        return Prepared(model)

    @classmethod
    def supports_device(cls, device):
        return device == "CPU"


class Golden(runner.Runner):
    """onnx's runner, with the cases of a folder instead of its own."""

    def __init__(self, folder):
        own, runner.load_model_tests = runner.load_model_tests, lambda **_: []
        try:
            super().__init__(OnnxRuntime)
        finally:
            runner.load_model_tests = own
        for case in load_model_tests(str(folder.parent), folder.name):
            self._add_model_test(case, "Golden")


def change(folder):
    """Doubles the first loss of the tree that is a number and not 0."""
    for path in sorted(folder.glob("*/test_data_set_0/output_0.pb")):
        x = onnx.numpy_helper.to_array(onnx.load_tensor(path))
        if x.size and np.isfinite(x).all() and x.any():
            path.write_bytes(onnx.numpy_helper.from_array(np.asarray(2 * x), "loss").SerializeToString())
            return


def check(lossgen, loss, dtype, changed=False):
    """(cases run, what failed) of one loss in one dtype."""
    with tempfile.TemporaryDirectory() as root:
        folder = pathlib.Path(root) / loss
        subprocess.run([lossgen, "golden", loss, "-o", folder, "--dtype", dtype], check=True, capture_output=True)
        written = sum(1 for _ in folder.iterdir())
        if changed:
            change(folder)
        result = unittest.TextTestRunner(io.StringIO()).run(Golden(folder).test_suite)
    failed = []
    for test, text in result.failures + result.errors:
        failed.append(f"{loss} {dtype}: {test.id().split('.')[-1]}: {text.strip().splitlines()[-1]}")
    ran = result.testsRun - len(result.skipped)
    if ran != written:
        failed.append(f"{loss} {dtype}: {ran} of {written} cases ran")
    return ran, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lossgen", default="lossgen")
    parser.add_argument("--losses", help="names, with commas (default: all)")
    options = parser.parse_args()
    lossgen = os.path.abspath(shutil.which(options.lossgen) or parser.error(f"no command {options.lossgen}"))
    losses = options.losses.split(",") if options.losses else Lossgen(lossgen).list()
    jobs = [(loss, dtype) for loss in losses for dtype in DTYPES]
    ran, problems = collections.Counter(), []
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
        for (loss, dtype), (n, failed) in zip(jobs, pool.map(check, *zip(*((lossgen, *job) for job in jobs)))):
            ran[dtype] += n
            problems += failed
    if len(check(lossgen, losses[0], "float32", changed=True)[1]) != 1:
        problems.append("a wrong output is not seen")
    for line in problems[:40]:
        print(line)
    print(f"{sum(ran.values())} backend tests ({', '.join(f'{n} {d}' for d, n in ran.items())}) of {len(losses)} losses; {len(problems)} failed")
    return 1 if problems or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
