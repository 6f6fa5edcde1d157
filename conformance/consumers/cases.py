"""The cases that every consumer gets: golden ones, and data that is harder still.

A case is a dictionary: the loss, a name, the bytes of a file, inputs, and either the outputs
that are right or `refuse`, where a run has to fail: why.
"""

import base64
import json
import pathlib
import subprocess
import tempfile

import numpy as np
import onnx
from onnx import numpy_helper

MOST = 12  # golden cases of a loss

# What a consumer may handle in a way of its own, of which each has a case; the rest fill up.
HARD = ["empty", "shape0", "equal", "tie", "hinge", "zero", "with_", "one_ignored", "large", "inf", "nan", "mask"]


def encode(x):
    x = np.asarray(x)
    return {"dtype": str(x.dtype), "shape": list(x.shape), "data": base64.b64encode(x.tobytes()).decode()}


def decode(value):
    data = np.frombuffer(base64.b64decode(value["data"]), np.dtype(value["dtype"]))
    return data.reshape(value["shape"]).copy()


def chosen(names):
    """Some of the cases: one of each kind, then others, spread over the list."""
    picked = []
    for kind in HARD:
        picked += [n for n in names if kind in n and n not in picked][:1]
    rest = [n for n in names if n not in picked]
    more = max(MOST - len(picked), MOST // 4)
    step = max(1, len(rest) // more)
    return sorted(picked + rest[::step][:more])


def tensors(folder, kind, ports):
    read = {}
    for i, port in enumerate(ports):
        read[port.name] = numpy_helper.to_array(onnx.load_tensor(folder / "test_data_set_0" / f"{kind}_{i}.pb"))
    return read


def golden(lossgen, loss, target=""):
    """Golden cases of a loss, as `lossgen golden` writes them; none where the target cannot have it."""
    with tempfile.TemporaryDirectory() as root:
        flags = ["--for", target] if target else []
        subprocess.run([lossgen, "golden", loss, "-o", root, *flags], check=True, capture_output=True)
        names = sorted(p.name for p in pathlib.Path(root).iterdir())
        for name in chosen(names):
            folder = pathlib.Path(root) / name
            data = (folder / "model.onnx").read_bytes()
            graph = onnx.load_from_string(data).graph
            yield {"loss": loss, "case": name.removeprefix("test_"), "model": base64.b64encode(data).decode(),
                   "inputs": {k: encode(v) for k, v in tensors(folder, "input", graph.input).items()},
                   "outputs": {k: encode(v) for k, v in tensors(folder, "output", graph.output).items()},
                   **json.loads((folder / "data.json").read_text())}


# -- harder data, for the file of a loss with its defaults --

SIZES = {"N": 6, "D": 5, "C": 4, "T": 9, "S": 3, "A": 3, "B": 2}


def plain(description, ports, random):
    """Ordinary inputs by domain."""
    domains = {i["name"]: i["domain"] for i in description["inputs"]}
    inputs = {}
    for port in ports:
        t = port.type.tensor_type
        shape = tuple(d.dim_value or SIZES.get(d.dim_param, 5) for d in t.shape.dim)
        domain = domains.get(port.name, "real")
        if domain in ("class", "labels") and t.elem_type in (6, 7):
            x = random.randint(0, 4, shape)
            if domain == "labels":
                x[..., 1:] = -1
        elif domain == "lengths":
            x = np.full(shape, 3 if port.name.startswith("target") else 9)
        elif domain == "box":
            low = random.uniform(0, 5, shape[:-1] + (2,))
            x = np.concatenate([low, low + random.uniform(0.5, 4, low.shape)], -1)
        elif domain in ("unit", "positive", "weight", "simplex"):
            x = random.uniform(0.05, 0.95, shape)
        elif domain == "sign":
            x = random.randint(0, 2, shape) * 2 - 1
        elif domain == "logprob":
            x = random.standard_normal(shape)
            x = x - np.log(np.exp(x).sum(-1, keepdims=True))
        else:
            x = random.standard_normal(shape)
        inputs[port.name] = np.asarray(x).astype(onnx.helper.tensor_dtype_to_np_dtype(t.elem_type))
    return inputs


def changed(inputs, **arrays):
    return {**inputs, **arrays}


def variants(description, inputs, ignore):
    """(name, inputs, why the run must fail or "") beyond ordinary data."""
    domains = {i["name"]: i["domain"] for i in description["inputs"]}
    yield "ordinary", inputs, ""
    names = list(inputs)
    if len(names) > 1 and inputs[names[1]].ndim and inputs[names[1]].shape[-1] > 1 and description["name"] != "ctc":
        # The classic mistake: [N,1] for [N,D], which would broadcast.
        yield "sizes", changed(inputs, **{names[1]: inputs[names[1]][..., :1].copy()}), "sizes that contradict"
    reals = [n for n, x in inputs.items() if domains.get(n) in ("real", "logprob") and x.dtype == np.float32 and x.ndim]
    labels = [n for n, x in inputs.items() if domains.get(n) == "class" and x.dtype.kind == "i"]
    if not reals:
        return
    first = reals[0]
    x = inputs[first]
    if x.ndim == 2:
        gap = x.copy()
        gap[0], gap[1] = -60, 60
        gap[0, 0], gap[1, 0] = 60, -60
        yield "gaps_of_120", changed(inputs, **{first: gap}), ""
    if len(reals) > 1 and inputs[reals[1]].shape == x.shape:
        yield "ties", changed(inputs, **{reals[1]: x.copy()}), ""
    zero = x.copy()
    zero[0] = 0
    yield "zero_vector", changed(inputs, **{first: zero}), ""
    if not labels or x.ndim != 2 or description["name"] == "ctc":
        return
    y = inputs[labels[0]]
    if ignore is not None:
        ignored, nan = y.copy(), x.copy()
        ignored[1], nan[1, 0] = ignore, np.nan
        yield "nan_in_ignored_row", changed(inputs, **{labels[0]: ignored, first: nan}), ""
    for label in (-1, 1000):
        bad = y.copy()
        bad[2] = label
        yield f"label_{label}", changed(inputs, **{labels[0]: bad}), "a label outside [0, C)"


def hard(lossgen, session, loss, target=""):
    """Cases on one file, right where `session`, a newest ONNX Runtime, agrees."""
    description = json.loads(subprocess.run([lossgen, "describe", loss, "--json"], check=True, capture_output=True).stdout)
    flags = ["--for", target] if target else []
    done = subprocess.run([lossgen, "emit", loss, "-o", "-", *flags], capture_output=True)
    if done.returncode:
        return
    graph = onnx.load_from_string(done.stdout).graph
    names = [o.name for o in graph.output]
    ignore = next((o["default"] for o in description["options"] if o["name"] == "ignore_index"), None)
    run = session(done.stdout, names)
    inputs = plain(description, graph.input, np.random.RandomState(7))
    for name, arrays, refuse in variants(description, inputs, ignore):
        case = {"loss": loss, "case": name, "model": base64.b64encode(done.stdout).decode(), "rtol": 1.3e-5, "atol": 1e-6,
                "inputs": {k: encode(v) for k, v in arrays.items()}, "outputs": dict.fromkeys(names), "refuse": refuse}
        if not refuse:
            case["outputs"] = {k: encode(v) for k, v in run(arrays).items()}
        yield case
