#!/usr/bin/env python3
"""Measures what ONNX Runtime's kernels cost, and writes cost/table.go.

    python kernels.py [--threads 2] [--seconds 0.3] [--rounds 8] [--out ../cost/table.go]

Every kernel runs alone in a file of one node with symbolic sizes, bound to its tensors of
about a million elements, which fit into the cache: what memory adds follows from the
bandwidth. The best of many runs is kept, as other work on the machine only adds time.
Figures are nanoseconds per element of the largest tensor of the node.
"""

import argparse
import math
import pathlib
import time

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from bench import processor

ROWS, COLUMNS = 1024, 1000
TYPES = {"f32": np.float32, "f64": np.float64, "i64": np.int64, "bool": np.bool_}
RANDOM = np.random.default_rng(0)


def data(kind, *dims):
    x = RANDOM.standard_normal(dims)
    return x > 0 if kind == "bool" else (np.abs(x) * 100 if kind == "i64" else np.abs(x) + 0.1).astype(TYPES[kind])


def session(nodes, inputs, outputs, constants, threads):
    """A file whose sizes are symbols, opened."""
    def port(name, dtype, rank):
        return helper.make_tensor_value_info(name, dtype, [f"{name}_{i}" for i in range(rank)])

    graph = helper.make_graph(
        nodes, "g",
        [port(n, helper.np_dtype_to_tensor_dtype(x.dtype), x.ndim) for n, x in inputs.items()],
        [helper.make_tensor_value_info(n, 0, None) for n in outputs],
        [numpy_helper.from_array(x, n) for n, x in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    for output in model.graph.output:
        output.ClearField("type")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def best(s, inputs, seconds):
    """The shortest of many bound runs, in nanoseconds."""
    binding = s.io_binding()
    for name, x in inputs.items():
        binding.bind_input(name, "cpu", 0, x.dtype, x.shape, x.ctypes.data)
    results = dict(zip([o.name for o in s.get_outputs()], s.run(None, inputs)))
    for name, x in results.items():
        binding.bind_output(name, "cpu", 0, x.dtype, x.shape, x.ctypes.data)
    shortest, begin, runs = float("inf"), time.perf_counter(), 0
    while runs < 5 or time.perf_counter() - begin < seconds:
        start = time.perf_counter_ns()
        s.run_with_iobinding(binding)
        shortest = min(shortest, time.perf_counter_ns() - start)
        runs += 1
    return shortest


class Kernels:
    """The kernels to measure, as name -> (op, inputs, constants, attributes, elements)."""

    def __init__(self):
        self.all = {}

    def add(self, name, inputs, constants=None, elements=ROWS * COLUMNS, **attributes):
        self.all[name] = (name.split("/")[0], inputs, constants or {}, attributes, elements)


def elementwise(k):
    full = (ROWS, COLUMNS)
    for op in ("Abs Atan Cos Exp HardSigmoid Identity IsNaN Log Neg Reciprocal Relu Sigmoid Sign Sin Softplus "
               "Sqrt Tanh ThresholdedRelu").split():
        k.add(op, [data("f32", *full)])
    for op in ("Abs", "Exp", "Log", "Neg"):
        k.add(op + "/f64", [data("f64", *full)])
    k.add("Clip", [data("f32", *full)], {"low": np.float32(0), "high": np.float32(1)})
    k.add("Not", [data("bool", *full)])
    for op in "Add Sub Mul Div Max Min Pow Equal Less Greater".split():
        k.add(op, [data("f32", *full), data("f32", *full)])
        k.add(op + "/broadcast", [data("f32", *full), data("f32", ROWS, 1)])
    for op in "Add Sub Mul Div Max Min Equal Less Greater".split():
        k.add(op + "/i64", [data("i64", *full), data("i64", *full) + 1])
    for op in ("Add", "Sub", "Mul", "Max"):
        k.add(op + "/f64", [data("f64", *full), data("f64", *full)])
    for op in ("And", "Or", "Equal"):
        k.add(op + "/bool", [data("bool", *full), data("bool", *full)])
    mask = data("bool", *full)
    for kind in ("f32", "i64", "f64"):
        suffix = "" if kind == "f32" else "/" + kind
        k.add("Where" + suffix, [mask, data(kind, *full), data(kind, *full)])
        k.add("Where" + suffix + "/broadcast", [mask, data(kind, *full)], {"other": np.zeros((), TYPES[kind])})
    for source, to in (("bool", "f32"), ("bool", "f64"), ("bool", "i64"), ("f32", "f64"), ("f64", "f32"), ("i64", "f32"), ("i64", "f64")):
        k.add(f"Cast/{source}-{to}", [data(source, *full)], to=helper.np_dtype_to_tensor_dtype(np.dtype(TYPES[to])))


def others(k):
    full, x = (ROWS, COLUMNS), data("f32", ROWS, COLUMNS)
    for op in ("ReduceMax", "ReduceMin"):
        k.add(op + "/last", [x], axes=[1], keepdims=1)
        k.add(op + "/first", [x], axes=[0], keepdims=1)
        k.add(op + "/all", [x], keepdims=0)
    for kind in ("f32", "f64"):
        suffix = "" if kind == "f32" else "/" + kind
        for name, axes in (("last", {"axes": np.array([1])}), ("first", {"axes": np.array([0])}), ("all", {})):
            k.add(f"ReduceSum{suffix}/{name}", [data(kind, *full)], axes, keepdims=1)
    k.add("ArgMax", [x], axis=1)
    k.add("ArgMin", [x], axis=1)
    k.add("Softmax/last", [x], axis=1)
    k.add("Softmax/first", [x], axis=0)
    k.add("LogSoftmax/last", [x], axis=1)
    k.add("CumSum", [x], {"axis": np.array(1)})
    k.add("Transpose", [x], perm=[1, 0])
    k.add("Concat", [data("f32", ROWS, COLUMNS // 2), data("f32", ROWS, COLUMNS // 2)], axis=1)
    k.add("Slice", [data("f32", ROWS, 2 * COLUMNS)], {"s": np.array([1]), "e": np.array([COLUMNS + 1]), "a": np.array([1])})
    k.add("Expand", [data("f32", ROWS, 1)], {"shape": np.array(full)})
    k.add("ConstantOfShape", [np.array(full)], value=numpy_helper.from_array(np.zeros(1, np.float32)))
    k.add("Range", [np.array(0), np.array(ROWS * COLUMNS), np.array(1)])
    labels = RANDOM.integers(0, COLUMNS, full)
    k.add("GatherElements", [x, labels], axis=1)
    k.add("Gather/rows", [x, RANDOM.integers(0, ROWS, ROWS)], axis=0)
    k.add("Gather/elements", [x.ravel(), labels], axis=0)
    k.add("ScatterElements", [x, RANDOM.integers(0, COLUMNS, (ROWS, 1)), data("f32", ROWS, 1)], axis=1)
    k.add("ScatterElements/updates", [x, labels, data("f32", *full)], axis=1)
    # per multiplication, whether in one matrix or in a batch of them
    k.add("MatMul", [data("f32", 512, 512), data("f32", 512, 512)], elements=1 << 27)
    # per run of elements between which an operand of fewer elements takes a step
    k.add("Add/span", [data("f32", ROWS * COLUMNS // 4, 4), data("f32", ROWS * COLUMNS // 4, 1)], elements=ROWS * COLUMNS // 4)
    k.add("Where/span", [data("bool", ROWS * COLUMNS // 4, 4), data("f32", ROWS * COLUMNS // 4, 4), data("f32", ROWS * COLUMNS // 4, 1)],
          elements=ROWS * COLUMNS // 4)


def one(kernel, options):
    op, arrays, constants, attributes, elements = kernel
    inputs = {f"x{i}": np.ascontiguousarray(x) for i, x in enumerate(arrays)}
    node = helper.make_node(op, [*inputs, *constants], ["y"], **attributes)
    s = session([node], inputs, ["y"], {n: np.asarray(x) for n, x in constants.items()}, options.threads)
    return best(s, inputs, options.seconds) / elements


def fixed(options):
    """Nanoseconds of a run, of one more node, and of one more step of a Scan."""
    x = {"x0": data("f32", 8)}

    def chain(n):
        nodes = [helper.make_node("Neg", [f"x{i}"], [f"x{i + 1}"]) for i in range(n)]
        return best(session(nodes, x, [f"x{n}"], {}, options.threads), x, options.seconds)

    def scan(n):
        state = helper.make_tensor_value_info("s", TensorProto.FLOAT, ["N"])
        step = helper.make_tensor_value_info("e", TensorProto.FLOAT, ["N"])
        out = helper.make_tensor_value_info("t", TensorProto.FLOAT, ["N"])
        body = helper.make_graph([helper.make_node("Add", ["s", "e"], ["t"])], "body", [state, step], [out])
        node = helper.make_node("Scan", ["x0", "x1"], ["y"], body=body, num_scan_inputs=1)
        inputs = {**x, "x1": data("f32", n, 8)}
        return best(session([node], inputs, ["y"], {}, options.threads), inputs, options.seconds)

    big = {"x0": data("f32", 1 << 25)}
    copy = best(session([helper.make_node("Neg", ["x0"], ["x1"])], big, ["x1"], {}, options.threads), big, 4 * options.seconds)
    node = (chain(41) - chain(1)) / 40
    return {"Run": chain(1) - node, "Node": node, "Step": (scan(201) - scan(1)) / 200 - node,
            "bandwidth": 2 * big["x0"].nbytes / copy}


def cache():
    """Bytes of the largest cache."""
    sizes = [0]
    for path in pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        text = path.read_text().strip()
        sizes.append(int(text[:-1]) << {"K": 10, "M": 20}[text[-1]])
    return max(sizes) or 32 << 20


HEADER = '''package cost

// This file was written by bench/kernels.py. Change that one.

// measuredOn says where the figures below come from.
const measuredOn = "ONNX Runtime {ort}, {threads} threads, {processor}"

// Nanoseconds of an empty run, of each node in it, and of each step of a Scan
// beside the nodes of its body.
const (
	runNs  = {Run:.0f}
	nodeNs = {Node:.0f}
	stepNs = {Step:.0f}
)

// bandwidth is the bytes that memory moves in a nanosecond, seen at a kernel
// that reads and writes 128 MiB, and cache how many bytes of tensors a run may
// have to be rid of that limit.
const (
	bandwidth = {bandwidth:.0f}
	cache     = {cache}
)

// kernelNs is the time of a kernel in nanoseconds per element of the node's
// largest tensor, in float32 unless the name says another type. "broadcast" is
// with an operand of fewer elements, "span" the time of each run of four
// elements of one value of that operand. Of MatMul it is per multiplication, of
// ScatterElements "updates" per element written and else per element copied.
var kernelNs = map[string]float64{{
'''


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.3, help="of each kernel in each round")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent.parent / "cost" / "table.go")
    options = parser.parse_args()
    kernels, table, constants = Kernels(), {}, {}
    elementwise(kernels)
    others(kernels)
    for round_ in range(options.rounds):  # so that no kernel is timed in a busy second only
        for name, x in fixed(options).items():
            best_of = max if name == "bandwidth" else min
            constants[name] = best_of(constants.get(name, x), x)
        for name in sorted(kernels.all):
            table[name] = min(table.get(name, math.inf), one(kernels.all[name], options))
        print(f"round {round_ + 1} of {options.rounds}", flush=True)
    width = max(map(len, table)) + 4
    with open(options.out, "w", encoding="utf-8") as f:
        f.write(HEADER.format(ort=onnxruntime.__version__, threads=options.threads, processor=processor(), cache=cache(), **constants))
        for name, ns in table.items():
            f.write(f"\t{(chr(34) + name + chr(34) + ':'):{width - 1}} {ns:.3g},\n")
        f.write("}\n")


if __name__ == "__main__":
    main()
