#!/usr/bin/env python3
"""Gives the PyTorch adapter of one file inputs of every rank that the loss accepts.

    python ranks.py --lossgen ../lossgen

For each loss and reduction, one file of the default ranks (and one of a higher rank) meets the
inputs of all others: the numbers are PyTorch's, or the adapter refuses with a ValueError.
"""

import itertools
import json
import pathlib
import random
import sys
import tempfile

import numpy as np
import torch

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "shared"))
import train
from adapters import emit, run_torch
from command import Lossgen, load
from declared import declared, patterns
from draw import split, starless
from inputs import Draw, Port
from reference import Reference, prepare

STARS = ["", "A", "A,B", "A,B,E"]
LAST = "--class_axis=last"


def shapes(described, classes_last):
    """All accepted shapes of the inputs that always exist, as arguments of emit."""
    names = [i["name"] for i in described["inputs"] if not i["optional"]]
    found = {}
    for pattern, star in itertools.product(patterns(described["shapes"], described["classes"], classes_last), STARS):
        arguments = tuple(f"--shape={n}={','.join(split(starless(pattern[n], star)))}" for n in names)
        found[arguments] = None
    return list(found)


def requests(described):
    choices = next((o["choices"] for o in described["options"] if o["name"] == "reduction"), [None])
    reductions = [[described["name"]] + ([f"--reduction={c}"] if c else []) for c in choices]
    return reductions + [[*r, LAST] for r in reductions if described["classes"]]


class File:
    """An emitted file with its adapter, reference and one draw of inputs."""

    def __init__(self, lossgen, folder, arguments):
        folder.mkdir()
        model = emit(lossgen.path, folder, arguments, "torch")
        self.refused = model is None
        if self.refused:
            return
        metadata = {p.key: p.value for p in model.metadata_props}
        options = json.loads(metadata["lossgen.options"])
        inputs = declared(lossgen.describe(arguments[0]), options, lossgen.describe)
        ports = [Port(v, inputs) for v in model.graph.input]
        self.gradients = [v.name[5:] for v in model.graph.output if v.name.startswith("grad_")]
        self.reference = Reference(metadata["lossgen.reference"], self.gradients, np.float32)
        self.module = load(folder / "x_torch.py", folder.name)
        draw = Draw(random.Random(0), ports, options, mode="plain", small=True)
        self.arrays, self.usable = draw.arrays, draw.comparable and not draw.empty
        try:
            self.want = self.reference.double(draw.arrays)
        except Exception:  # PyTorch refuses these values
            self.usable = False


def meet(file, other):
    """Runs one file's adapter on another's inputs: "agree", "refuse" or what is wrong."""
    try:
        found = run_torch(file.module, other.arrays, other.gradients)
    except ValueError:
        return "refuse"
    for name, x in other.want.items():
        if found[name].shape != x.shape or not np.allclose(found[name], x, rtol=2e-5, atol=2e-5, equal_nan=True):
            return f"{name} is {found[name]}, want {x}"
    return "agree"


def check(lossgen, loss, folder):
    described = lossgen.describe(loss)
    counts, wrong = {"agree": 0, "refuse": 0}, 0
    for n, request in enumerate(requests(described)):
        files = [File(lossgen, folder / f"{loss}_{n}_{i}", [*request, *s]) for i, s in enumerate([(), *shapes(described, LAST in request)])]
        files = [f for f in files if not f.refused and f.usable]
        for file, other in itertools.product(files, files):
            verdict = meet(file, other)
            if verdict in counts:
                counts[verdict] += 1
                continue
            wrong += 1
            print(f"{' '.join(request)}: a file of {shape_of(file)} given {shape_of(other)}: {verdict}")
    print(f"{loss:34} {counts['agree']} pairs of ranks agree, {counts['refuse']} are refused, {wrong} differ")
    return wrong


def shape_of(file):
    return ", ".join(f"{name} {list(x.shape)}" for name, x in file.arrays.items())


def main():
    p = train.arguments(__doc__)
    p.add_argument("--losses", default="")
    o = p.parse_args()
    prepare()
    torch.manual_seed(0)
    lossgen = Lossgen(o.lossgen)
    with tempfile.TemporaryDirectory() as folder:
        losses = o.losses.split(",") if o.losses else lossgen.list()
        wrong = sum(check(lossgen, loss, pathlib.Path(folder)) for loss in losses)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
