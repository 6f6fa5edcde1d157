"""Draws the inputs of a file: sizes for its letters, and values as describe says."""

import re

import numpy as np

from declared import PROBABILITIES, REAL, UNIT, UNKNOWN

SIZES = [0, 1, 1, 2, 2, 3, 3, 3, 5, 5, 17]
WINDOWS = [1, 2, 17, 17]  # of images that hold windows
LIMIT = 20000  # elements of one input
MODES = ["plain", "plain", "grid", "grid", "edges", "nonfinite"]
FLOATS = (np.float32, np.float64, np.float16)
TYPES = {1: np.float32, 10: np.float16, 11: np.float64, 6: np.int32, 7: np.int64, 9: np.bool_}  # ONNX's codes


class Port:
    """One input of a file, as the file declares it, and what describe says of it."""

    def __init__(self, value, inputs):
        tensor = value.type.tensor_type
        said = inputs.get(value.name, UNKNOWN)  # an input that only some options bring
        self.name, self.domain, self.said, self.loss = value.name, said.domain, said.values, said.loss
        self.dtype = TYPES[tensor.elem_type]
        self.dims = [d.dim_param or d.dim_value for d in tensor.shape.dim]

    def shape(self, sizes):
        return tuple(size(d, sizes) for d in self.dims)

    def option(self, kind):
        """The value of the option that the declaration names for this, or None."""
        return self.loss.options.get(self.said[kind + "_option"])

    def axis(self, shapes):
        """The axis that its values are about: without a letter, PyTorch's axis of the classes."""
        own = self.loss.axis(self.name, self.said["axis"], shapes)
        return min(1, len(self.dims) - 1) if own is None else own

    def classes(self, shapes):
        """How many classes there are for its labels."""
        count = self.option("classes")
        if count is None:
            count = self.loss.sizes(shapes).get(self.said["axis"], 1)
        return int(count) + self.said["more_classes"]

    @property
    def labels(self):
        return self.said["classes"] and self.said["kind"] == "index" and self.dtype not in FLOATS

    @property
    def free(self):
        """Any number goes."""
        return unbounded(self.said)


def unbounded(said):
    return said["kind"] == "float" and said["low"] is None and said["high"] is None and said["form"] != "corners"


def letters(dim):
    """The letters of a dim: none of a number, several of a form such as max(T-1,0)*N."""
    if not isinstance(dim, str):
        return set()
    return {dim} if dim.isidentifier() else set(re.findall(r"[A-Za-z_]\w*", dim)) - {"max"}


def size(dim, sizes):
    """The size of a dim for sizes of the letters."""
    if not isinstance(dim, str) or dim in sizes:
        return sizes.get(dim, dim)
    return eval(dim, {"__builtins__": {}, "max": max}, {c: sizes[c] for c in letters(dim)})


class Draw:
    """One draw of data for a file: arrays by name, and what was special about it."""

    def __init__(self, random, ports, options, mode=None, small=False, windows=False):
        self.random = np.random.RandomState(random.randrange(2**32))
        self.ports, self.options, self.small = ports, options, small
        self.mode = mode or MODES[self.random.randint(len(MODES))]
        self.comparable = True
        self.sizes = self.draw_sizes([1, 2, 2] if small else WINDOWS if windows else SIZES)
        self.shapes = {p.name: p.shape(self.sizes) for p in ports}
        self.arrays = {}
        for port in ports:
            x = self.values(port)
            self.arrays[port.name] = np.asarray(x).astype(port.dtype).reshape(self.shapes[port.name])
        self.relate()
        self.lengths()
        self.behind_masks()

    @property
    def empty(self):
        return any(0 in shape for shape in self.shapes.values())

    def chance(self, probability):
        return self.random.random_sample() < probability

    # -- sizes --

    def draw_sizes(self, choices):
        names = sorted(set().union(*(letters(d) for p in self.ports for d in p.dims)))
        for _ in range(50):
            sizes = {c: choices[self.random.randint(len(choices))] for c in names}
            self.shapes = {p.name: p.shape(sizes) for p in self.ports}
            if self.chance(0.6):
                sizes.update({c: 17 for c in self.steps()})
                self.shapes = {p.name: p.shape(sizes) for p in self.ports}
            counts = [np.prod(shape, dtype=int) for shape in self.shapes.values()]
            if max(counts) <= LIMIT and all(map(self.has_classes, self.ports)) and all(map(self.meaningful, self.ports)):
                return sizes
        self.comparable = False  # pinned to sizes that PyTorch has no meaning for
        return {c: 2 for c in names}

    def steps(self):
        """The letters of the axis that the first lengths are about: there is time for what the others are about."""
        first = next((p for p in self.ports if p.said["form"] == "length"), None)
        if first is None:
            return []
        places = [(p, p.loss.axis(p.name, first.said["axis"], self.shapes)) for p in self.ports if p.loss is first.loss]
        return [p.dims[axis] for p, axis in places if axis is not None and isinstance(p.dims[axis], str)]

    def meaningful(self, port):
        """Vectors of one element have the direction 1 or -1: the gradient of that is rounding alone."""
        return port.said["form"] != "direction" or self.shapes[port.name][port.axis(self.shapes)] != 1

    def has_classes(self, port):
        """Labels need a class to name, beside one that none may name."""
        excluded = port.option("excluded")
        needed = 0 if excluded is None else max(int(excluded), 1)
        return not port.labels or port.classes(self.shapes) > needed

    # -- values --

    def values(self, port):
        shape, said = self.shapes[port.name], port.said
        if port.name == "grad_output":
            return self.upstream(shape)
        if said["kind"] == "bool":
            return self.prefixes(port, shape) if said["form"] == "prefix" else self.mask(shape)
        if port.dtype not in FLOATS:
            return self.integers(port, shape)
        if said["kind"] == "index":  # a probability of each class instead
            said = {**PROBABILITIES, "axis": said["axis"]}
        if port.name.endswith("target") and self.chance(0.15):  # soft or unconventional
            # Beside probabilities PyTorch refuses targets outside [0, 1], elsewhere it takes any.
            said = UNIT if any(p.domain == "unit" for p in self.ports) else REAL
        return self.inject(self.floats(port, said, shape), port, said)

    def mask(self, shape):
        share = 0 if self.chance(0.1) else 1 if self.chance(0.1) else 0.7
        return self.random.random_sample(shape) < share

    def prefixes(self, port, shape):
        axis = port.axis(self.shapes)
        ends = np.expand_dims(self.random.randint(1, shape[axis] + 1, np.delete(shape, axis)), axis) if shape[axis] else 0
        places = np.arange(shape[axis]).reshape([-1 if i == axis % len(shape) else 1 for i in range(len(shape))])
        return np.broadcast_to(places < ends, shape)

    def upstream(self, shape):
        g = self.random.standard_normal(shape)
        return np.where(self.random.random_sample(shape) < 0.1, self.random.randint(0, 2), g)

    def floats(self, port, said, shape):
        """Numbers of the form, or between the bounds."""
        form, low, high = said["form"], said["low"], said["high"]
        if said["only"]:
            return self.random.choice(said["only"], size=shape)
        if form in ("sum", "log_sum", "norm"):
            return self.along(form, port.axis(self.shapes), shape)
        if form == "corners":
            return self.boxes(shape)
        if form == "whole":
            return self.random.randint(low, high + 1, shape)
        if form == "ties":
            return self.random.randint(1, 13, shape) / 4
        if low is not None and high is not None:
            share = self.random.randint(0, 9, shape) / 8 if self.mode == "grid" else self.random.random_sample(shape)
            return low + (high - low) * share
        if low == 0:
            return self.random.uniform(0.05, 2, shape) if said["low_exclusive"] else self.weights(shape)
        if self.mode == "grid":
            return self.random.randint(-16, 17, shape) / 8
        return self.random.standard_normal(shape) * self.random.choice([0.3, 1, 4])

    def along(self, form, axis, shape):
        """Vectors of length 1; or probabilities, or their logarithms."""
        x = self.random.standard_normal(shape) * 2
        if form == "norm":
            return x / np.sqrt((x * x).sum(axis=axis, keepdims=True))
        if 0 in shape or not shape:
            x = -np.abs(x)
        else:
            x = x - np.log(np.exp(x).sum(axis=axis, keepdims=True))
        return np.exp(x) if form == "sum" else x

    def weights(self, shape):
        x = self.random.uniform(0.1, 2, shape)
        if self.chance(0.4):
            x = np.where(self.random.random_sample(shape) < 0.3, 0, x)
        return x * 0 if self.chance(0.05) else x

    def boxes(self, shape):
        low = self.random.uniform(0, 6, shape[:-1] + (2,))
        high = low + self.random.uniform(0.3, 4, low.shape)
        if self.mode == "grid":
            low, high = np.round(low / 2), np.round(high / 2) + 1
        if self.mode == "edges":  # of no size, or inside out
            high = np.where(self.random.random_sample(low.shape) < 0.15, low, high)
            high = np.where(self.random.random_sample(low.shape) < 0.1, low - 1, high)
        return np.concatenate([low, high], axis=-1)

    # -- integers --

    def integers(self, port, shape):
        form = port.said["form"]
        if form == "length":
            return np.zeros(shape)  # see lengths
        if form == "equality":
            return self.random.randint(-2, 3, shape)
        count = port.classes(self.shapes)
        x = self.random.randint(0, max(count, 1), shape)
        excluded = port.option("excluded")
        if excluded is not None:
            x = np.where(x == int(excluded), (int(excluded) + 1) % max(count, 1), x)
        if form == "list":
            return self.ended_lists(x)
        return self.ignored_and_wrong(x, count, port.option("ignored"), port.said["checked"])

    def ended_lists(self, x):
        """Rows that end at a random first -1, some of them nowhere."""
        if x.ndim == 0 or x.size == 0:
            return x
        ends = self.random.randint(0, x.shape[-1] + 1, x.shape[:-1] + (1,))
        after = np.arange(x.shape[-1]) >= ends
        return np.where(after & ((np.arange(x.shape[-1]) == ends) | self.chance(0.5)), -1, x)

    def ignored_and_wrong(self, x, count, ignore, checked):
        if ignore is not None and self.chance(0.5):
            share = 1 if self.chance(0.1) else 0.3
            x = np.where(self.random.random_sample(x.shape) < share, int(ignore), x)
        if x.size and checked and self.chance(0.1):
            wrong = [-1, -1, -count, count, count + 3, -100]
            x = np.array(x)
            x.flat[self.random.randint(x.size)] = wrong[self.random.randint(len(wrong))]
        return x

    def lengths(self):
        """Lengths within their axis. The first are the longest, so that the others mostly fit."""
        steps = {}
        for port in (p for p in self.ports if p.said["form"] == "length"):
            sizes, shape = port.loss.sizes(self.shapes), self.shapes[port.name]
            count, top = np.prod(shape, dtype=int), sizes.get(port.said["axis"])
            if top is None:
                parts = self.random.multinomial(sizes.get(port.said["sum_axis"], 0), np.full(count, 1 / max(count, 1)))
                x = parts.reshape(shape)
            elif port.loss not in steps:
                steps[port.loss] = top
                x = self.random.randint(top // 2, top + 1, shape)
            else:
                top = min(top, steps[port.loss] // 3) if self.chance(0.6) else top
                x = self.random.randint(0, top + 1, shape)
            self.arrays[port.name] = np.asarray(x).astype(port.dtype)

    # -- behind masks --

    def behind_masks(self):
        """Puts what no loss may see where every mask of an input's task is false."""
        for mask in self.ports:
            if mask.domain != "mask" or self.chance(0.2):
                continue
            prefix = mask.name.removesuffix("mask")
            for port in self.ports:
                mine = port.name.startswith(prefix) or port.name == "grad_output" and not prefix
                if mine and port.domain != "mask" and not port.name.endswith("normalizer"):
                    self.spoil(port, self.hidden(mask, port))

    def hidden(self, mask, port):
        """Which elements of an input only masked losses use; axes are known by their letters."""
        shape, off = self.shapes[port.name], ~self.arrays[mask.name]
        if not mask.dims:
            return np.broadcast_to(off if port.domain not in ("weight", "class") or not shape else False, shape)
        if port.dims == mask.dims:
            return off
        letters = [d for d in mask.dims if isinstance(d, str)]
        if len(set(letters)) < len(mask.dims) - mask.dims.count(1) or len(set(port.dims)) < len(port.dims):
            return np.zeros(shape, bool)  # which axis is which is not known
        if not set(letters) & set(port.dims):
            return np.zeros(shape, bool)
        lost = tuple(i for i, d in enumerate(mask.dims) if d not in port.dims)
        off = off.all(axis=lost)
        kept = [d for d in mask.dims if d in port.dims]
        order = [d for d in port.dims if d in kept]
        off = off.transpose([kept.index(d) for d in order])
        at = [slice(None) if d in kept else None for d in port.dims]
        return np.broadcast_to(off[tuple(at)], shape)

    def spoil(self, port, where):
        bad = [-1, -100, 10**6, -5] if port.dtype not in FLOATS else [np.nan, np.nan, np.inf, -np.inf, -3, 7]
        if not where.any():
            return
        values = self.random.choice(np.array(bad), size=self.shapes[port.name])
        self.arrays[port.name] = np.where(where, values, self.arrays[port.name]).astype(port.dtype)

    # -- edge values --

    def inject(self, x, port, said):
        edges = self.edge_values(port, said)
        if port.name.endswith("normalizer"):
            if self.chance(0.3):  # more than float16 holds
                x = np.asarray(self.random.randint(65505, 2**24))
            return x  # divided by 0, PyTorch's gradient is 0 on the flat side of a hinge, else NaN
        if not len(edges) or np.size(x) == 0:
            return x
        picks = self.random.choice(edges, size=self.random.randint(1, 3))
        share = 0.3 if self.small else self.random.choice([0.05, 0.2])
        where = self.random.random_sample(np.shape(x)) < share
        return np.where(where, self.random.choice(picks, size=np.shape(x)), x)

    def edge_values(self, port, said):
        tiny = 1e-40 if port.dtype == np.float32 else 1e-310
        form, low, high = said["form"], said["low"], said["high"]
        if self.mode == "nonfinite" and self.chance(0.6):
            if unbounded(said):
                return [np.inf, -np.inf, np.nan]
            return {"log_sum": [-np.inf, np.nan], "sum": [np.nan]}.get(form, [])
        if self.mode != "edges" or said["only"]:
            return []
        if unbounded(said):
            kinks, large = self.kinks(port), [1e4, -1e4]
            if form == "distance":  # differences of such keep too few digits to be on one side of a hinge
                large = []
            return [0.0, -0.0, 1.0, -1.0, *large, tiny, -tiny, *kinks, *(-k for k in kinks)]
        if form:
            return {"sum": [0.0, 1.0], "log_sum": [0.0, -1e4, -np.inf]}.get(form, [])
        if high is not None:
            return [low, high, low + tiny, low + 1e-50, (low + high) / 2]
        return [0.0, 1e-7, 1e4] if said["low_exclusive"] else []

    def kinks(self, port):
        """The numbers among the options, at which a loss may have a kink."""
        if port.loss.options.get("p", 1) not in (0, 1, 2, "inf"):
            return []  # such a power rounds: which side of its hinge a distance is on is chance
        if port.said["form"] == "distance" and self.mode != "grid":
            return []  # and so does a sum of several, unless the numbers are coarse
        options = [v for t in self.options.get("tasks", []) for v in t["options"].values()]
        return [float(v) for v in [*self.options.values(), *options]
                if isinstance(v, (int, float)) and not isinstance(v, bool) and 0 < v < 100]

    def relate(self):
        """Exact equalities, ties, and distances that are an option's value."""
        if self.mode == "plain":
            return
        reals = [p for p in self.ports if p.dtype in FLOATS and p.said["kind"] == "float" and p.said["low"] is None
                 and p.name != "grad_output" and self.arrays[p.name].size]
        for port in reals:
            x = self.arrays[port.name]
            if x.ndim and port.free and self.chance(0.3):
                rolled = np.roll(x, 1, axis=self.random.randint(x.ndim))
                self.arrays[port.name] = np.where(self.random.random_sample(x.shape) < 0.2, rolled, x)
        for first, second in zip(reals, reals[1:]):
            a, b = self.arrays[first.name], self.arrays[second.name]
            if a.shape != b.shape or not self.chance(0.6):
                continue
            distances = [0.0, 0.0]
            if first.free:
                # Smaller ones keep numbers finite: beside other elements rounding takes them away.
                distances += [s * k for k in self.kinks(first) for s in (1, -1) if k >= 1e-3]
            distance = self.random.choice(distances, size=a.shape).astype(a.dtype)
            share = 1 if self.chance(0.2) else 0.3
            if first.said["form"] == "corners":  # whole coordinates of both boxes
                distance = np.zeros_like(a)
            with np.errstate(all="ignore"):
                near = np.where(self.random.random_sample(a.shape) < share, a + distance, b)
            self.arrays[second.name] = near.astype(b.dtype)


def contradict(random, draw):
    """Arrays where one input contradicts a letter of the file, and which; None without such a letter."""
    uses = [(p, axis, d) for p in draw.ports for axis, d in enumerate(p.dims) if isinstance(d, str)]
    shared = [(p, axis) for p, axis, d in uses if sum(d == other for _, _, other in uses) > 1]
    if not shared or draw.empty:
        return None
    port, axis = random.choice(shared)
    x = draw.arrays[port.name]
    size = x.shape[axis]
    other = 1 if size > 1 and random.random() < 0.6 else size + 1
    wrong = np.take(x, np.arange(other) % size, axis=axis)
    return {**draw.arrays, port.name: wrong}, f"{port.name} {list(wrong.shape)} for {port.dims}"
