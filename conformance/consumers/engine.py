#!/usr/bin/env python3
"""Runs cases in one consumer of ONNX files, in that consumer's own environment.

    python engine.py ENGINE [SKIP] < cases.jsonl > answers.jsonl

A line of JSON in for each case, a line out: the outputs, or why there are none. The first
SKIP cases are left out. Needs numpy and the engine, nothing else. `engine.mjs` is the same
for JavaScript.
"""

import base64
import importlib.metadata
import json
import os
import sys
import tempfile
import warnings

import numpy as np


def array(value):
    data = np.frombuffer(base64.b64decode(value["data"]), np.dtype(value["dtype"]))
    return data.reshape(value["shape"]).copy()


def text(x):
    x = np.asarray(x)
    return {"dtype": str(x.dtype), "shape": list(x.shape), "data": base64.b64encode(x.tobytes()).decode()}


def in_order(names, arrays):
    return dict(zip(names, (np.asarray(x) for x in arrays), strict=True))


# Each opens the bytes of a file and returns a function from inputs to outputs by name;
# `outputs` are the names that the file has.


def onnxruntime(data, outputs):
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return lambda inputs: in_order(outputs, session.run(outputs, inputs))


def openvino(data, outputs):
    import openvino as ov
    core = ov.Core()
    model = core.compile_model(core.read_model(data), "CPU",
                               {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1})
    return lambda inputs: in_order(outputs, model(list(inputs.values())).to_tuple())


def onnx_reference(data, outputs):
    from onnx.reference import ReferenceEvaluator
    model = ReferenceEvaluator(data)
    return lambda inputs: in_order(outputs, model.run(outputs, inputs))


def tract(data, outputs):
    import tract as library
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.onnx")
        with open(path, "wb") as file:
            file.write(data)
        model = library.onnx().load(path).into_model().into_runnable()
    return lambda inputs: in_order(outputs, [x.to_numpy() for x in model.run(list(inputs.values()))])


def onnx2torch(data, outputs):
    import onnx
    import onnx2torch as library
    import torch
    model = library.convert(onnx.load_from_string(data))

    def run(inputs):
        with torch.no_grad():
            results = model(*(torch.from_numpy(x) for x in inputs.values()))
        return in_order(outputs, results if len(outputs) > 1 else [results])
    return run


def version_converter(data, outputs):
    import onnx
    model = onnx.load_from_string(data)
    return onnxruntime(onnx.version_converter.convert_version(model, 21).SerializeToString(), outputs)


def onnxsim(data, outputs):
    import onnx
    import onnxsim as library
    model, valid = library.simplify(onnx.load_from_string(data))
    if not valid:
        raise ValueError("onnxsim's own check fails")
    return onnxruntime(model.SerializeToString(), outputs)


def onnxslim(data, outputs):
    import onnx
    import onnxslim as library
    return onnxruntime(library.slim(onnx.load_from_string(data)).SerializeToString(), outputs)


def answer(open_file, case):
    inputs = {name: array(value) for name, value in case["inputs"].items()}
    step = "open"
    try:
        run = open_file(base64.b64decode(case["model"]), list(case["outputs"]))
        step = "run"
        return {"outputs": {name: text(x) for name, x in run(inputs).items()}}
    except KeyboardInterrupt:
        raise
    except BaseException as e:  # tract's panics are no Exception
        return {"step": step, "error": f"{type(e).__name__}: {e}"[:2000]}


def main():
    warnings.simplefilter("ignore")
    name, skip = sys.argv[1], int((sys.argv[2:] or ["0"])[0])
    open_file = globals()[name.replace("-", "_").replace(".", "_")]
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what engines print themselves
    for number, line in enumerate(sys.stdin):
        if number >= skip:
            out.write(json.dumps(answer(open_file, json.loads(line))) + "\n")


if __name__ == "__main__":
    main()
