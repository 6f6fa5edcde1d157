#!/usr/bin/env python3
"""Passes files through onnx.checker, strict shape inference and ONNX Runtime.

    python every_file.py --lossgen ../lossgen

Every loss, with its defaults and with each suggested value of each option, each optional
input and reduction, at every dtype and opset: the file must be valid, load, and run on a
small draw of data. Prints a table of loss and dtype; exits 1 on any failure.
"""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import random
import shutil
import sys

import numpy as np
import onnx
import onnxruntime

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "shared"))
from command import Lossgen, Refused
from declared import declared
from draw import text
from inputs import Draw, Port

OPSETS = range(13, 29)
DTYPES = {"float32": np.float32, "float64": np.float64, "float16": np.float16, "bfloat16": None}
WORKING = {1: np.float32, 10: np.float32, 11: np.float64, 16: np.float32, 6: np.int32, 7: np.int64, 9: np.bool_}


def requests(description):
    """Arguments that between them use every option and optional input."""
    name = description["name"]
    yield [name]
    for option in description["options"]:
        for value in option.get("try") or []:
            yield [name, f"--{option['name']}={text(value)}"]
    for i in description["inputs"]:
        if i["optional"]:
            yield [name, f"--with={i['name']}"]
    yield [name, "--grad-output"]
    yield [name, "--grad=none"]


def plan(description):
    """(arguments, dtype, opset): everything at the default opset, the plain request at every one."""
    integers = any(i["values"]["kind"] == "index" for i in description["inputs"])
    for arguments in requests(description):
        for dtype in DTYPES:
            opsets = OPSETS if len(arguments) == 1 else (13, 17, 18, 28)
            for opset in opsets:
                yield [*arguments, f"--dtype={dtype}", f"--opset={opset}"], dtype, opset
    if integers:
        yield [description["name"], "--index-dtype=int32"], "float32", 17


def tensor(array, element_type):
    """A value of any element type, also those that numpy lacks."""
    if element_type == onnx.TensorProto.BFLOAT16:
        import ml_dtypes
        array = array.astype(ml_dtypes.bfloat16).view(np.uint16)
        return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(array, element_type)
    return onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array))


def run(session, model, options, inputs, expression):
    """Runs the file on one draw of plain data. Sizes that PyTorch refuses, too, are drawn again."""
    types = {v.name: v.type.tensor_type.elem_type for v in model.graph.input}
    for v in model.graph.input:  # the generator knows the dtypes that numpy has
        t = v.type.tensor_type
        t.elem_type = {10: 1, 16: 1}.get(t.elem_type, t.elem_type)
    ports = [Port(v, inputs) for v in model.graph.input]
    for seed in range(1, 9):
        draw = Draw(random.Random(seed), ports, options, "plain", small=True)
        feeds = {}
        for name, array in draw.arrays.items():
            if types[name] == onnx.TensorProto.FLOAT16:
                array = array.astype(np.float16)
            feeds[name] = tensor(array, types[name])
        try:
            return session.run_with_ort_values([o.name for o in model.graph.output], feeds)
        except Exception:
            if runs_in_pytorch(expression, draw.arrays):
                raise
    raise ValueError("PyTorch refuses all that was drawn")


def runs_in_pytorch(expression, arrays):
    from reference import Reference
    try:
        Reference(expression, [], np.float32).same_dtype(arrays)
    except Exception:  # whatever it raises
        return False
    return True


def check(lossgen, arguments):
    import json
    data = lossgen.emit(arguments)
    model = onnx.load_from_string(data)
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    metadata = {p.key: p.value for p in model.metadata_props}
    options = json.loads(metadata["lossgen.options"])
    run(session, model, options, declared(lossgen.describe(arguments[0]), options, lossgen.describe), metadata["lossgen.reference"])


def check_loss(path, loss):
    lossgen = Lossgen(path)
    description = lossgen.describe(loss)
    done, failures = collections.Counter(), []
    for arguments, dtype, _ in plan(description):
        try:
            check(lossgen, arguments)
            done[dtype] += 1
        except Refused as e:
            failures.append(f"refused: {' '.join(arguments)}: {e}")
        except Exception as e:
            failures.append(f"{' '.join(arguments)}: {type(e).__name__}: {str(e)[:300]}")
    return done, failures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lossgen", default="lossgen")
    parser.add_argument("--losses", help="names, with commas (default: all)")
    options = parser.parse_args()
    path = os.path.abspath(shutil.which(options.lossgen) or parser.error(f"no command {options.lossgen}"))
    losses = options.losses.split(",") if options.losses else Lossgen(path).list()
    total, failed = collections.Counter(), 0
    print(f"{'loss':34}" + "".join(f"{d:>10}" for d in DTYPES) + f"{'failed':>8}")
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
        for loss, (done, failures) in zip(losses, pool.map(check_loss, [path] * len(losses), losses)):
            print(f"{loss:34}" + "".join(f"{done[d]:10}" for d in DTYPES) + f"{len(failures):8}")
            for failure in failures[:5]:
                print(f"  {failure}")
            total.update(done)
            failed += len(failures)
    print(f"{sum(total.values())} files of {len(losses)} losses, {len(DTYPES)} dtypes and {len(OPSETS)} opsets; {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
