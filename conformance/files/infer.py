"""Cases of shape inference, made with onnx's own and with runs of ONNX Runtime.

    python infer.py > ../builder/ir/infer/testdata/onnx.jsonl     the cases that go test compares
    python infer.py --check [--seed N] [--each 40]                others, compared at once
    python infer.py --check --lossgen ../lossgen                  and the file of every loss

A case is a line: the nodes of a small graph, what onnx.shape_inference says of its
results (strict, with types and data), or that it refuses, and the sizes that a run has
for numbers in place of the letters. Every operator of the table has a maker here, or
the script fails.
"""

import argparse
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
LETTERS = {"N": 4, "C": 6, "D": 3, "H": 9, "W": 7, "T": 5}
F32, I64, I32, BOOL, F16, F64 = (TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL,
                                 TensorProto.FLOAT16, TensorProto.DOUBLE)
MOST = 28
NAMES = {F32: "float32", I64: "int64", I32: "int32", BOOL: "bool", F16: "float16", F64: "float64", TensorProto.BFLOAT16: "bfloat16"}


class Case:
    """A graph under construction: inputs with letters, constants, nodes."""

    def __init__(self, r, opset):
        self.r, self.opset = r, opset
        self.inputs, self.constants, self.nodes = [], [], []

    def name(self, prefix):
        return "%s%d" % (prefix, len(self.inputs) + len(self.constants) + len(self.nodes))

    def put(self, dims, dtype=F32, low=0, high=2):
        """An input; low and high bound its random whole values."""
        name = self.name("x")
        self.inputs.append((name, dtype, list(dims), low, high))
        return name

    def fix(self, values, dtype=I64, dims=None):
        name = self.name("k")
        array = np.array(values, dtype=helper.tensor_dtype_to_np_dtype(dtype))
        self.constants.append(numpy_helper.from_array(array if dims is None else array.reshape(dims), name))
        return name

    def do(self, op, inputs, outputs=1, **attrs):
        names = [self.name("y") + "abcdef"[i] for i in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, **{k: v for k, v in attrs.items() if v is not None}))
        return names[0]

    def shape(self, ranks=(0, 1, 2, 3, 4)):
        return [self.r.choice(list(LETTERS) + [1, 2, 3, 5]) for _ in range(self.r.choice(ranks))]

    def axis(self, dims, more=0):
        return self.r.randrange(-len(dims) - more, len(dims) + more)

    def model(self):
        inputs = [helper.make_tensor_value_info(n, t, d) for n, t, d, _, _ in self.inputs]
        outputs = [helper.make_empty_tensor_value_info(o) for n in self.nodes for o in n.output]
        graph = helper.make_graph(self.nodes, "g", inputs, outputs, self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=10)

    def run(self):
        """The sizes of all results with numbers for letters, or None."""
        graph = self.model()
        feeds = {}
        for n, t, d, low, high in self.inputs:
            dims = [LETTERS.get(x, x) for x in d]
            feeds[n] = np.array([self.r.randint(low, high) for _ in range(int(np.prod(dims)))]).reshape(dims).astype(
                helper.tensor_dtype_to_np_dtype(t))
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            session = onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
            return [list(np.shape(v)) for v in session.run(None, feeds)]
        except Exception:  # no kernel, or sizes that do not fit
            return None


MAKERS = {}


def maker(*ops, since=13):
    def add(f):
        for op in ops:
            MAKERS[op] = (f, since)
        return f
    return add


@maker("Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Cos", "Cosh", "Elu", "Erf", "Exp", "Floor", "HardSigmoid", "LeakyRelu",
       "Log", "Reciprocal", "Relu", "Round", "Selu", "Sigmoid", "Sin", "Sinh", "Softplus", "Softsign", "Sqrt", "Tan", "Tanh",
       "ThresholdedRelu", "Celu", "Abs", "Neg", "Sign", "Identity", "IsNaN", "Shrink")
def unary(c, op):
    c.do(op, [c.put(c.shape(), c.r.choice([F32, F32, F16]) if op not in ("Celu",) else F32)])


@maker("HardSwish", since=14)
def hard_swish(c, op):
    c.do(op, [c.put(c.shape())])


@maker("Mish", since=18)
def mish(c, op):
    c.do(op, [c.put(c.shape())])


@maker("Gelu", "IsInf", since=20)
def gelu(c, op):
    c.do(op, [c.put(c.shape())])


@maker("Swish", since=24)
def swish(c, op):
    c.do(op, [c.put(c.shape())])


@maker("Not")
def negation(c, op):
    c.do(op, [c.put(c.shape(), BOOL)])


@maker("BitwiseNot", since=18)
def bitwise_not(c, op):
    c.do(op, [c.put(c.shape(), I32)])


@maker("Softmax", "LogSoftmax", "Hardmax", "LpNormalization")
def softmax(c, op):
    dims = c.shape((1, 2, 3))
    c.do(op, [c.put(dims)], axis=c.r.choice([None, c.axis(dims)]))


@maker("Cast")
def cast(c, op):
    x = c.put(c.shape(), c.r.choice([F32, I64, BOOL, F64]))
    c.do(op, [x], to=c.r.choice([F32, F64, F16, I64, I32, BOOL]))


@maker("CastLike", since=15)
def cast_like(c, op):
    c.do(op, [c.put(c.shape()), c.put([2], c.r.choice([F64, I64, BOOL]))])


@maker("Clip")
def clip(c, op):
    x = c.put(c.shape())
    c.do(op, c.r.choice([[x], [x, c.fix(0, F32)], [x, "", c.fix(1, F32)], [x, c.fix(0, F32), c.fix(1, F32)]]))


@maker("CumSum")
def cum_sum(c, op):
    dims = c.shape((1, 2, 3))
    c.do(op, [c.put(dims), c.fix(c.axis(dims), c.r.choice([I64, I32]))], exclusive=c.r.choice([None, 1]), reverse=c.r.choice([None, 1]))


def together(c):
    """Two shapes that broadcast, mostly."""
    a = c.shape()
    b = [d if c.r.random() < 0.7 else 1 for d in a]
    if b and c.r.random() < 0.1:
        b[c.r.randrange(len(b))] = c.r.choice([5, "T"])
    b = b[c.r.randrange(len(b) + 1):] if c.r.random() < 0.4 else b
    return (a, b) if c.r.random() < 0.5 else (b, a)


@maker("Add", "Sub", "Mul", "Div", "Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual", "Max", "Min")
def binary(c, op):
    a, b = together(c)
    t = c.r.choice([F32, F32, I64])
    other = t if c.r.random() < 0.95 else F64
    c.do(op, [c.put(a, t, 1, 3), c.put(b, other, 1, 3)])


@maker("Pow", "Mod")
def power(c, op):
    a, b = together(c)
    c.do(op, [c.put(a, F32 if op == "Pow" else I64, 1, 3), c.put(b, c.r.choice([F32, I64]) if op == "Pow" else I64, 1, 3)])


@maker("And", "Or", "Xor")
def logical(c, op):
    a, b = together(c)
    c.do(op, [c.put(a, BOOL), c.put(b, BOOL)])


@maker("BitwiseAnd", "BitwiseOr", "BitwiseXor", since=18)
def bitwise(c, op):
    a, b = together(c)
    c.do(op, [c.put(a, I32), c.put(b, I32)])


@maker("BitShift")
def bit_shift(c, op):
    a, b = together(c)
    c.do(op, [c.put(a, TensorProto.UINT32), c.put(b, TensorProto.UINT32)], direction="LEFT")


@maker("Sum", "Mean")
def variadic(c, op):
    a, b = together(c)
    c.do(op, [c.put(x) for x in [a, b, a][:c.r.randint(1, 3)]])


@maker("PRelu")
def prelu(c, op):
    a = c.shape((1, 2, 3))
    c.do(op, [c.put(a), c.put([d if c.r.random() < 0.6 else 1 for d in a])])


@maker("Where")
def where(c, op):
    a, b = together(c)
    t = c.r.choice([F32, I64])
    c.do(op, [c.put(c.r.choice([a, b]), BOOL), c.put(a, t), c.put(b, t)])


def axes_of(c, dims):
    return [a - len(dims) if c.r.random() < 0.3 else a for a in c.r.sample(range(len(dims)), c.r.randint(0, len(dims)))]


@maker("ReduceMax", "ReduceMin", "ReduceMean", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSum",
       "ReduceSumSquare")
def reduction(c, op):
    dims = c.shape((1, 2, 3, 4))
    axes, keep = axes_of(c, dims), c.r.choice([None, 0, 1])
    x = c.put(dims)
    if op != "ReduceSum" and c.opset < 18:
        c.do(op, [x], axes=axes or None, keepdims=keep)
    elif c.r.random() < 0.2:
        c.do(op, [x, c.put([len(axes)], I64, 0, 0)] if axes else [x], keepdims=keep)
    else:
        c.do(op, [x, c.fix(axes, I64, [len(axes)])], keepdims=keep, noop_with_empty_axes=c.r.choice([None, 1]))


@maker("ArgMax", "ArgMin")
def extreme(c, op):
    dims = c.shape((1, 2, 3))
    c.do(op, [c.put(dims)], axis=c.r.choice([None, c.axis(dims)]), keepdims=c.r.choice([None, 0]))


@maker("Shape")
def shape(c, op):
    x = c.put(c.shape())
    if c.opset < 15:
        c.do(op, [x])
    else:
        c.do(op, [x], start=c.r.choice([None, -2, 1]), end=c.r.choice([None, -1, 2, 9]))


@maker("Size", "NonZero")
def size(c, op):
    c.do(op, [c.put(c.shape((1, 2, 3) if op == "NonZero" else (0, 1, 2, 3)), high=1)])


def numbers(dims):
    return [LETTERS.get(d, d) for d in dims]


@maker("Reshape")
def reshape(c, op):
    dims = c.shape((1, 2, 3, 4))
    x = c.put(dims)
    kind = c.r.randrange(6)
    if kind == 0:
        c.do(op, [x, c.fix([-1])])
    elif kind == 1:
        c.do(op, [x, c.fix([0, -1])])
    elif kind == 2:  # to the sizes of another
        c.do(op, [x, c.do("Shape", [c.put(dims[::-1])])])
    elif kind == 3:  # first axis, then the rest
        first = c.do("Gather", [c.do("Shape", [x]), c.fix([0])])
        c.do(op, [x, c.do("Concat", [first, c.fix([-1])], axis=0)])
    elif kind == 4:
        n = int(np.prod([d for d in dims if isinstance(d, int)] or [1]))
        c.do(op, [x, c.fix([n, -1] if c.r.random() < 0.7 else [n + 1, -1])])
    else:
        c.do(op, [x, c.put([c.r.randint(1, 3)], I64, 0, 0)], allowzero=None if c.opset < 14 else c.r.choice([None, 0]))


@maker("Flatten")
def flatten(c, op):
    dims = c.shape((1, 2, 3, 4))
    c.do(op, [c.put(dims)], axis=c.r.choice([None, c.axis(dims), len(dims)]))


@maker("Squeeze")
def squeeze(c, op):
    dims = c.shape((1, 2, 3))
    at = c.r.randrange(len(dims) + 1)
    dims.insert(at, 1)
    x = c.put(dims)
    c.do(op, c.r.choice([[x, c.fix([at])], [x, c.fix([at - len(dims)])], [x, c.fix([c.axis(dims)])]] + ([[x]] if all(isinstance(d, int) for d in dims) else [])))


@maker("Unsqueeze")
def unsqueeze(c, op):
    dims = c.shape((0, 1, 2, 3))
    n = c.r.randint(1, 2)
    axes = c.r.sample(range(len(dims) + n), n)
    c.do(op, [c.put(dims), c.fix([a - len(dims) - n if c.r.random() < 0.3 else a for a in axes])])


@maker("Transpose")
def transpose(c, op):
    dims = c.shape()
    c.do(op, [c.put(dims)], perm=c.r.choice([None, c.r.sample(range(len(dims)), len(dims))]) if dims else None)


@maker("Expand")
def expand(c, op):
    a, b = together(c)
    x = c.put(a)
    to = c.do("Shape", [c.put(b)]) if c.r.random() < 0.5 else c.fix(numbers(b), I64, [len(b)])
    c.do(op, [x, to])


@maker("Concat")
def concat(c, op):
    dims = c.shape((1, 2, 3))
    axis = c.axis(dims)
    xs = []
    for _ in range(c.r.randint(1, 3)):
        d = list(dims)
        d[axis] = c.r.choice(list(LETTERS) + [1, 2])
        xs.append(c.put(d))
    if c.r.random() < 0.1:
        xs.append(c.put(dims + [1]))
    c.do(op, xs, axis=axis)


@maker("Split")
def split(c, op):
    dims = c.shape((1, 2, 3))
    axis = c.axis(dims)
    n = c.r.randint(1, 3)
    if c.r.random() < 0.5:
        parts = [c.r.randint(0, 3) for _ in range(n)]
        dims[axis] = sum(parts) + (c.r.random() < 0.1)
        c.do(op, [c.put(dims), c.fix(parts)], n, axis=axis)
    elif c.opset < 18:
        dims[axis] = c.r.choice([n * 2, "C"])
        c.do(op, [c.put(dims)], n, axis=axis)
    else:
        dims[axis] = c.r.choice([n * 2, 7, "C"])
        c.do(op, [c.put(dims)], n, axis=axis, num_outputs=n)


@maker("Tile")
def tile(c, op):
    dims = c.shape((1, 2, 3))
    c.do(op, [c.put(dims), c.r.choice([c.fix([c.r.randint(0, 3) for _ in dims]), c.put([len(dims)], I64, 1, 1)])])


@maker("DepthToSpace", "SpaceToDepth")
def depth(c, op):
    c.do(op, [c.put(["N", c.r.choice([4, 8, "C"]), c.r.choice([4, "H"]), c.r.choice([6, "W"])])], blocksize=c.r.choice([1, 2]))


@maker("Range")
def span(c, op):
    kind = c.r.randrange(4)
    if kind == 0:
        c.do(op, [c.fix(x) for x in (c.r.randint(-3, 3), c.r.randint(-9, 9), c.r.choice([-2, -1, 1, 3]))])
    elif kind == 1:
        c.do(op, [c.fix(x, F32) for x in (0.5, c.r.randint(0, 9), c.r.choice([0.3, 2]))])
    elif kind == 2:
        n = c.do("Gather", [c.do("Shape", [c.put(c.shape((1, 2)))]), c.fix(0)])
        c.do(op, [c.fix(c.r.choice([0, 1, 2])), n, c.fix(c.r.choice([1, 2]))])
    else:
        c.do(op, [c.fix(0), c.put([], I64, 1, 3), c.fix(1)])


@maker("Constant")
def constant(c, op):
    c.do(op, [], **c.r.choice([{"value_int": 3}, {"value_float": 0.5}, {"value_ints": [1, 2]}, {"value_floats": [0.5, 1]},
                               {"value": numpy_helper.from_array(np.ones([2, 3], np.float64))}]))


@maker("ConstantOfShape")
def constant_of_shape(c, op):
    value = c.r.choice([None, numpy_helper.from_array(np.array([3], np.int64))])
    of = c.r.choice([c.fix([2, 0, 3]), c.fix([], I64, [0]), c.do("Shape", [c.put(c.shape())]), c.put([2], I64, 1, 2)])
    c.do(op, [of], value=value)


@maker("EyeLike")
def eye_like(c, op):
    c.do(op, [c.put(c.shape((2,)))], dtype=c.r.choice([None, I64, F64]))


@maker("OneHot")
def one_hot(c, op):
    dims = c.shape((0, 1, 2, 3))
    n = c.r.choice([c.fix(4), c.fix([4]), c.put([], I64, 2, 4)])
    c.do(op, [c.put(dims, I64), n, c.fix([0, 1], F32)], axis=c.r.choice([None, c.r.randrange(-len(dims) - 1, len(dims) + 1)]))


@maker("Slice")
def slice_(c, op):
    dims = c.shape((1, 2, 3))
    n = c.r.randint(1, len(dims))
    axes = c.r.sample(range(len(dims)), n)
    x = c.put(dims)
    starts, ends, steps = [], [], []
    for _ in axes:
        step = c.r.choice([1, 1, 1, 2, -1, -2])
        starts.append(c.r.choice([0, 1, 2, -1, -2, -9, 2**63 - 1, 4]))
        ends.append(c.r.choice([1, 3, -1, -2, 9, -2**63] + [2**63 - 1, 2**31 - 1] * (step > 0)))  # else ONNX Runtime has its own way
        steps.append(step)
    if c.r.random() < 0.15:
        c.do(op, [x, c.fix(starts), c.put([n], I64, 0, 4), c.fix(axes)])
    elif c.r.random() < 0.3:
        c.do(op, [x, c.fix(starts), c.fix(ends)] + ([c.fix(axes)] if n < len(dims) else []))
    else:
        c.do(op, [x, c.fix(starts), c.fix(ends), c.fix(axes), c.fix(steps)])


@maker("Gather")
def gather(c, op):
    dims, index = c.shape((1, 2, 3)), c.shape((0, 1, 2))
    c.do(op, [c.put(dims), c.put(index, c.r.choice([I64, I32]), 0, 0)], axis=c.r.choice([None, c.axis(dims)]))


@maker("GatherElements")
def gather_elements(c, op):
    dims = c.shape((1, 2, 3))
    axis = c.axis(dims)
    index = list(dims)
    index[axis] = c.r.choice(["N", 1, 2])
    c.do(op, [c.put(dims), c.put(index, I64, 0, 0)], axis=axis)


@maker("GatherND")
def gather_nd(c, op):
    dims = c.shape((2, 3, 4))
    batch = c.r.randint(0, 1)
    index = dims[:batch] + c.shape((0, 1)) + [c.r.randint(1, len(dims) - batch)]
    c.do(op, [c.put(dims), c.put(index, I64, 0, 0)], batch_dims=batch or None)


@maker("ScatterElements")
def scatter_elements(c, op):
    dims = c.shape((1, 2, 3))
    axis = c.axis(dims)
    index = list(dims)
    index[axis] = 1
    c.do(op, [c.put(dims), c.put(index, I64, 0, 0), c.put(index)], axis=axis)


@maker("ScatterND")
def scatter_nd(c, op):
    dims = c.shape((1, 2, 3))
    n, depth = c.r.choice(["N", 2]), c.r.randint(1, len(dims))
    c.do(op, [c.put(dims), c.put([n, depth], I64, 0, 0), c.put([n] + dims[depth:])])


@maker("TopK")
def top_k(c, op):
    dims = c.shape((1, 2, 3))
    k = c.r.choice([c.fix([c.r.choice([1, 2])]), c.put([1], I64, 1, 1)])
    c.do(op, [c.put(dims), k], 2, axis=c.r.choice([None, c.axis(dims)]))


@maker("Compress")
def compress(c, op):
    dims = c.shape((1, 2, 3))
    axis = c.r.choice([None, c.axis(dims)])
    c.do(op, [c.put(dims), c.put([c.r.choice([1, dims[axis or 0]])], BOOL, 0, 1)], axis=axis)


@maker("Trilu", since=14)
def trilu(c, op):
    c.do(op, [c.put(c.shape((2, 3)))], upper=c.r.choice([None, 0]))


@maker("ReverseSequence")
def reverse_sequence(c, op):
    c.do(op, [c.put(["T", "N"] + c.shape((0, 1))), c.put(["N"], I64, 1, 1)])


@maker("MatMul")
def mat_mul(c, op):
    kind = c.r.randrange(6)
    inner = c.r.choice(["D", 3])
    other = inner if c.r.random() < 0.9 else 5
    batch = c.shape((0, 1, 2))
    more = [d if c.r.random() < 0.7 else 1 for d in batch]
    a, b = [([inner], [other]), ([inner], [other, "C"]), (["N", inner], [other]), (["N", inner], [other, 4]),
            (batch + ["N", inner], more + [other, 2]), (batch + ["N", inner], [other, "C"])][kind]
    c.do(op, [c.put(a), c.put(b)])


@maker("Gemm")
def gemm(c, op):
    ta, tb = c.r.choice([None, 1]), c.r.choice([None, 1])
    a, b = ["N", "D"], ["D", 4]
    x = [c.put(a[::-1] if ta else a), c.put(b[::-1] if tb else b)]
    if c.r.random() < 0.5:
        x.append(c.put(c.r.choice([[4], [1, 4], ["N", 1], []])))
    c.do(op, x, transA=ta, transB=tb)


@maker("Det")
def det(c, op):
    n = c.r.choice([2, "D"])
    c.do(op, [c.put(c.shape((0, 1, 2)) + [n, n])])


@maker("Einsum")
def einsum(c, op):
    equation, dims = c.r.choice([
        ("ij,jk->ik", [["N", "D"], ["D", 2]]), ("bij,bjk->bik", [["N", "T", "D"], ["N", "D", 3]]), ("ii->i", [["D", "D"]]),
        ("...ij,...jk->...ik", [["N", 2, "T", "D"], [2, "D", 3]]), ("ij->ji", [["N", "C"]]), ("ij,kj", [["N", "D"], [4, "D"]]),
        ("i,j->ij", [["N"], ["C"]]), ("ij->", [["N", "D"]]), ("bhqd,bhkd->bhqk", [["N", 2, "T", 4], ["N", 2, "W", 4]])])
    c.do(op, [c.put(d) for d in dims], equation=equation)


def window(c, axes, pads=True):
    attrs = {"strides": c.r.choice([None, [c.r.randint(1, 3) for _ in range(axes)]])}
    auto = c.r.choice([None, None, "SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"])
    if auto:
        attrs["auto_pad"] = auto
    if auto in (None, "NOTSET") and pads:
        attrs["pads"] = c.r.choice([None, [c.r.randint(0, 1) for _ in range(2 * axes)]])
    return attrs


def spatial(c, axes):
    return [c.r.choice(["H", "W", 8, 5]) for _ in range(axes)]


@maker("Conv")
def conv(c, op):
    axes, group = c.r.randint(1, 2), c.r.choice([None, 2])
    channels = c.r.choice([4, 2])
    weight = [c.r.choice([4, 6]), channels // (group or 1)] + [c.r.randint(1, 3) for _ in range(axes)]
    attrs = window(c, axes)
    if attrs.get("auto_pad", "NOTSET") == "NOTSET":
        attrs["dilations"] = c.r.choice([None, [c.r.randint(1, 2) for _ in range(axes)]])
    attrs["kernel_shape"] = c.r.choice([None, weight[2:]])
    x = [c.put(["N", channels] + spatial(c, axes)), c.put(weight)]
    c.do(op, x + ([c.put([weight[0]])] if c.r.random() < 0.5 else []), group=group, **attrs)


@maker("ConvTranspose")
def conv_transpose(c, op):
    axes = c.r.randint(1, 2)
    weight = [3, 2] + [c.r.randint(2, 3) for _ in range(axes)]
    attrs = window(c, axes)
    attrs["strides"] = [2] * axes
    if attrs.get("auto_pad", "NOTSET") == "NOTSET":
        attrs["output_padding"] = c.r.choice([None, [1] * axes])
    c.do(op, [c.put(["N", 3] + spatial(c, axes)), c.put(weight)], **attrs)


@maker("MaxPool", "AveragePool", "LpPool")
def pool(c, op):
    axes = c.r.randint(1, 2)
    attrs = window(c, axes)
    attrs["kernel_shape"] = [c.r.randint(2, 3) for _ in range(axes)]
    if op != "LpPool" or c.opset >= 18:
        attrs["ceil_mode"] = c.r.choice([None, 1])
    if op == "MaxPool" and attrs.get("auto_pad", "NOTSET") == "NOTSET":
        attrs["dilations"] = c.r.choice([None, [c.r.randint(1, 2) for _ in range(axes)]])
    c.do(op, [c.put(["N", "C"] + spatial(c, axes))], 2 if op == "MaxPool" and c.r.random() < 0.3 else 1, **attrs)


@maker("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def global_pool(c, op):
    c.do(op, [c.put(["N", "C"] + spatial(c, c.r.randint(1, 2)))])


@maker("Pad")
def pad(c, op):
    dims = c.shape((1, 2, 3))
    axes = c.r.sample(range(len(dims)), c.r.randint(1, len(dims))) if c.opset >= 18 and c.r.random() < 0.5 else None
    n = len(axes if axes else dims)
    x = [c.put(dims), c.fix([c.r.randint(0, 3) for _ in range(2 * n)])]
    if axes:
        x += ["", c.fix(axes)]
    elif c.r.random() < 0.5:
        x.append(c.fix(1, F32))
    c.do(op, x)


@maker("Resize")
def resize(c, op):
    dims = ["N", c.r.choice([3, "C"])] + spatial(c, 2)
    x = c.put(dims)
    if c.r.random() < 0.5:
        c.do(op, [x, "", c.fix([1, 1, c.r.choice([2, 0.5]), c.r.choice([2, 1.5])], F32)])
    elif c.opset >= 18 and c.r.random() < 0.5:
        c.do(op, [x, "", "", c.fix([7, 9])], axes=[2, 3])
    else:
        two = c.do("Slice", [c.do("Shape", [x]), c.fix([0]), c.fix([2])])
        c.do(op, [x, "", "", c.do("Concat", [two, c.fix([7, 9])], axis=0)])


@maker("BatchNormalization")
def batch_normalization(c, op):
    n = c.r.choice(["C", 3])
    x = [c.put(["N", n] + spatial(c, c.r.randint(0, 2)))] + [c.put([n]) for _ in range(4)]
    if c.opset >= 14 and c.r.random() < 0.4:
        c.do(op, x, 3, training_mode=1)
    else:
        c.do(op, x)


@maker("InstanceNormalization")
def instance_normalization(c, op):
    c.do(op, [c.put(["N", 3] + spatial(c, 2)), c.put([3]), c.put([3])])


@maker("GroupNormalization", since=21)
def group_normalization(c, op):
    c.do(op, [c.put(["N", 4] + spatial(c, 2)), c.put([4]), c.put([4])], num_groups=2)


@maker("LRN")
def lrn(c, op):
    c.do(op, [c.put(["N", "C"] + spatial(c, 2))], size=3)


@maker("MeanVarianceNormalization")
def mean_variance(c, op):
    c.do(op, [c.put(["N", "C"] + spatial(c, 2))])


@maker("LayerNormalization", since=17)
def layer_normalization(c, op):
    dims = c.shape((2, 3))
    axis = c.r.choice([None, c.axis(dims)])
    c.do(op, [c.put(dims), c.put(dims[(-1 if axis is None else axis):])], c.r.choice([1, 3]), axis=axis)


@maker("RMSNormalization", since=23)
def rms_normalization(c, op):
    dims = c.shape((2, 3))
    c.do(op, [c.put(dims), c.put(dims[-1:])])


@maker("Dropout")
def dropout(c, op):
    c.do(op, [c.put(c.shape())], c.r.choice([1, 2]))


@maker("Attention", since=23)
def attention(c, op):
    heads, keys = c.r.choice([(4, 4), (4, 2)])
    t, s, size, own = c.r.choice(["T", 3]), c.r.choice(["D", 5]), 8, c.r.choice([8, 6])
    if c.r.random() < 0.5:
        x = [c.put(["N", heads, t, size]), c.put(["N", keys, s, size]), c.put(["N", keys, s, own])]
        more = {}
    else:
        x = [c.put(["N", t, heads * size]), c.put(["N", s, keys * size]), c.put(["N", s, keys * own])]
        more = {"q_num_heads": heads, "kv_num_heads": keys}
    if c.r.random() < 0.3:
        x.append(c.put([t, s]))
    outputs = 1
    if own == size and c.r.random() < 0.3:
        x += [""] * (4 - len(x)) + [c.put(["N", keys, 2, size]), c.put(["N", keys, 2, size])] if len(x) == 3 else []
        outputs = 3 if len(x) == 6 else 1
    c.do(op, x, outputs, is_causal=c.r.choice([None, 1]) if len(x) == 3 else None, **more)


@maker("SoftmaxCrossEntropyLoss", "NegativeLogLikelihoodLoss")
def loss(c, op):
    more = spatial(c, c.r.choice([0, 2]))
    x = [c.put(["N", 3] + more), c.put(["N"] + more, I64, 0, 2)]
    if c.r.random() < 0.5:
        x.append(c.put([3]))
    c.do(op, x, c.r.choice([1, 2]) if op[0] == "S" else 1, reduction=c.r.choice([None, "none", "sum", "mean"]))


@maker("RNN", "GRU", "LSTM")
def recurrent(c, op):
    gates, hidden = {"RNN": 1, "GRU": 3, "LSTM": 4}[op], 3
    way = c.r.choice([None, "forward", "reverse", "bidirectional"])
    ways, layout = 2 if way == "bidirectional" else 1, c.r.choice([None, 0]) if c.opset >= 14 else None
    x = [c.put(["T", "N", 2]), c.put([ways, gates * hidden, 2]), c.put([ways, gates * hidden, hidden])]
    if c.r.random() < 0.5:
        x.append(c.put([ways, 2 * gates * hidden]))
    c.do(op, x, 3 if op == "LSTM" else 2, hidden_size=hidden, direction=way, layout=layout)


def body_graph(nodes, inputs, outputs):
    return helper.make_graph(nodes, "body", [helper.make_empty_tensor_value_info(i) for i in inputs],
                             [helper.make_empty_tensor_value_info(o) for o in outputs])


@maker("Scan")
def scan(c, op):
    dims = c.shape((1, 2))
    state, steps = c.put(dims), c.put(["T"] + dims)
    nodes = [helper.make_node("Add", ["s", "row"], ["next"]), helper.make_node("Mul", ["next", "next"], ["each"])]
    attrs = {"body": body_graph(nodes, ["s", "row"], ["next", "each"]), "num_scan_inputs": 1}
    if c.r.random() < 0.5:
        attrs["scan_output_axes"] = [c.r.choice([0, 1, -1])]
    c.do(op, [state, steps], 2, **attrs)


@maker("If")
def choose(c, op):
    dims = c.shape((1, 2))
    x, y = c.put(dims), c.put(dims if c.r.random() < 0.6 else c.shape((1, 2)))
    c.do(op, [c.put([], BOOL)], then_branch=body_graph([helper.make_node("Neg", [x], ["p"])], [], ["p"]),
         else_branch=body_graph([helper.make_node("Exp", [y], ["q"])], [], ["q"]))


@maker("Loop")
def loop(c, op):
    dims = c.shape((1, 2))
    x = c.put(dims)
    grow = c.r.random() < 0.4
    nodes = [helper.make_node("Identity", ["go"], ["on"]),
             helper.make_node("Concat", ["s", "s"], ["t"], axis=0) if grow else helper.make_node("Exp", ["s"], ["t"]),
             helper.make_node("ReduceSum", ["t"], ["each"], keepdims=0)]
    body = helper.make_graph(nodes, "body", [helper.make_tensor_value_info("i", I64, []), helper.make_tensor_value_info("go", BOOL, []),
                                             helper.make_empty_tensor_value_info("s")],
                             [helper.make_empty_tensor_value_info(o) for o in ("on", "t", "each")])
    c.do(op, [c.fix(3), c.fix(True, BOOL), x], 2, body=body)


@maker("chain")
def chain(c, op):
    """Sizes that are computed in the graph."""
    dims = c.shape((2, 3))
    x = c.put(dims)
    s = c.do("Shape", [x])
    n = c.do("Gather", [s, c.fix(c.r.randrange(len(dims)))])
    kind = c.r.randrange(7)
    if kind == 0:
        m = c.do(c.r.choice(["Add", "Mul", "Sub", "Div", "Mod", "Max", "Min"]), [n, c.fix(c.r.choice([1, 2, 3]))])
        c.do("ConstantOfShape", [c.do("Unsqueeze", [m, c.fix([0])])])
    elif kind == 1:
        c.do("Reshape", [x, c.do("Slice", [c.do("Concat", [s, c.fix([-1])], axis=0), c.fix([1]), c.fix([9])])])
    elif kind == 2:
        c.do("Expand", [c.fix([0.5], F32), c.do("Where", [c.do("Equal", [s, c.fix(3)]), c.fix(7), s])])
    elif kind == 3:
        c.do("Range", [c.fix(0), c.do("ReduceProd", [s], keepdims=0) if c.r.random() < 0.5 else c.do("Size", [x]), c.fix(1)])
    elif kind == 4:
        c.do("Reshape", [x, c.do("Unsqueeze", [c.do("Cast", [c.do("Size", [x]), ], to=I64), c.fix([0])])])
    elif kind == 5:
        half = c.do("Unsqueeze", [c.do("Div", [n, c.fix(2)]), c.fix([0])])
        c.do("Slice", [x, c.fix([0]), half, c.fix([0])])
    else:
        c.do("Expand", [c.fix([0.5], F32), c.do("Mul", [s, c.do("Identity", [c.fix([2])])])])


def operators():
    """Those of the table of schemas."""
    text = (ROOT / "export" / "schema_table.go").read_text(encoding="utf-8")
    return re.findall(r'^\t"(\w+)":', text, re.M)


def described(value):
    t = value.type.tensor_type
    if not value.type.HasField("tensor_type"):
        return None
    dims = None
    if t.HasField("shape"):
        dims = [d.dim_value if d.HasField("dim_value") else None if d.dim_param.startswith("unk__") else d.dim_param or None for d in t.shape.dim]
    return {"dtype": t.elem_type, "dims": dims}


def attribute(a):
    v = helper.get_attribute_value(a)
    if isinstance(v, bytes):
        return v.decode()
    if isinstance(v, onnx.GraphProto):
        return {"inputs": [i.name for i in v.input], "outputs": [o.name for o in v.output], "nodes": [node(n) for n in v.node]}
    if isinstance(v, TensorProto):
        return constant_of(v)
    return {"float": v} if a.type == onnx.AttributeProto.FLOAT else {"floats": list(v)} if a.type == onnx.AttributeProto.FLOATS else v


def node(n):
    out = {"op": n.op_type, "in": list(n.input), "out": list(n.output)}
    if n.attribute:
        out["attrs"] = {a.name: attribute(a) for a in n.attribute}
    return out


def constant_of(t):
    x = numpy_helper.to_array(t)
    return {"dtype": t.data_type, "dims": list(t.dims), "values": x.ravel().tolist()}


def line(c):
    model = c.model()
    out = {"opset": c.opset, "inputs": [[n, t, d] for n, t, d, _, _ in c.inputs],
           "constants": {k.name: constant_of(k) for k in c.constants}, "nodes": [node(n) for n in c.nodes]}
    try:
        done = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
        found = {v.name: described(v) for v in list(done.graph.output) + list(done.graph.value_info)}
        out["onnx"] = [found.get(o.name) for o in model.graph.output]
    except Exception as e:
        if "opset" in str(e):
            raise
        out["refused"] = True
    run = c.run()
    if run is not None:
        out["run"] = run
    return json.dumps(out, separators=(",", ":"))


def differences(path, options):
    """Results of a file of which onnx knows more than `lossgen show`, or other things, and how many agree."""
    shown = json.loads(subprocess.run([options.lossgen, "show", path, "--format", "json"], check=True, stdout=subprocess.PIPE).stdout)
    own = {r["name"]: r for n in shown["graph"]["nodes"] for r in n["results"]}
    bare = onnx.load(path)
    declared = {v.name for v in list(bare.graph.value_info) + list(bare.graph.output)}
    done = onnx.shape_inference.infer_shapes(bare, check_type=True, strict_mode=True, data_prop=True)
    wrong, right = [], 0
    for v in list(done.graph.value_info) + list(done.graph.output):
        want, got = described(v), own[v.name]
        same = got["dtype"] == NAMES[want["dtype"]]
        if want["dims"] is not None:
            same = same and got["dims"] is not None and len(got["dims"]) == len(want["dims"]) and all(
                w is None or w == g or isinstance(w, str) and (v.name in declared or g is not None)
                for w, g in zip(want["dims"], got["dims"]))
        right += same
        if not same:
            wrong.append("%s: %s is %s, and %s for onnx" % (path, v.name, got, want))
    return wrong, right


def files(options):
    """Every loss's file at the first and last opset."""
    listed = json.loads(subprocess.run([options.lossgen, "list", "--json"], check=True, stdout=subprocess.PIPE).stdout)
    wrong, right = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for name in (entry["name"] for entry in listed):
            for opset in (13, 17, MOST):
                path = "%s/%s_%d.onnx" % (folder, name, opset)
                subprocess.run([options.lossgen, "emit", name, "-o", path, "--opset", str(opset)], check=True, stderr=subprocess.PIPE)
                more, fine = differences(path, options)
                wrong, right = wrong + more, right + fine
    print("\n".join(wrong + ["types of %d results of files as onnx infers them, %d not" % (right, len(wrong))]))
    return not wrong and right > 1000


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--each", type=int, default=14, help="cases of an operator")
    p.add_argument("--check", action="store_true", help="compare at once, print nothing")
    p.add_argument("--lossgen", help="compare what this command shows of every loss's file, too")
    options = p.parse_args()
    missing = sorted(set(operators()) - set(MAKERS))
    if missing:
        raise SystemExit("no cases for " + ", ".join(missing))
    lines = []
    for op, (make, since) in sorted(MAKERS.items()):
        for i in range(options.each * (3 if op in ("chain", "Slice", "Reshape") else 1)):
            r = random.Random("%d %s %d" % (options.seed, op, i))
            c = Case(r, r.choice([v for v in (13, 14, 17, 18, 20, 21, 23, 24, MOST) if v >= since]))
            make(c, op)
            lines.append(line(c))
    if not options.check:
        print("\n".join(lines))
        return
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as f:
        f.write("\n".join(lines))
        f.flush()
        fine = subprocess.run(["go", "test", "./builder/ir/infer", "-count=1", "-run", "TestOnnx", "-args", "-cases", f.name], cwd=ROOT).returncode == 0
    sys.exit(not (fine and (not options.lossgen or files(options))))


if __name__ == "__main__":
    main()
