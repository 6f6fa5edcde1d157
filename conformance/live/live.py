#!/usr/bin/env python3
"""Compares files that lossgen writes with PyTorch, on random requests and random data.

    python live.py --lossgen ../lossgen
    python live.py --losses huber,cross_entropy --requests 1000 --seed 7

Uses nothing of lossgen but its command line, and none of the golden cases.
"""

import argparse
import collections
import concurrent.futures
import json
import multiprocessing
import os
import pathlib
import random
import re
import shlex
import shutil
import sys

import numpy as np
import onnx
import onnxruntime

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "shared"))
from command import Broken, Lossgen, Refused
from compare import Difference, Score, judge
from declared import declared
from draw import draw_request
from inputs import FLOATS, TYPES, Draw, Port, contradict
from reference import Reference, prepare


# ---- a file ----

class File:
    """An emitted file, checked and opened in ONNX Runtime."""

    def __init__(self, data, describe, threads=2):
        model = onnx.load_from_string(data)
        onnx.checker.check_model(model, full_check=True)
        onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
        metadata = {p.key: p.value for p in model.metadata_props}
        self.options = json.loads(metadata["lossgen.options"])
        self.inputs = inputs = declared(describe(metadata["lossgen.loss"]), self.options, describe)
        self.losses = {i.loss.prefix: i.loss for i in inputs.values()}.values()
        self.cancels = any(l.description["cancels"] for l in self.losses)
        self.opset = model.opset_import[0].version
        self.ports = [Port(v, inputs) for v in model.graph.input]
        self.outputs = [v.name for v in model.graph.output]
        self.types = {v.name: TYPES[v.type.tensor_type.elem_type] for v in model.graph.output}
        # 16-bit files compute in float32, and so does PyTorch here.
        self.dtype = np.float64 if np.float64 in self.types.values() else np.float32
        gradients = [n.removeprefix("grad_") for n in self.outputs if n.startswith("grad_")]
        self.check_outputs(gradients)
        self.reference = Reference(metadata["lossgen.reference"], gradients, self.dtype)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])

    def check_outputs(self, gradients):
        order = [p.name for p in self.ports if p.name in gradients]
        if self.outputs[0] != "loss" or order != gradients:
            raise Difference(f"outputs are {self.outputs}, inputs {[p.name for p in self.ports]}")

    def says_nothing(self, draw):
        """Whether PyTorch returns uninitialized memory for the draw, or the opset has no such sizes."""
        undefined = any(f"empty_{l.options.get('reduction')}" in l.description["undefined"] for l in self.losses)
        opset = max(l.description["empty_opset"] for l in self.losses)
        return draw.empty and (undefined or self.opset < opset)

    def run(self, arrays):
        return dict(zip(self.outputs, self.session.run(None, arrays)))


def open_file(lossgen, arguments, twice=False):
    data = lossgen.emit(arguments, twice)
    try:
        return File(data, lossgen.describe)
    except Difference:
        raise
    except Exception as e:  # onnx.checker, shape inference, ONNX Runtime, or unreadable metadata
        raise Broken(f"the file is refused: {type(e).__name__}: {str(e)[:400]}") from e


def check_request(file, arguments):
    """The file is of the opset and dtype that were asked for, and has the gradients."""
    asked = dict(a[2:].split("=", 1) for a in arguments[1:] if "=" in a and not a.startswith("--shape"))
    if file.opset != int(asked.get("opset", 17)):
        raise Difference(f"the opset is {file.opset}")
    dtype = asked.get("dtype", "float32")
    for p in file.ports:
        wide = p.name in file.inputs and file.inputs[p.name].wide
        want = np.float32 if wide and dtype == "float16" else np.dtype(asked.get("loss-dtype", dtype) if p.name == "grad_output" else dtype)
        if p.dtype in FLOATS and p.dtype != want:
            raise Difference(f"{p.name} is {p.dtype.__name__}")
    for name, found in file.types.items():
        wide = name == "normalizer" and dtype == "float16"
        want = dtype if name.startswith("grad_") else "float32" if wide else asked.get("loss-dtype", dtype)
        if found != np.dtype(want):
            raise Difference(f"{name} is {found.__name__}")
    present = {p.name for p in file.ports}
    wanted = {name for name, i in file.inputs.items() if i.default_grad} & present
    if "grad" in asked:
        wanted = set(asked["grad"].split(",")) - {"none"}
    found = {n.removeprefix("grad_") for n in file.outputs if n.startswith("grad_")}
    if "task" not in asked and found != wanted:
        raise Difference(f"gradients of {sorted(found)}, asked for {sorted(wanted)}")


# ---- one comparison ----

def compare(file, draw, nan_rows, score):
    """Runs the file and PyTorch on one draw; raises Difference. Whether PyTorch has a result."""
    if not draw.comparable or file.says_nothing(draw):
        return False
    score.runs += 1
    try:
        outputs, failure = file.run(draw.arrays), None
    except Exception as e:
        outputs, failure = None, e
    try:
        file.reference.same_dtype(draw.arrays)
    except Exception as refusal:
        score.raised += 1
        # A graph cannot check the sizes of nothing; everything else must show.
        if outputs is not None and not draw.empty and not np.isnan(outputs["loss"]).any():
            first = (str(refusal).splitlines() or [""])[0]
            raise Difference(f"PyTorch raises {type(refusal).__name__} ({first[:160]}), "
                             "the file computes") from None
        return False
    if failure is not None:
        raise Difference(f"the file's run fails: {str(failure)[:300]}")
    judge(outputs, draw.arrays, file.reference, file.dtype, file.types, nan_rows, score, "tasks" in file.options, file.cancels)
    return True


def check_guard(file, chance):
    """Sizes that contradict the file's letters must fail the run."""
    wrong = contradict(chance, Draw(chance, file.ports, file.options, "plain", small=True))
    if wrong is None:
        return
    arrays, what = wrong
    try:
        file.run(arrays)
    except Exception:
        return
    raise Difference(f"contradictory sizes are accepted: {what}")


# ---- a smaller failing request ----

def fails(file, draw, nan_rows):
    try:
        compare(file, draw, nan_rows, Score())
    except Difference as e:
        return e
    return None


def smaller(lossgen, arguments, draw, error, chance, nan_rows):
    """Drops arguments and sizes as long as some draw still fails."""
    best = (arguments, draw, error)

    def attempt(candidate, tries):
        try:
            file = open_file(lossgen, candidate)
        except (Refused, Broken, Difference):
            return None
        for _ in range(tries):
            found = Draw(chance, file.ports, file.options, draw.mode, small=True)
            failure = fails(file, found, nan_rows)
            if failure is not None:
                return candidate, found, failure
        return None

    for dropped in arguments[1:]:
        candidate = [a for a in best[0] if a != dropped]
        best = attempt(candidate, 30) or best
    return attempt(best[0], 100) or best


def reproduce(arguments, draw):
    lines = ["  lossgen emit " + shlex.join(arguments) + f" -o {arguments[0]}.onnx"]
    for name, x in draw.arrays.items() if draw else ():
        values = np.array2string(x, separator=",", threshold=40, max_line_width=10**6,
                                 formatter={"float_kind": lambda v: repr(v.item())})
        lines.append(f"    {name} {x.dtype}{list(x.shape)} = {' '.join(values.split())}")
    return "\n".join(lines)


# ---- one loss ----

def check_loss(options, loss):
    """All requests of one loss: its score, and reports of differences and refusals."""
    prepare()
    np.seterr(all="ignore")
    chance = random.Random(f"{options.seed}/{loss}")
    lossgen = Lossgen(options.lossgen)
    score, reports, refusals, files, kinds = Score(), [], {}, set(), collections.Counter()
    description = lossgen.describe(loss)
    nan_rows = bool(description.get("nan_rows"))
    for _ in range(options.requests):
        arguments, draw = draw_request(chance, description, lossgen), None
        score.requests += 1
        try:
            file = open_file(lossgen, arguments, twice=chance.random() < 0.03)
            files.add(tuple(arguments))
            check_request(file, arguments)
            for _ in range(options.draws):
                draw = Draw(chance, file.ports, file.options)
                if not compare(file, draw, nan_rows, score):
                    draw = Draw(chance, file.ports, file.options, windows=True)
                    compare(file, draw, nan_rows, score)
            draw = None
            check_guard(file, chance)
        except Refused as e:
            score.refused += 1
            refusals.setdefault(str(e), shlex.join(arguments))
        except (Difference, Broken) as e:
            score.differences += 1
            kind = re.split(r"[\[(:]", str(e))[0]
            kinds[kind] += 1
            if kinds[kind] <= options.show:
                best = (arguments, draw, e)
                if draw is not None and fails(file, draw, nan_rows):
                    best = smaller(lossgen, arguments, draw, e, chance, nan_rows)
                reports.append(f"{loss}: {best[2]}\n{reproduce(best[0], best[1])}")
    score.files = len(files)
    return score, reports, refusals


# ---- the report ----

def print_table(scores):
    print(f"{'loss':34}{'requests':>9}{'refused':>8}{'files':>7}{'runs':>7}{'raised':>7}{'values':>10}"
          f"{'rounding':>9}  {'worst float32':16}  {'worst float64':16}{'differ':>7}")
    for loss, s in sorted(scores.items()):
        worst = [f"{e:.1e} ({e / np.finfo(t).eps:.3g} ulp)" for t, e in s.worst.items()]
        print(f"{loss:34}{s.requests:9}{s.refused:8}{s.files:7}{s.runs:7}{s.raised:7}{s.values:10}"
              f"{s.by_sensitivity:9}  {worst[0]:16}  {worst[1]:16}{s.differences:7}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lossgen", default="lossgen", help="the command (default: on the PATH)")
    parser.add_argument("--losses", help="names, with commas (default: all)")
    parser.add_argument("--requests", type=int, default=200, help="requests per loss")
    parser.add_argument("--draws", type=int, default=3, help="draws of data per request")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--show", type=int, default=2, help="differences printed per loss and kind")
    parser.add_argument("--refusals", action="store_true", help="print every distinct refusal")
    options = parser.parse_args()
    found = shutil.which(options.lossgen)
    if found is None:
        parser.error(f"no command {options.lossgen}")
    options.lossgen = os.path.abspath(found)
    return options


def main():
    options = arguments()
    losses = options.losses.split(",") if options.losses else Lossgen(options.lossgen).list()
    scores, broken = {}, 0
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(min(options.jobs, len(losses)), context) as pool:
        running = {pool.submit(check_loss, options, loss): loss for loss in losses}
        for done in concurrent.futures.as_completed(running):
            loss = running[done]
            try:
                scores[loss], reports, refusals = done.result()
            except Exception as e:  # describe failed, or this program did
                print(f"{loss}: {type(e).__name__}: {e}")
                broken += 1
                continue
            print(f"live: {loss} done, {scores[loss].differences} differences", file=sys.stderr)
            for report in reports:
                print(report)
            for text, example in sorted(refusals.items()) if options.refusals else ():
                print(f"{loss}: refused: {text}\n  lossgen emit {example}")
    print_table(scores)
    differences = sum(s.differences for s in scores.values()) + broken
    runs, files, values = (sum(getattr(s, name) for s in scores.values()) for name in ("runs", "files", "values"))
    print(f"{runs} runs of {files} random files, {values} values, seed {options.seed}: {differences} differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
