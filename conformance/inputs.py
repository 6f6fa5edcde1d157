"""Draws the inputs of a file: sizes for its letters, values by each input's domain."""

import re

import numpy as np

SIZES = [0, 1, 1, 2, 2, 3, 3, 3, 5, 5, 17]
LIMIT = 20000  # elements of one input
MODES = ["plain", "plain", "grid", "grid", "edges", "nonfinite"]
FLOATS = (np.float32, np.float64, np.float16)
TYPES = {1: np.float32, 10: np.float16, 11: np.float64, 6: np.int32, 7: np.int64, 9: np.bool_}  # ONNX's codes

# PyTorch documents no check of these labels and reads outside of its buffers.
UNCHECKED_LABELS = {"ctc"}


class Port:
    """One input of a file, as the file declares it."""

    def __init__(self, value, domain):
        tensor = value.type.tensor_type
        self.name = value.name
        self.domain = domain
        self.dtype = TYPES[tensor.elem_type]
        self.dims = [d.dim_param or d.dim_value for d in tensor.shape.dim]

    def shape(self, sizes):
        return tuple(size(d, sizes) for d in self.dims)


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

    def __init__(self, random, ports, loss, options, mode=None, small=False):
        self.random = np.random.RandomState(random.randrange(2**32))
        self.ports, self.loss, self.options, self.small = ports, loss, options, small
        self.mode = mode or MODES[self.random.randint(len(MODES))]
        self.comparable = True
        self.sizes = self.draw_sizes()
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

    def draw_sizes(self):
        names = sorted(set().union(*(letters(d) for p in self.ports for d in p.dims)))
        choices = [1, 2, 2] if self.small else SIZES
        for _ in range(50):
            sizes = {c: choices[self.random.randint(len(choices))] for c in names}
            if self.loss == "ctc" and self.chance(0.6):
                sizes.update({p.dims[0]: 17 for p in self.ports  # time for the labels
                              if p.name == "log_probs" and isinstance(p.dims[0], str)})
            self.shapes = {p.name: p.shape(sizes) for p in self.ports}
            counts = [np.prod(shape, dtype=int) for shape in self.shapes.values()]
            if max(counts) <= LIMIT and all(map(self.has_classes, self.ports)) and self.meaningful():
                return sizes
        self.comparable = False  # pinned to sizes that PyTorch has no meaning for
        return {c: 2 for c in names}

    def meaningful(self):
        """The cosine of vectors with one element is 1 or -1: its gradient is rounding alone."""
        return self.loss != "cosine_embedding" or self.shapes["input1"][-1] != 1

    def has_classes(self, port):
        """Labels need a class to name; so does CTC's blank."""
        needed = max(int(self.options.get("blank", 0)), 1) if self.loss == "ctc" else 0
        labels = port.dtype not in FLOATS and port.domain not in ("lengths", "mask")
        return not labels or self.class_axis_and_count(port)[1] > needed

    def companion(self, port, name):
        """The shape of another input of the same task, None where there is none."""
        prefix = port.name[:port.name.rfind("_") + 1] if "_" in port.name else ""
        return self.shapes.get(prefix + name, self.shapes.get(name))

    def options_of(self, port):
        """The options of the loss, or of the task, that an input belongs to."""
        options, name = self.options, port.name
        while True:
            tasks = [t for t in options.get("tasks", []) if name.startswith(t["name"] + "_")]
            if not tasks:
                return options
            options, name = tasks[0]["options"], name[len(tasks[0]["name"]) + 1:]

    def class_axis_and_count(self, port):
        for name, axis in (("linear_weight", 0), ("log_probs", -1)):
            shape = self.companion(port, name)
            if shape is not None:
                return axis, shape[axis]
        shape = self.companion(port, "input")
        if self.options.get("n_classes"):
            return 1, int(self.options["n_classes"])
        if not shape:
            return 0, 1
        axis = 1 if len(shape) > 1 else 0
        return axis, shape[axis]

    # -- values by domain --

    def values(self, port):
        shape = self.shapes[port.name]
        if port.name == "grad_output":
            return self.upstream(shape)
        if port.domain == "mask":
            return self.mask(shape)
        if port.dtype not in FLOATS:
            return self.integers(port, shape)
        domain = "simplex" if port.domain == "class" else port.domain
        if port.name.endswith("target") and self.chance(0.15):  # soft or unconventional
            # Beside probabilities PyTorch refuses targets outside [0, 1], elsewhere it takes any.
            domain = "unit" if any(p.domain == "unit" for p in self.ports) else "real"
        return self.inject(getattr(self, domain, self.real)(port, shape), port, domain)

    def mask(self, shape):
        share = 0 if self.chance(0.1) else 1 if self.chance(0.1) else 0.7
        return self.random.random_sample(shape) < share

    def upstream(self, shape):
        g = self.random.standard_normal(shape)
        return np.where(self.random.random_sample(shape) < 0.1, self.random.randint(0, 2), g)

    def real(self, port, shape):
        if self.mode == "grid":
            return self.random.randint(-16, 17, shape) / 8
        return self.random.standard_normal(shape) * self.random.choice([0.3, 1, 4])

    def sign(self, port, shape):
        return self.random.randint(0, 2, shape) * 2 - 1

    def binary(self, port, shape):
        return self.random.randint(0, 2, shape)

    def unit(self, port, shape):
        if self.mode == "grid":
            return self.random.randint(0, 9, shape) / 8
        return self.random.random_sample(shape)

    def simplex(self, port, shape):
        return np.exp(self.logprob(port, shape))

    def logprob(self, port, shape):
        x = self.random.standard_normal(shape) * 2
        if 0 in shape or not shape:
            return -np.abs(x)
        axis = -1 if port.name == "log_probs" else min(1, len(shape) - 1)
        return x - np.log(np.exp(x).sum(axis=axis, keepdims=True))

    def positive(self, port, shape):
        return self.random.uniform(0.05, 2, shape)

    def weight(self, port, shape):
        x = self.random.uniform(0.1, 2, shape)
        if self.chance(0.4):
            x = np.where(self.random.random_sample(shape) < 0.3, 0, x)
        return x * 0 if self.chance(0.05) else x

    def box(self, port, shape):
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
        if port.domain == "lengths":
            return self.random.randint(0, 4, shape)  # see lengths
        _, count = self.class_axis_and_count(port)
        x = self.random.randint(0, max(count, 1), shape)
        if self.loss == "ctc":
            blank = int(self.options.get("blank", 0))
            return np.where(x == blank, (blank + 1) % max(count, 1), x)
        if self.loss == "multilabel_margin" or port.domain in ("labels", "label_list"):
            return self.ended_lists(x)
        return self.ignored_and_wrong(x, count, self.options_of(port).get("ignore_index"))

    def ended_lists(self, x):
        """Rows that end at a random first -1, some of them nowhere."""
        if x.ndim == 0 or x.size == 0:
            return x
        ends = self.random.randint(0, x.shape[-1] + 1, x.shape[:-1] + (1,))
        after = np.arange(x.shape[-1]) >= ends
        return np.where(after & ((np.arange(x.shape[-1]) == ends) | self.chance(0.5)), -1, x)

    def ignored_and_wrong(self, x, count, ignore):
        if ignore is not None and self.chance(0.5):
            share = 1 if self.chance(0.1) else 0.3
            x = np.where(self.random.random_sample(x.shape) < share, int(ignore), x)
        if x.size and self.loss not in UNCHECKED_LABELS and self.chance(0.1):
            wrong = [-1, -1, -count, count, count + 3, -100]
            x = np.array(x)
            x.flat[self.random.randint(x.size)] = wrong[self.random.randint(len(wrong))]
        return x

    def lengths(self):
        """CTC: lengths that fit T and S; concatenated targets add up."""
        if "target_lengths" not in self.arrays or "log_probs" not in self.arrays:
            return
        steps, targets = self.shapes["log_probs"][0], self.shapes["targets"]
        count = self.arrays["target_lengths"]
        if len(targets) == 1 and count.size:
            parts = self.random.multinomial(targets[0], np.full(count.size, 1 / count.size))
            labels = parts.reshape(count.shape)
        else:
            top = min(targets[-1], steps // 3) if self.chance(0.6) else targets[-1]
            labels = self.random.randint(0, top + 1, count.shape)
        self.arrays["target_lengths"] = np.asarray(labels).astype(count.dtype)
        x = self.arrays["input_lengths"]
        self.arrays["input_lengths"] = np.asarray(
            self.random.randint(steps // 2, steps + 1, x.shape)).astype(x.dtype)

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

    def inject(self, x, port, domain):
        edges = self.edge_values(port, domain)
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

    def edge_values(self, port, domain):
        tiny = 1e-40 if port.dtype == np.float32 else 1e-310
        if self.mode == "nonfinite" and self.chance(0.6):
            if domain == "real":
                return [np.inf, -np.inf, np.nan]
            return {"logprob": [-np.inf, np.nan], "simplex": [np.nan]}.get(domain, [])
        if self.mode != "edges":
            return []
        kinks = self.kinks()
        return {
            "real": [0.0, -0.0, 1.0, -1.0, *self.large(), tiny, -tiny, *kinks, *(-k for k in kinks)],
            "unit": [0.0, 1.0, tiny, 1e-50, 0.5],
            "simplex": [0.0, 1.0],
            "logprob": [0.0, -1e4, -np.inf],
            "positive": [0.0, 1e-7, 1e4],
        }.get(domain, [])

    def large(self):
        """Differences of distances of 1e4 keep too few digits to be on one side of a hinge."""
        return [] if "triplet" in self.loss else [1e4, -1e4]

    def kinks(self):
        if self.options.get("p", 1) not in (0, 1, 2, "inf"):
            return []  # such a power rounds: which side of its hinge a distance is on is chance
        if self.loss.startswith("triplet") and self.mode != "grid":
            return []  # and so does a sum of several, unless the numbers are coarse
        options = [v for t in self.options.get("tasks", []) for v in t["options"].values()]
        return [float(v) for v in [*self.options.values(), *options]
                if isinstance(v, (int, float)) and not isinstance(v, bool) and 0 < v < 100]

    def relate(self):
        """Exact equalities, ties, and distances that are an option's value."""
        if self.mode == "plain":
            return
        reals = [p for p in self.ports if p.dtype in FLOATS and p.domain in ("real", "box", "logprob")
                 and p.name != "grad_output" and self.arrays[p.name].size]
        for port in reals:
            x = self.arrays[port.name]
            if x.ndim and port.domain == "real" and self.chance(0.3):
                rolled = np.roll(x, 1, axis=self.random.randint(x.ndim))
                self.arrays[port.name] = np.where(self.random.random_sample(x.shape) < 0.2, rolled, x)
        for first, second in zip(reals, reals[1:]):
            a, b = self.arrays[first.name], self.arrays[second.name]
            if a.shape != b.shape or not self.chance(0.6):
                continue
            distances = [0.0, 0.0]
            if first.domain == "real":
                distances += [s * k for k in self.kinks() for s in (1, -1)]
            distance = self.random.choice(distances, size=a.shape).astype(a.dtype)
            share = 1 if self.chance(0.2) else 0.3
            if first.domain == "box":  # whole coordinates of both boxes
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
