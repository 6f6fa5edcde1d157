"""Fills the inputs of a golden case: explicit values, or random ones by the fill's name.

Random floats are rounded to the bfloat16 grid, so that one case gives float64,
float32 and bfloat16 files exactly the same inputs.
"""

import hashlib
import math

import ml_dtypes
import numpy as np


def softmax(x, axis):
    if x.size == 0:
        return x
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def boxes(random, dims):
    """Valid boxes x1, y1, x2, y2 in [0, 10], of width and height 1/2 or more."""
    if not dims or dims[-1] != 4:
        raise ValueError(f"boxes end in a dimension of 4, not {dims}")
    low = random.uniform(0, 6, tuple(dims[:-1]) + (2,))
    size = random.uniform(0.5, 4, low.shape)
    return np.concatenate([low, low + size], axis=-1)


def normal(random, dims, scale=1.0):
    return random.standard_normal(dims) * float(scale)


def uniform(random, dims, low, high):
    return random.uniform(float(low), float(high), dims)


def classes(random, dims, count):
    return random.randint(0, max(int(count), 1), dims)


def labels(random, dims, count):
    """Lists of distinct classes along the last axis, ended by -1 at a random place."""
    x = np.full(dims, -1, np.int64)
    for row in x.reshape(-1, dims[-1]) if dims and x.size else [x.reshape(-1)]:
        kept = random.randint(0, row.size + 1)
        row[:kept] = random.permutation(max(int(count), 1))[:row.size][:kept]
    return x


def simplex(random, dims, axis):
    return softmax(random.standard_normal(dims), int(axis))


def logprob(random, dims, axis):
    with np.errstate(divide="ignore"):
        return np.log(simplex(random, dims, axis))


def direction(random, dims, axis):
    x = random.standard_normal(dims)
    return x / np.sqrt((x * x).sum(axis=int(axis), keepdims=True))


def prefix(random, dims, axis):
    """1 up to a random place along the axis, at least once, then 0."""
    axis = int(axis)
    if 0 in dims:
        return np.zeros(dims)
    ends = random.randint(1, dims[axis] + 1, tuple(1 if i == axis else n for i, n in enumerate(dims)))
    return np.arange(dims[axis]).reshape([-1 if i == axis else 1 for i in range(len(dims))]) < ends


def parts(random, dims, total):
    """Whole numbers that add up."""
    count = math.prod(dims)
    return random.multinomial(int(total), [1 / max(count, 1)] * count).reshape(dims)


def steps(random, dims, low, high, step):
    """Multiples of a step from low to high."""
    count = round((float(high) - float(low)) / float(step)) + 1
    return float(low) + float(step) * random.randint(0, count, dims)


def constant(random, dims, value):
    return np.full(dims, float(value))


FILLS = {
    "constant": constant,
    "normal": normal,
    "uniform": uniform,
    "class": classes,
    "labels": labels,
    "sign": lambda random, dims: random.randint(0, 2, dims) * 2 - 1,
    "binary": lambda random, dims: random.randint(0, 2, dims),
    "simplex": simplex,
    "logprob": logprob,
    "positive": lambda random, dims: random.uniform(0.1, 2, dims),
    "boxes": boxes,
    "direction": direction,
    "prefix": prefix,
    "parts": parts,
    "steps": steps,
}

KINDS = {"float": np.float64, "index": np.int64, "bool": np.bool_}


def on_bfloat16_grid(x):
    return x.astype(ml_dtypes.bfloat16).astype(np.float64)


def generator(*names):
    """A generator seeded by names. RandomState's streams are frozen across
    releases of numpy, those of default_rng are not."""
    digest = hashlib.sha256("/".join(names).encode()).digest()
    return np.random.RandomState(int.from_bytes(digest[:4], "big"))


def explicit(values, dims, dtype):
    if dtype == np.int64 and not all(isinstance(v, int) for v in values):
        raise ValueError("an index input takes integers")
    if len(values) != math.prod(dims):
        raise ValueError(f"{len(values)} values for the shape {list(dims)}")
    return np.array([float(v) if dtype == np.float64 else v for v in values], dtype).reshape(dims)


def filled(case, spec, dtype, others):
    """The array before single elements are set."""
    dims = tuple(spec["dims"])
    if "fill" not in spec:
        return explicit(spec["values"], dims, dtype)
    name, *arguments = spec["fill"].split(":")
    if name == "like":
        return others[arguments[0]].reshape(dims).copy()
    if name not in FILLS:
        raise ValueError(f"input {spec['name']}: unknown fill {spec['fill']!r}")
    random = generator(case["loss"], case["case"], spec["name"])
    x = np.asarray(FILLS[name](random, dims, *arguments))
    return on_bfloat16_grid(x.astype(np.float64)) if dtype == np.float64 else x.astype(dtype)


def input_array(case, spec, others):
    """The float64, int64 or bool array of one input of the case; others are those made before."""
    if spec["kind"] not in KINDS:
        raise ValueError(f"input {spec['name']}: unknown kind {spec['kind']!r}")
    dtype = KINDS[spec["kind"]]
    x = filled(case, spec, dtype, others)
    for index, value in spec.get("set", {}).items():
        if int(index) < x.size:
            x.flat[int(index)] = dtype(float(value)) if dtype == np.bool_ else dtype(value)
    return x


def input_arrays(case):
    """The arrays of all inputs of the case, by name."""
    arrays = {}
    for spec in case["inputs"]:
        arrays[spec["name"]] = input_array(case, spec, arrays)
    return arrays
