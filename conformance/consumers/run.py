#!/usr/bin/env python3
"""Runs every loss in every consumer of ONNX files that installs, and says what is right where.

    python run.py --lossgen ../../lossgen [--consumers openvino,tract] [--losses mse] [--write]

Each consumer has an environment of its own, made from its file in `requirements`. It gets
golden cases, compared with PyTorch's numbers, and hard data on which it has to agree with the
newest ONNX Runtime. The table in docs/support.md is written with --write and compared without.
Exits 1 where it differs.
"""

import argparse
import json
import os
import pathlib
import queue
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time

import numpy as np

import engine
from cases import decode, golden, hard

HERE = pathlib.Path(__file__).resolve().parent
SUPPORT = HERE.parent.parent / "docs" / "support.md"
PATIENCE = 60  # seconds that a case may take

# Column, engine, environment, what files are written for.
CONSUMERS = [
    ("ONNX Runtime 1.17", "onnxruntime", "onnxruntime-1.17", ""),
    ("1.19", "onnxruntime", "onnxruntime-1.19", ""),
    ("1.21", "onnxruntime", "onnxruntime-1.21", ""),
    ("1.23", "onnxruntime", "onnxruntime-1.23", ""),
    ("1.32", "onnxruntime", "tools", ""),
    ("onnxruntime-web", "onnxruntime-web", "node", ""),
    ("onnx.reference", "onnx.reference", "tools", ""),
    ("OpenVINO", "openvino", "openvino", ""),
    ("tract", "tract", "tract", ""),
    ("tract, --for tract", "tract", "tract", "tract"),
    ("onnx2torch, --for onnx2torch", "onnx2torch", "onnx2torch", "onnx2torch"),
    ("--for accelerator, in ONNX Runtime", "onnxruntime", "tools", "accelerator"),
    ("version converter", "version-converter", "tools", ""),
    ("onnxsim", "onnxsim", "tools", ""),
    ("onnxslim", "onnxslim", "tools", ""),
]


def environment(name):
    """The command that runs an engine, in an environment that is made where it is missing."""
    folder = HERE / ".venv" / name
    made = folder / "installed"
    if name == "node":
        source = HERE / "package.json"
        if not made.exists() or made.read_text() != source.read_text():
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, folder)
            shutil.copy(HERE / "engine.mjs", folder)
            subprocess.run(["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True)
            made.write_text(source.read_text())
        shutil.copy(HERE / "engine.mjs", folder)
        return ["node", str(folder / "engine.mjs")]
    source = HERE / "requirements" / f"{name}.txt"
    if not made.exists() or made.read_text() != source.read_text():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        own = []
        if name == "onnx2torch":  # PyTorch is large, and here already
            packages = sysconfig.get_path("purelib")
            pathlib.Path(sysconfig.get_path("purelib", vars={"base": str(folder)}), "borrowed.pth").write_text(packages + "\n")
            own = ["--no-deps"]
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", *own, "-r", source], check=True)
        made.write_text(source.read_text())
    return [str(folder / "bin" / "python"), str(HERE / "engine.py")]


def answers(command, name, lines):
    """What an engine answers to each line. One that crashes or hangs is started again behind the case."""
    done = []
    while len(done) < len(lines):
        with tempfile.TemporaryFile("w+") as file:
            file.writelines(lines)
            file.seek(0)
            process = subprocess.Popen([*command, name, str(len(done))], stdin=file, stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
        lines_out = queue.Queue()
        threading.Thread(target=lambda out=process.stdout: [*map(lines_out.put, out), lines_out.put(None)], daemon=True).start()
        while len(done) < len(lines):
            try:
                line = lines_out.get(timeout=PATIENCE)
            except queue.Empty:
                done.append({"step": "run", "error": f"no end within {PATIENCE} s"})
                break
            if line is None:
                done.append({"step": "run", "error": "the process died"})
                break
            done.append(json.loads(line))
        process.kill()
        process.wait()
    return done


def judge(case, answer):
    """"" where the answer is right, else what is wrong."""
    if case.get("refuse"):
        return "" if "error" in answer and "no end" not in answer["error"] else answer.get("error") or f"runs with {case['refuse']}"
    if "error" in answer:
        return f"{answer['step']}: {shorter(answer['error'])}"
    for name, value in case["outputs"].items():
        want, got = decode(value), decode(answer["outputs"][name])
        if want.shape != got.shape:
            return f"{name} has shape {got.shape}, not {want.shape}"
        same = np.isclose(got.astype(float), want.astype(float), rtol=case["rtol"], atol=case["atol"], equal_nan=True)
        if not same.all():
            finite = all(np.isfinite(decode(x)).all() for x in case["inputs"].values() if x["dtype"].startswith("float"))
            first = np.argwhere(np.atleast_1d(~same))[0]
            at = tuple(map(int, first))
            return (f"{'wrong' if finite else 'differs at NaN or infinity'}: {name}{list(at)} is {np.atleast_1d(got)[at]}, "
                    f"not {np.atleast_1d(want)[at]}")
    return ""


def shorter(error):
    """The telling part of an engine's message."""
    error = re.sub(r"\s+", " ", error)
    for pattern in (r"Could not find an implementation for (\w+)", r"Converter is not implemented.*?operation_type='(\w+)'"):
        if found := re.search(pattern, error):
            return f"no {found.group(1)}"
    error = re.sub(r"Stack backtrace.*", "", error)
    return error[:600]


# What is wrong, by the beginning of what `judge` says; the rest of a loss works with these.
MINOR = {"differs at NaN or infinity": "other numbers where an input is NaN or infinite",
         "runs with a label": "a label outside [0, C) does not end the run",
         "runs with sizes": "sizes that contradict the file's letters do not end the run"}


def reason(case, text):
    """Why a case is not right, in words that other cases share."""
    for start, words in MINOR.items():
        if text.startswith(start):
            return words, True
    if case.startswith("empty"):
        return "fails without elements", True
    if text.startswith("wrong"):
        return f"wrong numbers, as in the case {case}", False
    step, _, text = text.partition(": ")
    text = re.sub(r".*(Check 'false' failed at|Caused by:)[^:]*:\d*", "", text)  # the last cause
    words = re.findall(r"[A-Za-z][A-Za-z']+", text)
    return f"{step}s not: {' '.join(words[:9])}", False


def cell(rows, notes):
    """yes, partly or no, with the numbers of the reasons."""
    if not rows:
        return "no: cannot be written so"
    found = [(case, *reason(case, text)) for case, text in rows if text]
    if not found:
        return "yes"
    for _, words, _ in found:
        notes.setdefault(words, len(notes) + 1)
    marks = ", ".join(str(n) for n in sorted({notes[words] for _, words, _ in found}))
    if all(minor for _, _, minor in found):
        return f"yes [{marks}]"
    broken = sum(not minor for _, _, minor in found)
    return f"{'no' if broken * 2 > len(rows) else 'partly'} [{marks}]"


MARK = "<!-- consumers -->\n"


def page(losses, results):
    """The part of docs/support.md behind its mark."""
    notes, lines = {}, []
    for loss in losses:
        lines.append(f"| `{loss}` | " + " | ".join(cell(results[c].get(loss), notes) for c in results) + " |")
    head = ["| loss | " + " | ".join(results) + " |", "| --- |" + " --- |" * len(results)]
    text = (HERE / "support.md").read_text()
    return "\n".join([text, *head, *lines, "", *(f"[{n}] {words}\n" for words, n in notes.items())])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lossgen", default="lossgen")
    parser.add_argument("--consumers", help="engines or environments, with commas (default: all)")
    parser.add_argument("--losses", help="names, with commas (default: all)")
    parser.add_argument("--write", action="store_true", help="write the table in docs/support.md")
    parser.add_argument("--show", action="store_true", help="print every difference")
    options = parser.parse_args()
    lossgen = os.path.abspath(shutil.which(options.lossgen) or parser.error(f"no command {options.lossgen}"))
    listed = json.loads(subprocess.run([lossgen, "list", "--json"], check=True, capture_output=True).stdout)
    losses = options.losses.split(",") if options.losses else [e["name"] for e in listed]
    wanted = options.consumers.split(",") if options.consumers else None
    consumers = [c for c in CONSUMERS if wanted is None or {c[1], c[2]} & set(wanted)]
    cases, results = {}, {}
    for column, name, folder, target in consumers:
        if target not in cases:
            cases[target] = [c for loss in losses for c in (*golden(lossgen, loss, target), *hard(lossgen, engine.onnxruntime, loss, target))]
        start = time.time()
        command = environment(folder)
        begun = time.time()
        lines = [json.dumps(case) + "\n" for case in cases[target]]
        results[column] = table = {}
        for case, answer in zip(cases[target], answers(command, name, lines), strict=True):
            table.setdefault(case["loss"], []).append((case["case"], judge(case, answer)))
        bad = sum(bool(text) for rows in table.values() for _, text in rows)
        print(f"{column:36}{len(lines) - bad:5} of {len(lines)} right; {begun - start:.0f} s to install, {time.time() - begun:.0f} s to run", flush=True)
        for loss, rows in table.items():
            for case, text in rows:
                if text and options.show:
                    print(f"    {loss} {case}: {text}")
    if options.consumers or options.losses:
        return 0
    own, _, old = SUPPORT.read_text().partition(MARK)
    new = page(losses, results)
    if options.write:
        SUPPORT.write_text(own + MARK + new)
    elif old != new:
        print(f"{SUPPORT} is not what runs: run this with --write")
        return 1
    runs = sum(len(rows) for table in results.values() for rows in table.values())
    print(f"{runs} runs of {len(losses)} losses in {len(results)} consumers")
    return 0


if __name__ == "__main__":
    sys.exit(main())
