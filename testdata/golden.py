#!/usr/bin/env python3
"""Writes the golden cases: what PyTorch computes for each case that lossgen lists.

    lossgen cases --json > cases.json
    python golden.py cases.json golden            write golden/ and golden.zip
    python golden.py cases.json golden --check    exit 1 naming every file that differs

Only PyTorch makes these numbers. Each case is run in float64 (the master run, which is
stored) and in float32; where the float32 run differs in kind, its outputs are stored too.
"""

import argparse
import json
import math
import pathlib
import shutil
import sys
import warnings
import zipfile

import numpy as np
import onnx
import onnx.numpy_helper
import torch
import torch.nn.functional as F
import torchvision.ops as tv

from fills import input_arrays

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
    """The gradients that autograd gives, zeros where it gives None."""
    wanted = [inputs[name] for name in case["grad"]]
    if not wanted:
        return []
    upstream = inputs.get("grad_output")
    if upstream is None:
        if loss.dim() != 0:
            raise ValueError(f"a loss of shape {list(loss.shape)} needs an input grad_output")
        upstream = torch.ones_like(loss)
    if upstream.shape != loss.shape:
        raise ValueError(f"grad_output {list(upstream.shape)} for a loss {list(loss.shape)}")
    if not loss.requires_grad:
        return [torch.zeros_like(x) for x in wanted]
    found = torch.autograd.grad(loss, wanted, upstream, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for g, x in zip(found, wanted)]


def evaluate(case, arrays, dtype):
    """Runs the case in one dtype and returns its outputs by name, in order."""
    inputs = {}
    for name, array in arrays.items():
        x = torch.from_numpy(array.copy())
        inputs[name] = x.to(dtype) if x.is_floating_point() else x
        if name in case["grad"]:
            inputs[name].requires_grad_()
    scope = {"torch": torch, "F": F, "tv": tv, "math": math, **inputs}
    outputs = {name: eval(text, dict(scope)) for name, text in case["outputs"].items()}
    for name, x in outputs.items():
        if x.dtype != dtype:
            raise ValueError(f"{name} is {x.dtype} in a {dtype} run")
    for name, g in zip(case["grad"], gradients(outputs["loss"], inputs, case)):
        outputs["grad_" + name] = g
    return {name: canonical(x.detach().numpy()) for name, x in outputs.items()}


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


# ---- files of a case ----

def tensor_bytes(array, name):
    return onnx.numpy_helper.from_array(array, name).SerializeToString(deterministic=True)


def own_error(got, master):
    """The largest error of PyTorch's float32 run, where it is beyond float32 tolerance."""
    with np.errstate(all="ignore"):
        error = np.abs(got.astype(np.float64) - master)
        beyond = np.isfinite(error) & (error > 1e-6 + 1.3e-5 * np.abs(master))
    return float(error[beyond].max(initial=0))


def manifest(case, errors):
    text = {
        "case": case["case"],
        "dtypes": case["dtypes"],
        "float32_error": errors,
        "grad": case["grad"],
        "inputs": [{"kind": i["kind"], "name": i["name"]} for i in case["inputs"]],
        "loss": case["loss"],
        "note": case.get("note", ""),
        "outputs": case["outputs"],
        "producer": PRODUCER,
        "request": case["request"],
    }
    return (json.dumps(text, indent=2, sort_keys=True) + "\n").encode()


def case_files(case):
    """The files of one case, by path below the case's folder."""
    if next(iter(case["outputs"])) != "loss":
        raise ValueError("the first output is loss")
    arrays = input_arrays(case)
    files = {"case.json": manifest(case, {})}
    for i, (name, array) in enumerate(arrays.items()):
        files[f"test_data_set_0/input_{i}.pb"] = tensor_bytes(array, name)
    master = evaluate(case, arrays, torch.float64)
    for i, (name, array) in enumerate(master.items()):
        files[f"test_data_set_0/output_{i}.pb"] = tensor_bytes(array, name)
    if "float32" not in case["dtypes"]:
        return files
    single = evaluate(case, arrays, torch.float32)
    errors = {}
    for i, (name, array) in enumerate(single.items()):
        if differs_in_kind(array, master[name]):
            files[f"float32/output_{i}.pb"] = tensor_bytes(array, name)
        elif own_error(array, master[name]) > 0:
            errors[name] = float(f"{own_error(array, master[name]):.3g}")
    files["case.json"] = manifest(case, errors)
    return files


def all_files(cases):
    """The files of every case, by path below the output folder; and the cases that failed."""
    files, failed, folders = {}, [], set()
    for n, case in enumerate(cases, 1):
        folder = f"{case['loss']}/{case['case']}"
        try:
            if folder in folders:
                raise ValueError("listed twice")
            folders.add(folder)
            for path, data in case_files(case).items():
                files[f"{folder}/{path}"] = data
        except Exception as e:  # whatever PyTorch raises, the case is named
            failed.append(f"{folder}: {type(e).__name__}: {str(e).splitlines()[0] if str(e) else ''}")
        if n % 250 == 0 or n == len(cases):
            print(f"golden: {n}/{len(cases)} cases", file=sys.stderr)
    return files, failed


# ---- the output folder ----

def existing(out, only):
    root = out / only if only else out
    return {p.relative_to(out).as_posix(): p for p in sorted(root.rglob("*")) if p.is_file()}


def write(files, out, only):
    """Writes the files that changed and removes what no case makes any more."""
    changed = 0
    for path, data in files.items():
        target = out / path
        if target.is_file() and target.read_bytes() == data:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        changed += 1
    stale = [p for path, p in existing(out, only).items() if path not in files]
    for path in stale:
        path.unlink()
    for folder in sorted((p for p in out.rglob("*") if p.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            shutil.rmtree(folder)
    write_zip(out)
    print(f"golden: {len(files)} files, {changed} changed, {len(stale)} stale removed, "
          f"golden.zip {(out.parent / 'golden.zip').stat().st_size} bytes", file=sys.stderr)


def write_zip(out):
    """One archive of the whole folder, the same bytes for the same files."""
    temporary = out.parent / "golden.zip.tmp"
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, path in sorted(existing(out, None).items()):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    temporary.replace(out.parent / "golden.zip")


def same_content(path, got, want):
    if got == want:
        return True
    if not path.endswith(".pb"):
        return False
    try:
        g, w = onnx.TensorProto.FromString(got), onnx.TensorProto.FromString(want)
        a, b = onnx.numpy_helper.to_array(g), onnx.numpy_helper.to_array(w)
    except Exception:  # an unreadable file differs
        return False
    if g.name != w.name or a.dtype != b.dtype or a.shape != b.shape:
        return False
    # Inputs are exact: they do not depend on the processor.
    if "/input_" in path or a.dtype not in CHECK_TOLERANCE:
        return np.array_equal(a, b, equal_nan=a.dtype in CHECK_TOLERANCE)
    tolerance = CHECK_TOLERANCE[a.dtype]
    return np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)


def zip_problems(out):
    """golden.zip holds exactly the files of the folder."""
    archive = out.parent / "golden.zip"
    if not archive.is_file():
        return ["golden.zip: missing"]
    files = existing(out, None)
    with zipfile.ZipFile(archive) as z:
        names = set(z.namelist())
        problems = [f"golden.zip: {n}: not in the folder" for n in sorted(names - set(files))]
        problems += [f"golden.zip: {n}: missing" for n in sorted(set(files) - names)]
        problems += [f"golden.zip: {n}: differs" for n in sorted(names & set(files))
                     if z.read(n) != files[n].read_bytes()]
    return problems


def check(files, out, only):
    found = existing(out, only)
    problems = [f"{p}: missing" for p in files if p not in found]
    problems += [f"{p}: stale" for p in found if p not in files]
    problems += [f"{p}: differs" for p, data in files.items()
                 if p in found and not same_content(p, found[p].read_bytes(), data)]
    return sorted(problems) + zip_problems(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", help="what `lossgen cases --json` prints; - reads standard input")
    parser.add_argument("out", type=pathlib.Path, help="the golden folder; golden.zip goes beside it")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument("--only", metavar="LOSS", help="only the cases of this loss")
    options = parser.parse_args()
    torch.set_num_threads(1)  # sums do not depend on the number of cores
    for message in EXPECTED_WARNINGS:
        warnings.filterwarnings("ignore", message)
    np.seterr(over="ignore")  # a float64 value that float32 holds as infinity

    source = sys.stdin if options.cases == "-" else open(options.cases, encoding="utf-8")
    with source:
        cases = json.load(source)
    if options.only:
        cases = [c for c in cases if c["loss"] == options.only]
        if not cases:
            parser.error(f"no case of the loss {options.only!r}")
    files, problems = all_files(cases)
    if not problems and options.check:
        problems = check(files, options.out, options.only)
    for problem in problems:
        print(problem)
    if problems:
        print(f"golden: {len(problems)} problems", file=sys.stderr)
        return 1
    print(f"{len(cases)} golden cases of {len({c['loss'] for c in cases})} losses")
    if not options.check:
        write(files, options.out, options.only)
    return 0


if __name__ == "__main__":
    sys.exit(main())
