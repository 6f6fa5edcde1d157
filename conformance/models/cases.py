"""A random case of each operator: a node, its inputs and constants, and the same in PyTorch."""

import dataclasses
import math

import numpy as np
import torch
import torch.nn.functional as F


@dataclasses.dataclass
class Case:
    op: str
    inputs: dict  # floating, differentiated, in the order in which the function takes them
    function: object
    constants: dict = dataclasses.field(default_factory=dict)
    attributes: dict = dataclasses.field(default_factory=dict)
    names: list = None  # the node's inputs, where they are not the inputs and then the constants
    outputs: list = dataclasses.field(default_factory=lambda: ["y"])
    opset: int = 17
    fixed: bool = False  # no size is open

    def __post_init__(self):
        self.names = self.names or [*self.inputs, *self.constants]

    @property
    def result(self):
        """The name of the output that is differentiated, the first that has one."""
        return next(name for name in self.outputs if name)

    def dims(self, name):
        """Sizes, of which the first of the first input is open."""
        shape = list(self.inputs[name].shape)
        if not self.fixed and shape and name == next(iter(self.inputs)):
            shape[0] = "N"
        return shape

    def __str__(self):
        sizes = {n: v.shape for n, v in self.inputs.items()}
        constants = {n: v.tolist() for n, v in self.constants.items()}
        return f"{sizes} {constants} {self.attributes} opset {self.opset}"


def values(rng, shape, low=-2.0, high=2.0, grid=None):
    """Random numbers, half of the time on a grid of quarters where ties and kinks are."""
    x = rng.uniform(low, high, shape)
    if grid if grid is not None else rng.random() < 0.5:
        x = np.clip(np.round(x * 4) / 4, low, high)
    return np.asarray(x, np.float32).astype(np.float64)


def sizes(rng, rank=None, low=1, high=4):
    return tuple(int(n) for n in rng.integers(low, high + 1, rng.integers(1, 5) if rank is None else rank))


def ints(*numbers):
    return np.array(numbers, np.int64)


def unary(function, low=-2.0, high=2.0, grid=None, opset=17, **attributes):
    """An operator on each element. Attributes may be functions of the random generator."""
    def make(op, rng):
        drawn = {n: a(rng) if callable(a) else a for n, a in attributes.items()}
        return Case(op, {"x": values(rng, sizes(rng), low, high, grid)}, lambda x: function(x, **drawn), attributes=drawn, opset=opset)
    return make


def number(low, high):
    return lambda rng: float(np.float32(rng.uniform(low, high)))


def broadcast(rng):
    """Two shapes that broadcast, the first the larger or not."""
    shape = sizes(rng)
    other = [1 if rng.random() < 0.3 else n for n in shape][int(rng.integers(0, len(shape) + 1)):]
    return (shape, tuple(other)) if rng.random() < 0.5 else (tuple(other), shape)


def binary(function, low=-2.0, high=2.0, **attributes):
    def make(op, rng):
        a, b = broadcast(rng)
        return Case(op, {"x": values(rng, a), "z": values(rng, b, low, high)}, function, attributes=attributes, fixed=True)
    return make


def several(function):
    def make(op, rng):
        shape, n = sizes(rng), int(rng.integers(1, 4))
        return Case(op, {f"x{i}": values(rng, shape[i:]) for i in range(min(n, len(shape)))}, function, fixed=True)
    return make


def fold(f):
    def apply(*xs):
        y = xs[0]
        for x in xs[1:]:
            y = f(y, x)
        return y
    return apply


def reduction(function, low=-2.0, high=2.0, grid=None, as_input=False):
    """An operator over axes, which are an attribute or an input, or left out."""
    def make(op, rng):
        shape = sizes(rng, int(rng.integers(1, 5)))
        axes = sorted(int(a) for a in rng.choice(len(shape), int(rng.integers(1, len(shape) + 1)), replace=False))
        keep = int(rng.integers(0, 2))
        opset = 18 if rng.random() < 0.5 else 17
        case = Case(op, {"x": values(rng, shape, low, high, grid)}, lambda x: function(x, axes, bool(keep)), attributes={"keepdims": keep}, opset=opset)
        named = [a - len(shape) if rng.random() < 0.5 else a for a in axes]
        if len(axes) == len(shape) and rng.random() < 0.5:
            return case
        if as_input or opset == 18:
            case.constants["axes"] = ints(*named)
            case.names.append("axes")
        else:
            case.attributes["axes"] = named
        return case
    return make


def over_axes(f):
    """A torch reduction of one axis, applied to several one by one is wrong: the axes are joined."""
    def apply(x, axes, keep):
        rest = [i for i in range(x.ndim) if i not in axes]
        y = f(x.permute(*rest, *axes).reshape(*[x.shape[i] for i in rest], -1))
        return y.reshape([1 if i in axes else x.shape[i] for i in range(x.ndim)]) if keep else y
    return apply


def axis_of(rng, rank):
    return int(rng.integers(-rank, rank))


def along(function, **more):
    def make(op, rng):
        shape = sizes(rng, int(rng.integers(1, 4)), 1, 5)
        axis = axis_of(rng, len(shape))
        return Case(op, {"x": values(rng, shape)}, lambda x: function(x, axis), attributes={"axis": axis, **more})
    return make


def gemm(op, rng):
    n, k, m = sizes(rng, 3, 1, 5)
    ta, tb = int(rng.integers(0, 2)), int(rng.integers(0, 2))
    alpha, beta = (1.0, 1.0) if rng.random() < 0.5 else (0.5, 2.0)
    inputs = {"a": values(rng, (k, n) if ta else (n, k)), "b": values(rng, (m, k) if tb else (k, m))}
    bias = [None, (m,), (n, 1), (1,), (), (n, m)][int(rng.integers(0, 6))]
    if bias is not None:
        inputs["c"] = values(rng, bias)

    def function(a, b, c=0):
        return alpha * ((a.T if ta else a) @ (b.T if tb else b)) + beta * c
    return Case(op, inputs, function, attributes={"transA": ta, "transB": tb, "alpha": alpha, "beta": beta}, fixed=True)


def matmul(op, rng):
    n, k, m, b = sizes(rng, 4, 1, 4)
    a, c = [((n, k), (k, m)), ((b, n, k), (k, m)), ((b, n, k), (b, k, m)), ((2, 1, n, k), (b, k, m)), ((k,), (k, m)), ((b, n, k), (k,)), ((k,), (k,))][int(rng.integers(0, 7))]
    return Case(op, {"a": values(rng, a), "b": values(rng, c)}, torch.matmul, fixed=True)


def transpose(op, rng):
    shape = sizes(rng)
    order = [int(i) for i in rng.permutation(len(shape))]
    return Case(op, {"x": values(rng, shape)}, lambda x: x.permute(order), attributes={"perm": order})


def reshape(op, rng):
    n, a, b = sizes(rng, 3, 1, 4)
    to = [(-1, b), (0, -1), (n * a, b), (b, a, -1), (-1,)][int(rng.integers(0, 5))]
    return Case(op, {"x": values(rng, (n, a, b))}, lambda x: x.reshape([n if d == 0 else d for d in to]), constants={"shape": ints(*to)})


def flatten(op, rng):
    shape = sizes(rng)
    axis = int(rng.integers(-len(shape), len(shape) + 1))
    rows = math.prod(shape[:axis])
    return Case(op, {"x": values(rng, shape)}, lambda x: x.reshape(rows, -1), attributes={"axis": axis})


def unsqueeze(op, rng):
    shape = sizes(rng, 2)
    axes = [[0], [-1], [1, 3], [0, -1]][int(rng.integers(0, 4))]

    def function(x):
        out = [1 if i in [a % (2 + len(axes)) for a in axes] else None for i in range(2 + len(axes))]
        rest = iter(x.shape)
        return x.reshape([d or next(rest) for d in out])
    return Case(op, {"x": values(rng, shape)}, function, constants={"axes": ints(*axes)})


def squeeze(op, rng):
    n, a = sizes(rng, 2, 2, 4)
    return Case(op, {"x": values(rng, (n, 1, a, 1))}, lambda x: x.reshape(n, a), constants={"axes": ints(*[[1, 3], [-1, -3]][int(rng.integers(0, 2))])})


def expand(op, rng):
    shape = sizes(rng, 3)
    own = tuple(1 if rng.random() < 0.5 else n for n in shape)[int(rng.integers(0, 3)):]
    return Case(op, {"x": values(rng, own)}, lambda x: x.expand(shape), constants={"shape": ints(*shape)}, fixed=True)


def tile(op, rng):
    shape = sizes(rng, 3)
    times = sizes(rng, 3, 1, 3)
    return Case(op, {"x": values(rng, shape)}, lambda x: x.repeat(times), constants={"repeats": ints(*times)})


def concat(op, rng):
    shape = list(sizes(rng, 3))
    axis = axis_of(rng, 3)
    parts = []
    for _ in range(int(rng.integers(1, 4))):
        shape[axis] = int(rng.integers(1, 4))
        parts.append(values(rng, tuple(shape)))
    return Case(op, {f"x{i}": p for i, p in enumerate(parts)}, lambda *x: torch.cat(x, axis), attributes={"axis": axis}, fixed=True)


def split(op, rng):
    """The first part of several: other parts have no gradient here."""
    parts = sizes(rng, 3, 1, 3)
    axis = int(rng.integers(0, 2))
    shape = [3, 3]
    shape[axis] = sum(parts)
    return Case(op, {"x": values(rng, tuple(shape))}, lambda x: torch.split(x, parts, axis)[0], constants={"split": ints(*parts)},
                attributes={"axis": axis}, outputs=["y", "rest", "more"], fixed=axis == 0)


def slices(op, rng):
    shape = sizes(rng, 3, 2, 6)
    axes = sorted(int(a) for a in rng.choice(3, int(rng.integers(1, 4)), replace=False))
    index, starts, ends, steps = [slice(None)] * 3, [], [], []
    for a in axes:
        n, step = shape[a], int(rng.choice([1, 1, 2, 3, -1, -2]))
        i, j = sorted(int(k) for k in rng.integers(0, n + 1, 2))
        if step < 0:
            i, j = (j - 1 if j > 0 else 0), (i - 1 if i > 0 else -n - 1)
        if i == j and step > 0:
            j = min(i + 1, n)
            i = j - 1
        elif step > 0 and j == n and rng.random() < 0.5:
            j = 2**62
        if step > 0 and rng.random() < 0.3 and i < n:
            i -= n
        starts, ends, steps = [*starts, i], [*ends, j], [*steps, step]
        index[a] = slice(i, None if j in (2**62, -n - 1) else j, step)
    picked = [torch.tensor(np.arange(shape[a])[index[a]].copy()) for a in range(3)]

    def function(x):
        for a in range(3):
            x = x.index_select(a, picked[a])
        return x
    return Case(op, {"x": values(rng, shape)}, function, constants={"starts": ints(*starts), "ends": ints(*ends), "axes": ints(*axes), "steps": ints(*steps)})


def gather(op, rng):
    shape = sizes(rng, 3, 2, 5)
    axis = axis_of(rng, 3)
    index = rng.integers(-shape[axis], shape[axis], sizes(rng, int(rng.integers(0, 3))))
    n = shape[axis]

    def function(x):
        flat = torch.tensor(np.ravel(index) % n)
        at = axis % 3
        return x.index_select(at, flat).reshape(*shape[:at], *index.shape, *shape[at + 1:])
    return Case(op, {"x": values(rng, shape)}, function, constants={"i": np.asarray(index, rng.choice([np.int64, np.int32]))}, attributes={"axis": axis}, fixed=axis % 3 == 0)


def elements(rng, shape, axis, distinct=False):
    """An index for each element of a part of a tensor."""
    part = [int(rng.integers(1, n + 1)) for n in shape]
    n = shape[axis]
    if distinct:
        return np.argsort(rng.random([n if i == axis else p for i, p in enumerate(part)]), axis=axis).take(range(part[axis]), axis=axis)
    return rng.integers(0, n, part)


def gather_elements(op, rng):
    shape = sizes(rng, 2, 2, 4)
    axis = int(rng.integers(0, 2))
    index = elements(rng, shape, axis)
    negative = np.where(rng.random(index.shape) < 0.5, index - shape[axis], index)
    return Case(op, {"x": values(rng, shape)}, lambda x: torch.gather(x, axis, torch.tensor(index)), constants={"i": negative}, attributes={"axis": axis}, fixed=True)


def scatter_elements(op, rng):
    shape = sizes(rng, 2, 2, 4)
    axis, add = int(rng.integers(0, 2)), rng.random() < 0.5
    index = elements(rng, shape, axis, distinct=not add)
    at = torch.tensor(index)

    def function(x, u):
        return x.scatter_add(axis, at, u) if add else x.scatter(axis, at, u)
    return Case(op, {"x": values(rng, shape), "u": values(rng, index.shape)}, function, constants={"i": index}, names=["x", "i", "u"],
                attributes={"axis": axis, "reduction": "add" if add else "none"}, fixed=True)


def tuples(rng, shape, depth, count, distinct=False):
    flat = rng.choice(math.prod(shape[:depth]), count, replace=not distinct)
    return np.stack(np.unravel_index(flat, shape[:depth]), -1).astype(np.int64)


def gather_nd(op, rng):
    shape, depth = sizes(rng, 3, 2, 4), int(rng.integers(1, 4))
    index = tuples(rng, shape, depth, 4)
    negative = np.where(rng.random(index.shape) < 0.5, index - np.array(shape[:depth]), index)
    return Case(op, {"x": values(rng, shape)}, lambda x: x[tuple(torch.tensor(index[:, i]) for i in range(depth))], constants={"i": negative}, fixed=True)


def scatter_nd(op, rng):
    shape, depth = sizes(rng, 3, 2, 4), int(rng.integers(1, 4))
    add = rng.random() < 0.5
    index = tuples(rng, shape, depth, 2, distinct=not add)
    at = tuple(torch.tensor(index[:, i]) for i in range(depth))
    return Case(op, {"x": values(rng, shape), "u": values(rng, (2, *shape[depth:]))}, lambda x, u: x.index_put(at, u, accumulate=bool(add)),
                constants={"i": index}, names=["x", "i", "u"], attributes={"reduction": "add" if add else "none"}, fixed=True)


def top_k(op, rng):
    shape = sizes(rng, 3, 2, 5)
    axis, largest = axis_of(rng, 3), int(rng.integers(0, 2))
    k = int(rng.integers(1, shape[axis] + 1))
    x = rng.permutation(math.prod(shape)).reshape(shape) / 7 - 2
    return Case(op, {"x": x.astype(np.float32).astype(np.float64)}, lambda x: torch.topk(x, k, axis, largest=bool(largest))[0], constants={"k": ints(k)},
                attributes={"axis": axis, "largest": largest}, outputs=["y", "places"], fixed=axis % 3 == 0)


def cum_sum(op, rng):
    shape = sizes(rng, 3)
    axis, exclusive, reverse = axis_of(rng, 3), int(rng.integers(0, 2)), int(rng.integers(0, 2))

    def function(x):
        x = x.flip(axis) if reverse else x
        y = x.cumsum(axis) - (x if exclusive else 0)
        return y.flip(axis) if reverse else y
    return Case(op, {"x": values(rng, shape)}, function, constants={"axis": np.array(axis, np.int64)}, attributes={"exclusive": exclusive, "reverse": reverse})


def where(op, rng):
    a, b = broadcast(rng)
    shape = np.broadcast_shapes(a, b)
    c = rng.random(shape[int(rng.integers(0, len(shape))):]) < 0.5
    return Case(op, {"a": values(rng, a), "b": values(rng, b)}, lambda a, b: torch.where(torch.tensor(c), a, b), constants={"c": c}, names=["c", "a", "b"], fixed=True)


def clip(op, rng):
    low, high = sorted(np.float32(np.round(v * 4) / 4) for v in rng.uniform(-1.5, 1.5, 2))
    kind = int(rng.integers(0, 3))
    constants = {n: np.array(v, np.float32) for n, v in (("lo", low), ("hi", high))}
    names = [["x", "lo", "hi"], ["x", "lo"], ["x", "", "hi"]][kind]
    low, high = [(low, high), (low, None), (None, high)][kind]
    return Case(op, {"x": values(rng, sizes(rng))}, lambda x: torch.clamp(x, None if low is None else float(low), None if high is None else float(high)),
                constants={n: v for n, v in constants.items() if n in names}, names=names)


def power(op, rng):
    if rng.random() < 0.5:
        p = float(rng.choice([0, 1, 2, 3, 0.5, -1, 1.5, -0.5]))
        low = -2.0 if p in (0, 1, 2, 3) else 0.25
        return Case(op, {"x": values(rng, sizes(rng), low)}, lambda x: x ** p, constants={"p": np.array(p, rng.choice([np.float32]))})
    a, b = broadcast(rng)
    return Case(op, {"x": values(rng, a, 0.0), "p": values(rng, b, 0.0)}, torch.pow, fixed=True)


def prelu(op, rng):
    shape = sizes(rng, 3)
    slope = [(shape[1], 1), (1,), shape][int(rng.integers(0, 3))]
    return Case(op, {"x": values(rng, shape), "a": values(rng, slope)}, lambda x, a: torch.where(x > 0, x, a * x), fixed=True)


def layer_norm(op, rng):
    shape = sizes(rng, 3, 2, 5)
    axis = int(rng.choice([-1, 1, 2]))
    rest = shape[axis:]
    inputs = {"x": values(rng, shape, grid=False), "s": values(rng, rest)}
    if rng.random() < 0.7:
        inputs["b"] = values(rng, rest)
    eps = float(np.float32(rng.choice([1e-5, 1e-3])))
    return Case(op, inputs, lambda x, s, b=None: F.layer_norm(x, rest, s, b, eps), attributes={"axis": axis, "epsilon": eps}, fixed=axis == 0)


def rms_norm(op, rng):
    shape = sizes(rng, 3, 2, 5)
    return Case(op, {"x": values(rng, shape), "s": values(rng, shape[-1:])}, lambda x, s: F.rms_norm(x, shape[-1:], s, 1e-5), opset=23)


def group_norm(op, rng):
    n, groups, c, h = sizes(rng, 4, 1, 3)
    channels = groups * c
    return Case(op, {"x": values(rng, (n + 1, channels, h + 1, 3), grid=False), "s": values(rng, (channels,)), "b": values(rng, (channels,))},
                lambda x, s, b: F.group_norm(x, groups, s, b, 1e-5), attributes={"num_groups": groups}, opset=21, fixed=True)


def lp_norm(op, rng):
    shape, p = sizes(rng, 3), int(rng.integers(1, 3))
    axis = axis_of(rng, 3)
    return Case(op, {"x": values(rng, shape, 0.25)}, lambda x: x / torch.linalg.vector_norm(x, p, axis, keepdim=True), attributes={"axis": axis, "p": p})


def mean_variance(op, rng):
    def function(x):
        m = x.mean((0, 2, 3), keepdim=True)
        return (x - m) / (((x - m) ** 2).mean((0, 2, 3), keepdim=True).sqrt() + 1e-9)
    return Case(op, {"x": values(rng, sizes(rng, 4, 2, 3), grid=False)}, function)


def space(function):
    def make(op, rng):
        n, c, h, w = sizes(rng, 4, 1, 3)
        block = int(rng.integers(1, 4))
        mode = str(rng.choice(["DCR", "CRD"]))
        return function(op, rng, (n, c, h, w), block, mode)
    return make


def depth_to_space(op, rng, shape, block, mode):
    n, c, h, w = shape

    def function(x):
        if mode == "CRD":
            return F.pixel_shuffle(x, block)
        return x.reshape(n, block, block, c, h, w).permute(0, 3, 4, 1, 5, 2).reshape(n, c, h * block, w * block)
    return Case(op, {"x": values(rng, (n, c * block * block, h, w))}, function, attributes={"blocksize": block, "mode": mode})


def space_to_depth(op, rng, shape, block, mode):
    n, c, h, w = shape

    def function(x):
        return x.reshape(n, c, h, block, w, block).permute(0, 3, 5, 1, 2, 4).reshape(n, c * block * block, h, w)
    return Case(op, {"x": values(rng, (n, c, h * block, w * block))}, function, attributes={"blocksize": block})


def trilu(op, rng):
    k, upper = int(rng.integers(-2, 3)), int(rng.integers(0, 2))
    f = torch.triu if upper else torch.tril
    return Case(op, {"x": values(rng, sizes(rng, 3))}, lambda x: f(x, k), constants={"k": np.array(k, np.int64)}, attributes={"upper": upper})


def einsum(op, rng):
    text = str(rng.choice(["ij,jk->ik", "bij,bjk->bik", "bij,bkj->bik", "ij,kj", "i,j->ij", "bi,bj,ij->b", "ij->ji", "ij->i", "ij,k->ik", "bhqd,bhkd->bhqk"]))
    letters = {c: int(rng.integers(1, 4)) for c in "bhijkqd"}
    terms = text.split("->")[0].split(",")
    return Case(op, {f"x{i}": values(rng, tuple(letters[c] for c in t)) for i, t in enumerate(terms)}, lambda *x: torch.einsum(text, *x), attributes={"equation": text}, fixed=True)


def global_max(op, rng):
    shape = sizes(rng, int(rng.integers(3, 6)), 1, 4)
    pool = {3: F.adaptive_max_pool1d, 4: F.adaptive_max_pool2d, 5: F.adaptive_max_pool3d}[len(shape)]
    return Case(op, {"x": values(rng, shape)}, lambda x: pool(x, 1))


def dropout(op, rng):
    """Inference: what it does in training is drawn anew in each run."""
    return Case(op, {"x": values(rng, sizes(rng))}, lambda x: x)


def cast(op, rng):
    constants = {"like": np.zeros(1, np.float32)} if op == "CastLike" else {}
    return Case(op, {"x": values(rng, sizes(rng))}, lambda x: x, constants=constants, attributes={} if constants else {"to": 1})


def attention(op, rng):
    n, t, s = sizes(rng, 3, 1, 4)
    keys, each, size = sizes(rng, 3, 1, 3)
    heads, own = keys * each, size + int(rng.integers(0, 2))
    shapes = [(n, heads, t, size), (n, keys, s, size), (n, keys, s, own)]
    attributes, constants, bias = {}, {}, 0
    if rng.random() < 0.3:
        attributes["scale"] = 0.5
    kind = int(rng.integers(0, 4))
    if kind == 1:
        attributes["is_causal"] = 1
        bias = torch.full((t, s), -math.inf).triu(1)
    elif kind == 2:
        allowed = rng.random((t, s)) < 0.6
        allowed[:, 0] = True
        constants["mask"], bias = allowed, torch.zeros(t, s).masked_fill(torch.tensor(~allowed), -math.inf)
    inputs = {name: values(rng, shape) for name, shape in zip("qkv", shapes)}
    names = ["q", "k", "v", *constants]
    if kind == 3:
        inputs["mask"] = values(rng, (n, 1, t, s))
        names.append("mask")
    if joined := rng.random() < 0.5:
        attributes |= {"q_num_heads": heads, "kv_num_heads": keys}
        for name in "qkv":
            x = inputs[name]
            inputs[name] = np.ascontiguousarray(x.transpose(0, 2, 1, 3)).reshape(n, x.shape[2], -1)

    def function(q, k, v, mask=0):
        if joined:
            q, k, v = (x.reshape(n, x.shape[1], h, -1).transpose(1, 2) for x, h in ((q, heads), (k, keys), (v, keys)))
        k, v = k.repeat_interleave(each, 1), v.repeat_interleave(each, 1)
        more = bias.to(q.dtype) if torch.is_tensor(bias) else bias
        y = torch.softmax(q @ k.transpose(2, 3) * attributes.get("scale", 1 / math.sqrt(size)) + more + mask, 3) @ v
        return y.transpose(1, 2).reshape(n, t, -1) if joined else y
    return Case(op, inputs, function, constants=constants, attributes=attributes, names=names, opset=23, fixed=True)


def labelled(function):
    """A loss with labels, some of them ignored, and weights of the classes."""
    def make(op, rng):
        n, classes = int(rng.integers(1, 5)), int(rng.integers(2, 5))
        more = [(), (2,), (2, 3)][int(rng.integers(0, 3))]
        labels = rng.integers(0, classes, (n, *more))
        attributes = {"reduction": str(rng.choice(["none", "mean", "sum"]))}
        ignored = -100
        if rng.random() < 0.6:
            ignored = int(rng.choice([-100, 1]))
            labels.flat[0] = ignored
            if rng.random() < 0.7:
                labels.flat[-1] = 0
            attributes["ignore_index"] = ignored
        constants = {"labels": labels}
        weight = None
        if rng.random() < 0.5:
            constants["weight"] = values(rng, (classes,), 0.25).astype(np.float32)
            weight = torch.tensor(constants["weight"])

        def loss(x):
            w = None if weight is None else weight.to(x.dtype)
            return function(x, torch.tensor(labels), w, ignore_index=ignored, reduction=attributes["reduction"])
        return Case(op, {"x": values(rng, (n, classes, *more))}, loss, constants=constants, attributes=attributes, fixed=True)
    return make


def softsign_shrink(x, lambd, bias):
    return torch.where(x < -lambd, x + bias, torch.where(x > lambd, x - bias, 0 * x))


def zero(f):
    return lambda x: f(x.detach()) + 0 * x


CASES = {
    "Abs": unary(torch.abs), "Neg": unary(torch.neg), "Exp": unary(torch.exp), "Log": unary(torch.log, 0.25), "Sqrt": unary(torch.sqrt, 0.25),
    "Reciprocal": unary(torch.reciprocal, 0.25), "Relu": unary(torch.relu), "Tanh": unary(torch.tanh), "Sigmoid": unary(torch.sigmoid), "Erf": unary(torch.erf),
    "Sin": unary(torch.sin), "Cos": unary(torch.cos), "Tan": unary(torch.tan, -1.2, 1.2), "Asin": unary(torch.asin, -0.9, 0.9), "Acos": unary(torch.acos, -0.9, 0.9),
    "Atan": unary(torch.atan), "Sinh": unary(torch.sinh), "Cosh": unary(torch.cosh), "Asinh": unary(torch.asinh), "Acosh": unary(torch.acosh, 1.25, 3),
    "Atanh": unary(torch.atanh, -0.9, 0.9), "Identity": unary(lambda x: x), "Sign": unary(zero(torch.sign)), "Floor": unary(zero(torch.floor)),
    "Ceil": unary(zero(torch.ceil)), "Round": unary(zero(torch.round)), "Softplus": unary(F.softplus), "Softsign": unary(F.softsign), "Mish": unary(F.mish, opset=22),
    "Selu": unary(lambda x, alpha, gamma: gamma * F.elu(x, alpha), alpha=1.6732631921768188, gamma=1.0507010221481323),
    "Celu": unary(F.celu, alpha=number(0.5, 2)), "Swish": unary(lambda x, alpha: x * torch.sigmoid(alpha * x), opset=24, alpha=number(0.5, 2)),
    "ThresholdedRelu": unary(lambda x, alpha: torch.where(x > alpha, x, 0 * x), alpha=lambda rng: float(rng.choice([0, 0.5, 1]))),
    "Shrink": unary(softsign_shrink, lambd=0.5, bias=number(0, 0.5)),
    "Gelu": unary(lambda x, approximate: F.gelu(x, approximate=approximate), opset=20, approximate=lambda rng: str(rng.choice(["none", "tanh"]))),
    "Add": binary(torch.add), "Sub": binary(torch.sub), "Mul": binary(torch.mul), "Div": binary(torch.div, 0.25), "Mod": binary(torch.fmod, 0.3, 0.9, fmod=1),
    "Max": several(fold(torch.maximum)), "Min": several(fold(torch.minimum)), "Sum": several(fold(torch.add)),
    "Mean": several(lambda *x: fold(torch.add)(*x) / len(x)), "Pow": power, "Where": where, "Clip": clip, "PRelu": prelu, "Cast": cast, "CastLike": cast,
    "MatMul": matmul, "Gemm": gemm, "Einsum": einsum, "Softmax": along(torch.softmax), "LogSoftmax": along(torch.log_softmax),
    "Reshape": reshape, "Flatten": flatten, "Unsqueeze": unsqueeze, "Squeeze": squeeze, "Transpose": transpose, "Expand": expand, "Concat": concat, "Split": split,
    "Slice": slices, "Tile": tile, "DepthToSpace": space(depth_to_space), "SpaceToDepth": space(space_to_depth), "Trilu": trilu, "Dropout": dropout,
    "Gather": gather, "GatherElements": gather_elements, "GatherND": gather_nd, "ScatterElements": scatter_elements, "ScatterND": scatter_nd, "TopK": top_k, "CumSum": cum_sum,
    "ReduceSum": reduction(lambda x, axes, keep: x.sum(axes, keep), as_input=True), "ReduceMean": reduction(lambda x, axes, keep: x.mean(axes, keep)),
    "ReduceMax": reduction(lambda x, axes, keep: x.amax(axes, keep)), "ReduceMin": reduction(lambda x, axes, keep: x.amin(axes, keep)),
    "ReduceProd": reduction(over_axes(lambda x: x.prod(-1))), "ReduceL1": reduction(lambda x, axes, keep: x.abs().sum(axes, keep)),
    "ReduceL2": reduction(lambda x, axes, keep: torch.linalg.vector_norm(x, 2, axes, keep)), "ReduceSumSquare": reduction(lambda x, axes, keep: (x * x).sum(axes, keep)),
    "ReduceLogSum": reduction(lambda x, axes, keep: x.sum(axes, keep).log(), 0.25), "ReduceLogSumExp": reduction(lambda x, axes, keep: x.logsumexp(axes, keep)),
    "LayerNormalization": layer_norm, "RMSNormalization": rms_norm, "GroupNormalization": group_norm, "LpNormalization": lp_norm,
    "MeanVarianceNormalization": mean_variance, "GlobalMaxPool": global_max,
    "Attention": attention, "SoftmaxCrossEntropyLoss": labelled(F.cross_entropy), "NegativeLogLikelihoodLoss": labelled(F.nll_loss),
}
