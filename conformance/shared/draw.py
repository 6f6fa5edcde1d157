"""Draws requests: the arguments of `lossgen emit`, at random within what describe says."""

import math

from declared import patterns

OPSETS = range(13, 29)
LARGE = 1000  # bounds beyond are there to refuse what no one means


def draw_request(random, description, lossgen):
    """The arguments after `lossgen emit`, without -o."""
    arguments = [description["name"]]
    if composes(description):
        arguments += draw_composition(random, lossgen)
    else:
        arguments += draw_single(random, description)
    dtype = random.choice(["float32", "float32", "float64", "float64", "float16"])
    arguments += [f"--dtype={dtype}"] if dtype != "float32" or random.random() < 0.3 else []
    if dtype == "float16" and random.random() < 0.5 or random.random() < 0.02:
        arguments.append("--loss-dtype=float32")
    if random.random() < 0.7:
        arguments.append(f"--opset={random.choice(OPSETS)}")
    if random.random() < 0.2 and any(i["values"]["kind"] == "index" for i in description["inputs"]):
        arguments.append("--index-dtype=" + random.choice(["int32", "int64"]))
    return arguments


def draw_single(random, description):
    """Options, inputs, shapes and gradients of one loss, and what is put around it."""
    options, inputs = list(description["options"]), list(description["inputs"])
    arguments = []
    if random.random() < 0.4:
        options += description["wrapper_options"]
        inputs += description["wrapper_inputs"]
        if inputs[-1]["name"] == "normalizer" and random.random() < 0.1:
            inputs.pop()
            arguments.append("--normalizer")
    for option in options:
        value = draw_option(random, option)
        if value is not None:
            arguments.append(f"--{option['name']}={value}")
    names = {i["name"] for i in inputs if not i["optional"]}
    optional = [i["name"] for i in inputs if i["optional"] and random.random() < 0.4]
    if optional:
        arguments.append("--with=" + ",".join(optional))
    arguments += draw_shapes(random, description, names | set(optional), "--class_axis=last" in arguments)
    arguments += draw_gradients(random, description, names | set(optional))
    return arguments


# ---- compositions ----

WEIGHTINGS = {
    "uncertainty": ["--half"], "fixed": ["--weights=a=0.5", "--with=task_weights"], "revised": [], "geometric": [],
    "smooth_tchebycheff": ["--mu=0.5", "--with=nadir"], "imtl_l": [],
}


def composes(description):
    """Whether the loss is made of others."""
    return any(o["type"] == "tasks" for o in description["options"])


def elementwise(description):
    """Whether the loss has the shape of its inputs, of any rank, before reduction."""
    return all(description["shapes"][0][i["name"]] == "*" for i in description["inputs"] if not i["optional"])


def draw_composition(random, lossgen):
    """Tasks, weighting, and per-task inputs and shapes."""
    reduction = random.choice(["mean", "mean", "sum", "none"])
    known = [lossgen.describe(name) for name in lossgen.list()]
    simple = [d for d in known if elementwise(d)]
    losses = {name: random.choice(simple if reduction == "none" or random.random() < 0.4 else known)
              for name in "abc"[:random.randint(1, 3)]}
    arguments, optional = [f"--reduction={reduction}"], []
    for name, loss in losses.items():
        arguments.append("--task=" + ",".join([f"{name}={loss['name']}", *draw_task_options(random, loss)]))
        optional += [f"{name}_{i['name']}" for i in loss["wrapper_inputs"] if random.random() < 0.2]
    weighting = random.choice(sorted(WEIGHTINGS))
    arguments.append(f"--weighting={weighting}")
    extra = [a for a in WEIGHTINGS[weighting] if random.random() < 0.4][:1]
    optional += [a.removeprefix("--with=") for a in extra if a.startswith("--with=")]
    arguments += [a for a in extra if not a.startswith("--with=")]
    if random.random() < 0.2:
        arguments.append("--scale=2.5")
    if optional:
        arguments.append("--with=" + ",".join(optional))
    return arguments + draw_task_shapes(random, losses, reduction) + (["--grad-output"] if random.random() < 0.4 else [])


def draw_task_options(random, description):
    """Options of a task; its reduction is mostly the composition's."""
    for option in description["options"] + description["wrapper_options"]:
        rare = option["name"] == "reduction" or composes(description)
        value = draw_option(random, option) if random.random() < (0.05 if rare else 0.3) else None
        if value is not None:
            yield f"{option['name']}={value}"


def draw_task_shapes(random, losses, reduction):
    """Shapes of elementwise tasks; letters that they share mean equal sizes."""
    shapes = []
    common = random.choice(["A", "A,B", "A,B,E"])
    for name, loss in losses.items():
        if elementwise(loss) and random.random() < 0.5:
            dims = common if reduction == "none" else random.choice(["", "A", "A,B", "B,E", "A,B,E"])
            shapes.append(f"--shape={name}_{loss['inputs'][0]['name']}={dims}")
    return shapes


# ---- options ----

def draw_option(random, option):
    """The option's text, or None for its default."""
    if random.random() < 0.4:
        return None
    tries = option.get("try") or []
    kind = option["type"]
    if kind == "bool":
        return text(random.random() < 0.5)
    if option.get("choices"):
        return text(random.choice(option["choices"]))
    if kind not in ("float", "int") or (tries and random.random() < 0.4):
        return text(random.choice(tries)) if tries else None
    return text(draw_number(random, option, whole=kind == "int"))


def draw_number(random, option, whole):
    """A number within the bounds: a bound itself, or one on a coarse binary grid,
    so that data can hit a kink at it exactly."""
    low, high = option.get("min"), option.get("max")
    bounds = [b for b, name in ((low, "min"), (high, "max"))
              if b is not None and abs(b) <= LARGE and not option.get(name + "_exclusive")]
    if bounds and random.random() < 0.3:
        return int(random.choice(bounds)) if whole else random.choice(bounds)
    default = option["default"] if isinstance(option.get("default"), (int, float)) else 0
    if whole and low is None and abs(default) > 8:
        default = 0  # ignore_index: near the classes, not near -100
    start = low if low is not None else min(default, high if high is not None else default) - 2
    end = high if high is not None and high <= LARGE else max(start, default) + 3
    if high is not None and high > LARGE:
        start = max(start, default - 3)
    if whole:
        return random.randint(math.ceil(start), math.floor(end))
    grid = 64
    steps = [math.ceil(start * grid), math.floor(end * grid)]
    if option.get("min_exclusive") and steps[0] <= start * grid:
        steps[0] += 1
    if option.get("max_exclusive") and steps[1] >= end * grid:
        steps[1] -= 1
    return random.randint(*steps) / grid if steps[0] <= steps[1] else default


def text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(text(v) for v in value)
    return repr(value) if isinstance(value, float) else str(value)


# ---- shapes ----

def draw_shapes(random, description, names, classes_last):
    accepted = patterns(description["shapes"], description["classes"], classes_last)
    if not accepted or random.random() < 0.25:
        return []
    star = random.choice([description.get("star", ""), "", "A", "A,B", "A,B,E"])
    shapes = {name: starless(dims, star) for name, dims in random.choice(accepted).items() if name in names}
    letters = sorted({d for dims in shapes.values() for d in split(dims) if not d.isdigit()})
    pinned = {c: str(random.choice([0, 1, 2, 3, 5])) for c in letters if random.random() < 0.12}
    shapes = {name: [pinned.get(d, d) for d in split(dims)] for name, dims in shapes.items()}
    if len(shapes) > 1 and random.random() < 0.08:
        broadcast(random, shapes)
    return [f"--shape={name}={','.join(dims)}" for name, dims in shapes.items()]


def starless(dims, star):
    """The pattern with "*" as these letters."""
    return ",".join(part for d in split(dims) for part in (split(star) if d == "*" else [d]))


def split(dims):
    return [d.strip() for d in dims.split(",")] if dims else []


def broadcast(random, shapes):
    """Makes one input smaller, as PyTorch broadcasts it: some accept that, the rest refuse."""
    dims = shapes[random.choice(sorted(shapes))]
    if not dims:
        return
    if random.random() < 0.5:
        dims[random.randrange(len(dims))] = "1"
    else:
        del dims[0]


# ---- gradients ----

def draw_gradients(random, description, names):
    able = [i["name"] for i in description["inputs"] if i["differentiable"] and i["name"] in names]
    pick = random.random()
    if pick < 0.05:
        return ["--grad=none"]
    arguments = []
    if pick < 0.5 and able:
        subset = [name for name in able if random.random() < 0.6] or [random.choice(able)]
        random.shuffle(subset)
        arguments.append("--grad=" + ",".join(subset))
    if random.random() < 0.5:
        arguments.append("--grad-output")
    return arguments
