#!/usr/bin/env python3
"""Writes the golden cases: what PyTorch computes for each case that lossgen lists.

    lossgen cases --json > cases.json
    python golden.py cases.json golden            write golden/LOSS.txt, and packed/ beside it
    python golden.py cases.json golden --check    exit 1 naming every case that differs

Only PyTorch makes these numbers. Each case is run in float64 (the master run, which is
stored) and in float32; where the float32 run differs in kind, its outputs are stored too.
"""

import argparse
import functools
import json
import math
import pathlib
import sys
import warnings

import numpy as np
import torch
import torch.nn.functional as F
import torchvision.ops as tv

import goldenfile
from fills import input_arrays
from pack import different, pack

PRODUCER = "torch " + torch.__version__.split("+")[0]

# Expected warnings of correct calls: broadcast operands, and KL divergence's plain mean.
EXPECTED_WARNINGS = [
    r"Using a target size .* that is different to the input size",
    r"reduction: 'mean' divides the total loss by both the batch size",
]

# float32 outputs are stored when they leave this distance from the float64 run.
OVERRIDE_RTOL, OVERRIDE_ATOL = 1e-3, 1e-5

# --check forgives the last bits, in which processors differ.
CHECK_TOLERANCE = {np.dtype(np.float64): 1e-12, np.dtype(np.float32): 1e-5}


# ---- running a case ----

def gradients(loss, inputs, case):
    """The gradients that autograd gives, and their products with vectors differentiated
    again, by name; zeros where it gives None."""
    wanted = [inputs[name] for name in case["grad"]]
    if not wanted:
        return {}
    upstream = inputs.get("grad_output")
    if upstream is None:
        if loss.dim() != 0:
            raise ValueError(f"a loss of shape {list(loss.shape)} needs an input grad_output")
        upstream = torch.ones_like(loss)
    if upstream.shape != loss.shape:
        raise ValueError(f"grad_output {list(upstream.shape)} for a loss {list(loss.shape)}")
    twice = case["request"].get("hvp", False)
    first = derivatives([loss], wanted, [upstream], create_graph=twice)
    found = {"grad_" + name: g for name, g in zip(case["grad"], first)}
    if twice:
        second = derivatives(first, wanted, [inputs["vector_" + name] for name in case["grad"]])
        found |= {"hvp_" + name: h for name, h in zip(case["grad"], second)}
    return found


def derivatives(ys, xs, upstream, create_graph=False):
    """autograd.grad of those that depend on something; zeros where it gives None."""
    pairs = [(y, dy) for y, dy in zip(ys, upstream) if y.requires_grad]
    if not pairs:
        return [torch.zeros_like(x) for x in xs]
    ys, upstream = zip(*pairs)
    found = torch.autograd.grad(ys, xs, upstream, create_graph=create_graph, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for g, x in zip(found, xs)]


def evaluate(case, arrays, dtype):
    """Runs the case in one dtype and returns its outputs by name, in order."""
    inputs = {}
    for name, array in arrays.items():
        x = torch.from_numpy(array.copy())
        inputs[name] = x.to(dtype) if x.is_floating_point() else x
        if name in case["grad"]:
            inputs[name].requires_grad_()
    scope = {"torch": torch, "F": F, "tv": tv, "math": math, "functools": functools, "inf": math.inf, **inputs}
    outputs = {name: eval(text, dict(scope)) for name, text in case["outputs"].items()}
    for name, x in outputs.items():
        if x.dtype != dtype:
            raise ValueError(f"{name} is {x.dtype} in a {dtype} run")
    outputs |= gradients(outputs["loss"], inputs, case)
    return {name: canonical(x.numpy(force=True)) for name, x in outputs.items()}


def canonical(x):
    """NaN has a sign and a payload that depend on the processor; one NaN is stored."""
    return np.where(np.isnan(x), np.asarray(np.nan, x.dtype), x)


def differs_in_kind(got, master):
    with np.errstate(all="ignore"):
        want = master.astype(np.float32)
        same = np.where(np.isfinite(got) & np.isfinite(want),
                        np.abs(got - want) <= OVERRIDE_ATOL + OVERRIDE_RTOL * np.abs(want),
                        (got == want) | (np.isnan(got) & np.isnan(want)))
    return not same.all()


# ---- cases and their files ----

def own_error(got, master):
    """The largest error of PyTorch's float32 run, where it is beyond float32 tolerance."""
    with np.errstate(all="ignore"):
        error = np.abs(got.astype(np.float64) - master)
        beyond = np.isfinite(error) & (error > 1e-6 + 1.3e-5 * np.abs(master))
    return float(error[beyond].max(initial=0))


def facts(case, errors):
    """What a file says of a case beside its arrays. The file names the loss already."""
    request = {k: v for k, v in case["request"].items() if k != "loss"}
    said = {"dtypes": case["dtypes"], "grad": case["grad"], "request": request, "torch": case["outputs"]}
    if errors:
        said["float32_error"] = errors
    if case.get("note"):
        said["note"] = case["note"]
    return said


def compute(case):
    """Fills the inputs of one case and runs it."""
    if next(iter(case["outputs"])) != "loss":
        raise ValueError("the first output is loss")
    if case["request"]["loss"] != case["loss"]:
        raise ValueError(f"its request is for {case['request']['loss']}")
    done = goldenfile.Case(case["case"])
    inputs = done.arrays["input"] = input_arrays(case)
    master = done.arrays["output"] = evaluate(case, inputs, torch.float64)
    errors = {}
    single = evaluate(case, inputs, torch.float32) if "float32" in case["dtypes"] else {}
    for name, array in single.items():
        cancels = name.startswith("hvp_")  # a sum whose terms may leave no digit in PyTorch
        if differs_in_kind(array, master[name]) and not (cancels and np.isfinite(array).all() and np.isfinite(master[name]).all()):
            done.arrays["float32"][name] = array
        elif own_error(array, master[name]) > 0:
            errors[name] = float(f"{own_error(array, master[name]):.3g}")
    done.facts = facts(case, errors)
    return done


def compute_all(cases):
    """The computed cases by loss and name; and the cases that failed."""
    computed, failed = {}, []
    for n, case in enumerate(cases, 1):
        of_loss = computed.setdefault(case["loss"], {})
        try:
            if case["case"] in of_loss:
                raise ValueError("listed twice")
            of_loss[case["case"]] = compute(case)
        except Exception as e:  # whatever PyTorch raises, the case is named
            reason = str(e).splitlines()[0] if str(e) else ""
            failed.append(f"{case['loss']}/{case['case']}: {type(e).__name__}: {reason}")
        if n % 250 == 0 or n == len(cases):
            print(f"golden: {n}/{len(cases)} cases", file=sys.stderr)
    return computed, failed


# ---- the output folder ----

def embedded(out):
    """Whether the program carries the files of the folder."""
    return (out.parent / "packed").is_dir()


def existing(out, only):
    """The golden files by loss."""
    return {p.stem: p for p in sorted(out.glob("*.txt")) if only is None or p.stem in only}


def keep_last_bits(computed, path):
    """Takes outputs as a file has them where they are the same within the tolerance.

    Another processor then changes no file, and a diff shows what did change.
    """
    try:
        _, found = goldenfile.read(path)
    except (OSError, ValueError):  # written anew
        return
    for name in computed.keys() & found.keys():
        for role in ("output", "float32"):
            new, old = computed[name].arrays[role], found[name].arrays[role]
            new.update({k: old[k] for k in new.keys() & old.keys() if same_array(role, old[k], new[k])})


def write(computed, out, only):
    """Writes the files that changed and removes those of losses that have no case any more."""
    out.mkdir(parents=True, exist_ok=True)
    changed = 0
    for loss, cases in computed.items():
        keep_last_bits(cases, out / f"{loss}.txt")
        data = goldenfile.text(loss, PRODUCER, cases.values()).encode()
        path = out / f"{loss}.txt"
        if not path.is_file() or path.read_bytes() != data:
            path.write_bytes(data)
            changed += 1
    stale = [path for loss, path in existing(out, only).items() if loss not in computed]
    for path in stale:
        path.unlink()
    print(f"golden: {len(computed)} files, {changed} changed, {len(stale)} stale removed, "
          f"{pack(out) if embedded(out) else 0} bytes packed", file=sys.stderr)


def check(computed, out, only):
    """Names every missing, stale or different case, and packed files that are not the text."""
    found = existing(out, only)
    problems = [f"{loss}.txt: missing" for loss in computed if loss not in found]
    problems += [f"{loss}.txt: stale" for loss in found if loss not in computed]
    for loss in computed.keys() & found.keys():
        try:
            head, cases = goldenfile.read(found[loss])
        except ValueError as e:
            problems.append(str(e))
            continue
        if head != goldenfile.head(loss, PRODUCER):
            problems.append(f"{loss}.txt: the head is {head!r}, want {goldenfile.head(loss, PRODUCER)!r}")
        problems += [f"{loss}/{p}" for p in case_problems(computed[loss], cases)]
    unpacked = different(out) if embedded(out) else []
    return sorted(problems) + [f"packed/{name}: is not the text of golden/" for name in unpacked]


def case_problems(computed, found):
    """What is wrong with the cases of a file."""
    problems = [f"{name}: missing" for name in computed.keys() - found.keys()]
    problems += [f"{name}: stale" for name in found.keys() - computed.keys()]
    for name in computed.keys() & found.keys():
        want, got = computed[name], found[name]
        if got.facts != json.loads(json.dumps(want.facts)):
            problems.append(f"{name}: the line of the request differs")
        for role in goldenfile.ROLES:
            if list(got.arrays[role]) != list(want.arrays[role]):
                problems.append(f"{name}: {role}: has {list(got.arrays[role])}, want {list(want.arrays[role])}")
                continue
            problems += [f"{name}: {role} {key} differs" for key, array in want.arrays[role].items()
                         if not same_array(role, got.arrays[role][key], array)]
    return problems


def same_array(role, got, want):
    if got.dtype != want.dtype or got.shape != want.shape:
        return False
    # Inputs are exact: they do not depend on the processor.
    if role == "input":
        return np.array_equal(got, want, equal_nan=want.dtype in CHECK_TOLERANCE)
    tolerance = CHECK_TOLERANCE[want.dtype]
    return np.allclose(got, want, rtol=tolerance, atol=tolerance, equal_nan=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", help="what `lossgen cases --json` prints; - reads standard input")
    parser.add_argument("out", type=pathlib.Path, help="the golden folder; packed/ beside it, where there is one, is written, too")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument("--only", metavar="LOSSES", type=lambda text: text.split(","), help="only the cases of these losses, with commas")
    options = parser.parse_args()
    torch.set_num_threads(1)  # sums do not depend on the number of cores
    for message in EXPECTED_WARNINGS:
        warnings.filterwarnings("ignore", message)
    np.seterr(over="ignore")  # a float64 value that float32 holds as infinity

    source = sys.stdin if options.cases == "-" else open(options.cases, encoding="utf-8")
    with source:
        cases = json.load(source)
    if options.only:
        cases = [c for c in cases if c["loss"] in options.only]
        if not cases:
            parser.error("no case of " + ", ".join(options.only))
    computed, problems = compute_all(cases)
    if not problems and options.check:
        problems = check(computed, options.out, options.only)
    for problem in problems:
        print(problem)
    if problems:
        print(f"golden: {len(problems)} problems", file=sys.stderr)
        return 1
    print(f"{len(cases)} golden cases of {len({c['loss'] for c in cases})} losses")
    if not options.check:
        write(computed, options.out, options.only)
    return 0


if __name__ == "__main__":
    sys.exit(main())
