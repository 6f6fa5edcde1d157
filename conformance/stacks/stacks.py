#!/usr/bin/env python3
"""Builds the emitted adapters of Go, C++, Rust, Java and JavaScript and runs golden cases through them.

    python stacks.py --lossgen ../lossgen [--stacks go,cpp] [--keep FOLDER]

Every loss is emitted with its adapter; one program per stack calls the adapters as a user
would, reads raw inputs and writes raw outputs, and this script compares these with PyTorch's.
A stack whose toolchain is missing is reported as such, with the command that installs it.
"""

import argparse
import functools
import importlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "shared"))
from compare import ATOL, RTOL

HERE = pathlib.Path(__file__).resolve().parent
TESTDATA = HERE.parents[1] / "testdata"
sys.path.append(str(TESTDATA))
import goldenfile  # noqa: E402  it lies in testdata

CACHE = HERE.parent / ".cache"
STACKS = ["go", "cpp", "rust", "java", "js"]
# Of every loss: an upstream gradient, no reduction, and no elements.
EVERY = ["upstream_mean", "upstream_", "single_none", "empty_sum", "empty_"]
MORE = [
    ("focal", "gamma_1.5_mean", "float32"), ("focal", "gamma_1.5_none", "float64"),
    ("cross_entropy", "with_weight_mean", "float32"), ("cross_entropy", "mask_with_weight_mean", "float32"),
    ("cross_entropy", "shape0_NCAB_none", "float32"), ("cross_entropy", "shape1_C_mean", "float32"),
    ("huber", "delta_0.5_mean", "float32"), ("triplet_margin", "swap_true_mean", "float32"),
    ("mse", "shape0_AB_none", "float32"), ("mse", "shape0__none", "float32"), ("mse", "normalizer_output_mean", "float32"),
    ("mse", "shape0_AB_sum", "float16"), ("mse", "shape0_AB_none", "float16"), ("mse", "shape0_AB_sum", "bfloat16"),
    ("mse", "normalizer_large", "float16"), ("mse", "normalizer_output_sum", "bfloat16"), ("mse", "float32_loss_none", "bfloat16"),
    ("gaussian_nll", "full_true_mean", "float32"), ("gaussian_nll", "shape0_ABE_none", "float32"),
    ("multi_task", "weighting_uncertainty_mean", "float32"),
]
HALF = {"float16": (1e-3, 1e-3), "bfloat16": (1e-2, 1e-2)}
TYPES = {v: k.lower() for k, v in onnx.TensorProto.DataType.items()} | {1: "float32", 11: "float64"}


class Port:
    """A named tensor of a file, and its array in a case."""

    def __init__(self, value):
        self.name = value.name
        self.dtype = TYPES[value.type.tensor_type.elem_type]
        self.dims = [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        self.array = None

    @property
    def bytes(self):
        return encode(self.array, self.dtype).tobytes()


@functools.cache
def golden(loss):
    """The golden cases of a loss by name."""
    return goldenfile.read(TESTDATA / "golden" / f"{loss}.txt")[1]


class Case:
    """A golden case, with its file and adapters in a folder."""

    def __init__(self, loss, name, dtype, folder):
        self.loss, self.name, self.dtype = loss, name, dtype
        self.stem = f"{loss}_{name}_{dtype}".lower().replace(".", "_").replace("__", "_")
        self.title = f"{loss}/{name} in {dtype}"
        self.golden = golden(loss)[name]
        self.folder = folder
        self.data = folder / (self.stem + ".data")

    @property
    def type(self):
        """The name of the adapter's type."""
        return "".join(word[:1].upper() + word[1:] for word in self.stem.split("_"))

    def emit(self, lossgen, stacks):
        request = self.folder / (self.stem + ".request.json")
        asked = {"loss": self.loss, **self.golden.facts["request"], "dtype": self.dtype}
        options = dict(asked.get("options", {}))
        if "tasks" in options:  # a key of its own in a request that a user writes
            asked["tasks"] = {t["name"]: {k: v for k, v in t.items() if k != "name"} for t in options.pop("tasks")}
        request.write_text(json.dumps(asked | {"options": options}))
        file = self.folder / (self.stem + ".onnx")
        stacks = [s for s in stacks if not (s == "js" and self.dtype == "bfloat16")]
        subprocess.run([lossgen, "emit", "--config", request, "-o", file, "--adapter", ",".join(stacks)],
                       check=True, capture_output=True)
        model = onnx.load(file)
        self.inputs = [Port(v) for v in model.graph.input]
        self.outputs = [Port(v) for v in model.graph.output]
        self.data.mkdir()
        wanted = self.wanted()
        for p in self.inputs:
            p.array = self.golden.arrays["input"][p.name]
            (self.data / p.name).write_bytes(p.bytes)
        for p in self.outputs:
            p.array = wanted[p.name]

    def wanted(self):
        """The golden outputs by name; those that float32 computes otherwise in PyTorch too replace the rest."""
        arrays = self.golden.arrays
        return arrays["output"] | (arrays["float32"] if self.dtype != "float64" else {})

    def compare(self):
        """The largest error of the outputs that the program wrote; raises AssertionError."""
        worst = 0.0
        for p in self.outputs:
            raw = (self.data / (p.name + ".out")).read_bytes()
            want = np.asarray(p.array, np.float64)
            got = decode(raw, p.dtype)
            assert got.size == want.size, f"{p.name} has {got.size} elements, want {want.size}"
            got = got.reshape(want.shape)
            rtol, atol = HALF.get(p.dtype) or (RTOL[np.dtype(p.dtype).type], ATOL[np.dtype(p.dtype).type])
            np.testing.assert_allclose(got, want, rtol, atol, err_msg=p.name)
            worst = max(worst, float(np.abs(got - want)[np.isfinite(want)].max(initial=0)))
        return worst


def encode(x, dtype):
    if dtype == "bfloat16":
        return (np.asarray(x, np.float32).view(np.uint32) + 0x8000 >> 16).astype(np.uint16)
    return np.ascontiguousarray(x, dtype)


def decode(raw, dtype):
    if dtype == "bfloat16":
        return (np.frombuffer(raw, np.uint16).astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    return np.frombuffer(raw, dtype).astype(np.float64)


def cases(folder, losses):
    chosen = [(loss, name, "float32") for loss in losses for name in EVERY if name in golden(loss)]
    return [Case(*c, folder) for c in chosen + MORE]


def library():
    """ONNX Runtime's library, as the native stacks load it: that of the Python package, unless one is given."""
    given = os.environ.get("ORT_DYLIB_PATH")
    if given:
        return given
    spec = importlib.util.find_spec("onnxruntime")
    found = sorted(pathlib.Path(spec.origin).parent.glob("capi/*onnxruntime*.so*")) if spec else []
    found += sorted(pathlib.Path(spec.origin).parent.glob("capi/libonnxruntime*.dylib")) if spec else []
    found = [f for f in found if "providers" not in f.name and f.name.startswith("libonnxruntime")]
    return str(found[0]) if found else None


def check(name, lossgen, root, losses):
    """Builds and runs one stack; returns a line for the table and whether it failed."""
    stack = importlib.import_module("stack_" + name)
    for tool, install in stack.TOOLS.items():
        if not shutil.which(tool):
            return f"NOT RUN: {tool} is missing, install it with: {install}", False
    folder = root / name
    folder.mkdir(parents=True)
    chosen = [c for c in cases(folder, losses) if not (name == "js" and c.dtype == "bfloat16")]
    for case in chosen:
        case.emit(lossgen, [name])
    start = time.time()
    environment = os.environ | {"ORT_DYLIB_PATH": library() or ""}
    stranger = str(folder / "stranger.onnx")  # the names and types of focal, and another loss
    subprocess.run([lossgen, "emit", "cross_entropy", "-o", stranger], check=True, capture_output=True)
    refused = stack.run(chosen, folder, CACHE / name, environment, stranger)
    wrong, worst = 0, 0.0
    for case in chosen:
        try:
            error = case.compare()
            if case.dtype == "float32":
                worst = max(worst, error)
        except (AssertionError, OSError) as e:
            wrong += 1
            print(f"{name}: {case.title}: {e}")
    if "has shape" not in refused:
        wrong += 1
        print(f"{name}: a target that contradicts the input gives {refused!r}")
    if "is not the file that" not in refused or "make both anew with `lossgen emit focal" not in refused:
        wrong += 1
        print(f"{name}: the file of another loss gives {refused!r}")
    line = f"{len(chosen)} golden cases, {wrong} wrong, largest error in float32 {worst:.1e}, {time.time() - start:.0f} s"
    return line, wrong > 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lossgen", default="lossgen")
    parser.add_argument("--stacks", default=",".join(STACKS))
    parser.add_argument("--losses", help="names, with commas (default: all)")
    parser.add_argument("--keep", help="work in this new folder and leave it")
    options = parser.parse_args()
    lossgen = os.path.abspath(shutil.which(options.lossgen) or parser.error(f"no command {options.lossgen}"))
    losses = options.losses.split(",") if options.losses else [path.stem for path in sorted((TESTDATA / "golden").glob("*.txt"))]
    failures, skipped = 0, []
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(options.keep or folder).absolute()
        for name in options.stacks.split(","):
            try:
                line, failed = check(name, lossgen, root, losses)
            except (subprocess.CalledProcessError, AssertionError) as e:
                output = getattr(e, "stderr", None) or b""
                line, failed = f"does not build, run or agree: {e}\n{output.decode(errors='replace')[-3000:]}", True
            failures += failed
            if line.startswith("NOT RUN"):
                skipped.append(name)
            print(f"{name:5} {line}", flush=True)
    count = len(options.stacks.split(","))
    print(f"{count - failures - len(skipped)} of {count} stacks compute the golden cases"
          + (f"; not run: {', '.join(skipped)}" if skipped else ""))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
