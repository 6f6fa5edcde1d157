"""The text form of golden cases: one file per loss, described in README.md beside this file."""

import json
import re

import numpy as np

ROLES = ("input", "output", "float32")
INPUTS = {"float64": np.float64, "int64": np.int64, "bool": np.bool_}
CASE = re.compile(r"[A-Za-z0-9_+-][A-Za-z0-9_.+-]{0,199}")


class Case:
    """A golden case: its facts, and its arrays by name in the file's order, by role."""

    def __init__(self, name, facts=None):
        if not CASE.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a case: want letters, digits and _ . + -")
        self.name, self.facts = name, facts
        self.arrays = {role: {} for role in ROLES}

    def text(self):
        lines = [f"-- {self.name} --", json.dumps(self.facts, sort_keys=True, separators=(",", ":"))]
        for role in ROLES:
            for name, array in self.arrays[role].items():
                dtype = [array.dtype.name] if role == "input" else []
                dims = json.dumps(array.shape, separators=(",", ":"))
                lines.append(" ".join([role, name, *dtype, dims, *map(number, array.reshape(-1))]))
        return "\n".join(lines) + "\n"

    def add(self, line):
        """Reads the line of an array."""
        role, name, *rest = line.split(" ")
        dtype = INPUTS[rest.pop(0)] if role == "input" else {"output": np.float64, "float32": np.float32}[role]
        dims, *values = rest
        if dtype in (np.int64, np.bool_):
            values = [int(v) for v in values]
        self.arrays[role][name] = np.array(values, dtype).reshape(json.loads(dims))


def number(x):
    """The shortest decimal that gives the same number again."""
    return str(x).removesuffix(".0") if isinstance(x, np.floating) else str(int(x))


def text(loss, producer, cases):
    """The text of a loss's file. Cases are sorted by name."""
    return head(loss, producer) + "\n" + "".join(c.text() for c in sorted(cases, key=lambda c: c.name))


def head(loss, producer):
    return f"golden cases of {loss}, made by {producer}"


def read(path):
    """The head of a file, and its cases by name."""
    first, *lines = path.read_text(encoding="utf-8").splitlines()
    cases = {}
    for n, line in enumerate(lines, 2):
        try:
            if line.startswith("-- ") and line.endswith(" --"):
                case = Case(line[3:-3])
                if case.name in cases:
                    raise ValueError("the case stands twice")
                cases[case.name] = case
            elif case.facts is None:
                case.facts = json.loads(line)
            else:
                case.add(line)
        except Exception as e:  # whatever is wrong, the line is named
            raise ValueError(f"{path.name}:{n}: {type(e).__name__}: {e}") from e
    return first, cases
