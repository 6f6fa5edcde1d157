"""What `lossgen describe` says of a file's inputs: their values, and which axis these are about."""

REAL = {"kind": "float", "low": None, "high": None, "low_exclusive": False, "only": [], "form": "",
        "axis": "", "sum_axis": "", "classes": False, "more_classes": 0, "classes_option": "",
        "ignored_option": "", "excluded_option": "", "checked": False}
UNIT = {**REAL, "low": 0, "high": 1}
PROBABILITIES = {**UNIT, "form": "sum", "classes": True}


class Loss:
    """A loss, or a task of a composition, with its options."""

    def __init__(self, description, options, prefix=""):
        self.description, self.options, self.prefix = description, options, prefix
        accepted = description["shapes"] + description["option_shapes"]
        self.patterns = patterns(accepted, description["classes"], options.get("class_axis") == "last")

    def fitting(self, shapes):
        """The declared shapes that arrays of these shapes fit, by input: of several, the first that names most."""
        fitting = [p for p in self.patterns if self.fits(p, shapes) is not None]
        return max(fitting, key=lambda p: sum(self.prefix + name in shapes for name in p), default={})

    def fits(self, pattern, shapes):
        """The sizes of the letters; None where the shapes are others. Inputs that may broadcast are not looked at."""
        sizes, star = {}, None
        for name, text in pattern.items():
            shape = shapes.get(self.prefix + name)
            if shape is None or name in self.description["broadcast"]:
                continue
            parts, rest = tokens(text), ()
            if "*" in parts:
                at, count = parts.index("*"), len(shape) - len(parts) + 1
                if count < 0:
                    return None
                parts, rest = parts[:at] + parts[at + 1:], shape[at:at + count]
                shape = shape[:at] + shape[at + count:]
                if star not in (None, rest):
                    return None
                star = rest
            if len(parts) != len(shape):
                return None
            for letter, size in zip(parts, shape):
                want = int(letter) if letter.isdigit() else sizes.setdefault(letter, size)
                if want != size:
                    return None
        return sizes

    def sizes(self, shapes):
        """The sizes of the declaration's letters."""
        return self.fits(self.fitting(shapes), shapes) or {}

    def axis(self, name, letter, shapes):
        """Where an input has the axis with a letter, None where it has none."""
        parts = tokens(self.fitting(shapes).get(name.removeprefix(self.prefix), ""))
        if letter not in parts:
            return None
        at = parts.index(letter)
        return at - len(parts) if "*" in parts[:at] else at


def patterns(shapes, classes, classes_last):
    """Declared shapes, with the classes of each input at the end instead of axis 1 on request."""
    if not classes_last:
        return shapes
    return [{name: classes_moved(text, classes) for name, text in p.items()} for p in shapes]


def classes_moved(text, letter):
    parts = tokens(text)
    return ",".join([parts[0], *parts[2:], letter]) if parts[1:2] == [letter] else text


def tokens(text):
    return text.split(",") if text else []


class Input:
    """One input of a loss."""

    def __init__(self, entry, loss):
        self.domain, self.values, self.loss = entry["domain"], entry["values"], loss
        self.wide, self.default_grad = entry["wide"], entry["default_grad"]


UNKNOWN = Input({"domain": "real", "values": REAL, "wide": False, "default_grad": False},
                Loss({"shapes": [], "option_shapes": [], "broadcast": [], "classes": ""}, {}))


def declared(description, options, describe, prefix=""):
    """What describe says of each input, by name; those of a composition's tasks have the task's name in front."""
    loss = Loss(description, options, prefix)
    inputs = {i["name"]: i for i in description["inputs"] + description["wrapper_inputs"]}
    for other in description["option_inputs"]:
        if options.get(other["option"]) == other["value"] or other["name"] not in inputs:
            inputs[other["name"]] = other
    found = {prefix + name: Input(entry, loss) for name, entry in inputs.items()}
    for task in options.get("tasks", []):
        found |= declared(describe(task["loss"]), task["options"], describe, f"{prefix}{task['name']}_")
    return found
