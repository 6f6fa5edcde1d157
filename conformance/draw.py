"""Draws requests: the arguments of `lossgen emit`, at random within what describe says."""

import math

INTEGER_DOMAINS = {"class", "lengths", "labels", "label_list"}
TASKS = ["mse", "l1", "huber", "smooth_l1", "cross_entropy", "focal", "binary_cross_entropy_with_logits"]
OPSETS = range(13, 29)


def draw_request(random, description):
    """The arguments after `lossgen emit`, without -o."""
    arguments = [description["name"]]
    if description["name"] == "multi_task" and random.random() < 0.6:
        for name in "abc"[:random.randint(1, 3)]:
            arguments.append(f"--task={name}={random.choice(TASKS)}")
    for option in description["options"]:
        value = draw_option(random, option)
        if value is not None:
            arguments.append(f"--{option['name']}={value}")
    names = {i["name"] for i in description["inputs"] if not i["optional"]}
    optional = [i["name"] for i in description["inputs"] if i["optional"] and random.random() < 0.4]
    if optional:
        arguments.append("--with=" + ",".join(optional))
    if not any(a.startswith("--task=") for a in arguments):
        arguments += draw_shapes(random, description, names | set(optional))
        arguments += draw_gradients(random, description, names | set(optional))
    dtype = random.choice(["float32", "float32", "float64"])
    arguments += [f"--dtype={dtype}"] if dtype != "float32" or random.random() < 0.3 else []
    if random.random() < 0.7:
        arguments.append(f"--opset={random.choice(OPSETS)}")
    if random.random() < 0.2 and any(i["domain"] in INTEGER_DOMAINS for i in description["inputs"]):
        arguments.append("--index-dtype=" + random.choice(["int32", "int64"]))
    return arguments


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
    if kind not in ("float", "int") or option["name"] == "n_classes" or (tries and random.random() < 0.4):
        return text(random.choice(tries)) if tries else None
    return text(draw_number(random, option, whole=kind == "int"))


def draw_number(random, option, whole):
    """A number within the bounds: a bound itself, or one on a coarse binary grid,
    so that data can hit a kink at it exactly."""
    low, high = option.get("min"), option.get("max")
    bounds = [b for b, name in ((low, "min"), (high, "max"))
              if b is not None and not option.get(name + "_exclusive")]
    if bounds and random.random() < 0.3:
        return int(random.choice(bounds)) if whole else random.choice(bounds)
    default = option["default"] if isinstance(option.get("default"), (int, float)) else 0
    if whole and low is None and abs(default) > 8:
        default = 0  # ignore_index: near the classes, not near -100
    start = low if low is not None else min(default, high if high is not None else default) - 2
    end = high if high is not None else max(start, default) + 3
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

def draw_shapes(random, description, names):
    patterns = description.get("shapes") or []
    if not patterns or random.random() < 0.25:
        return []
    star = random.choice([description.get("star", ""), "", "A", "A,B", "A,B,E"])
    shapes = {name: starless(dims, star) for name, dims in random.choice(patterns).items() if name in names}
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
