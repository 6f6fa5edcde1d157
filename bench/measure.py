#!/usr/bin/env python3
"""Times one loss at one size: value and gradient, in one process.

    python measure.py FILE.onnx REQUEST_JSON

ONNX Runtime, torch eager and torch.compile(dynamic=False) work on the same data with the
same number of threads, in one process, so that all of them see the same state of memory. They
take turns of many runs each: the threads of the one before spin for a while after its last
run, and would take the processor from the next, so the first runs of a turn do not count.
Prints one JSON object with medians and quartiles in milliseconds.
"""

import json
import math
import statistics
import sys
import time

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
import torchvision.ops as tv

TYPES = {1: torch.float32, 7: torch.int64}
ROUNDS, BUDGET = 6, 3.0  # turns of each candidate, and seconds for all of them
LONG = 0.03  # seconds of a run of which a turn has fewer


def inputs_of(model, sizes, domains):
    """Random inputs for the file's ports, by name."""
    generator = torch.Generator().manual_seed(0)
    values = {}
    for port in model.graph.input:
        shape = [sizes[d.dim_param] if d.dim_param else d.dim_value for d in port.type.tensor_type.shape.dim]
        values[port.name] = draw(port.name, domains.get(port.name, "real"), shape, sizes, generator)
    return values


def draw(name, domain, shape, sizes, g):
    normal = lambda: torch.randn(shape, generator=g)
    axis = min(1, len(shape) - 1)
    if domain == "class":
        return torch.randint(1, sizes["C"], shape, generator=g)
    if domain in ("labels", "label_list"):
        x = torch.randint(1, sizes["C"], shape, generator=g)
        if name == "target":
            x[..., 2:] = -1  # lists of two
        return x
    if domain == "sign":
        return (torch.randint(0, 2, shape, generator=g) * 2 - 1).float()
    if domain in ("unit", "binary"):
        return torch.rand(shape, generator=g)
    if domain in ("positive", "weight"):
        return torch.rand(shape, generator=g) + 0.1
    if domain == "simplex":
        return torch.softmax(normal(), axis)
    if domain == "logprob":
        return torch.log_softmax(normal(), -1 if "T" in sizes else axis)
    if domain == "lengths":
        return torch.full(shape, sizes["T" if name == "input_lengths" else "S"])
    if domain == "box":
        corner = torch.rand(shape[:-1] + [2], generator=g) * 6
        return torch.cat([corner, corner + torch.rand(corner.shape, generator=g) * 4 + 0.5], -1)
    return normal()


class Runtime:
    """The emitted file on ONNX Runtime, bound to preallocated outputs."""

    def __init__(self, model, values, threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        feeds = {name: x.numpy() for name, x in values.items()}
        names = [o.name for o in model.graph.output]
        self.outputs = dict(zip(names, map(torch.from_numpy, map(np.array, self.session.run(None, feeds)))))
        self.binding = self.session.io_binding()
        for name, x in feeds.items():
            self.binding.bind_input(name, "cpu", 0, x.dtype, list(x.shape), x.ctypes.data)
        for name, x in self.outputs.items():
            self.binding.bind_output(name, "cpu", 0, np.float32, list(x.shape), x.data_ptr())
        self.feeds = feeds  # keeps the memory

    def __call__(self):
        self.session.run_with_iobinding(self.binding)


class Torch:
    """The published expression, forward and backward."""

    def __init__(self, expression, values, gradients, compiled):
        self.values = {n: x.clone().requires_grad_(n in gradients) for n, x in values.items()}
        self.gradients = gradients
        scope = {"torch": torch, "F": F, "tv": tv, "math": math}
        exec(f"def loss({', '.join(values)}):\n    return {expression}", scope)
        self.loss = torch.compile(scope["loss"], dynamic=False) if compiled else scope["loss"]

    def __call__(self):
        for name in self.gradients:
            self.values[name].grad = None
        value = self.loss(*self.values.values())
        upstream = self.values.get("grad_output")
        value.backward(upstream)
        return value


def check(runtime, eager):
    """The timed files compute the right thing."""
    value = eager()
    pairs = [("loss", value.detach())] + [("grad_" + n, eager.values[n].grad) for n in eager.gradients]
    worst = {}
    for name, want in pairs:
        got = runtime.outputs[name]
        scale = max(float(want.abs().max()), 1e-30)
        worst[name] = float((got - want).abs().max()) / scale
    return worst


def once(f):
    start = time.perf_counter()
    f()
    return time.perf_counter() - start


def repeat(f):
    """How often to call a fast function for one sample of 200 microseconds or more."""
    f(), f()
    return max(1, int(2e-4 / max(once(f), 1e-7)))


def turn(f, count):
    """Milliseconds per call, of several samples in a row."""
    time.sleep(0.01)
    settle, samples = (2, 4) if once(f) > LONG else (5, 10)
    taken = []
    for sample in range(settle + samples):
        start = time.perf_counter()
        for _ in range(count):
            f()
        if sample >= settle:
            taken.append((time.perf_counter() - start) / count * 1e3)
    return taken


def measure(candidates):
    counts = {name: repeat(f) for name, f in candidates.items()}
    samples = {name: [] for name in candidates}
    begin = time.perf_counter()
    for round_ in range(ROUNDS):
        for name, f in candidates.items():
            samples[name] += turn(f, counts[name])
        if round_ >= 1 and time.perf_counter() - begin > BUDGET:
            break
    summary = {}
    for name, s in samples.items():
        q = statistics.quantiles(s, n=4)
        summary[name] = {"median": statistics.median(s), "low": q[0], "high": q[2]}
    return summary


def main():
    model = onnx.load(sys.argv[1])
    request = json.loads(sys.argv[2])
    threads = request["threads"]
    torch.set_num_threads(threads)
    values = inputs_of(model, request["sizes"], request["domains"])
    expression = next(p.value for p in model.metadata_props if p.key == "lossgen.reference")
    gradients = [o.name.removeprefix("grad_") for o in model.graph.output if o.name.startswith("grad_")]
    runtime = Runtime(model, values, threads)
    eager = Torch(expression, values, gradients, compiled=False)
    worst = check(runtime, eager)
    prediction = max((values[n] for n in gradients), key=lambda x: x.numel())
    target = torch.empty_like(prediction)
    candidates = {"ort": runtime, "eager": eager, "copy": lambda: target.copy_(prediction)}
    if request["compile"]:
        try:
            compiled = Torch(expression, values, gradients, compiled=True)
            compiled()
            candidates["compile"] = compiled
        except Exception as e:
            print(f"torch.compile: {type(e).__name__}: {str(e)[:200]}", file=sys.stderr)
    result = {"times": measure(candidates), "worst": worst, "nodes": len(model.graph.node),
              "elements": prediction.numel()}
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
