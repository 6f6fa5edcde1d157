#!/usr/bin/env python3
"""Runs every conformance check and prints what they counted, as one table at the end.

    python run.py --lossgen ../lossgen [--requests 200] [--seed 0] [--write]

Exits 1 when any check fails; the others still run. With --write the numbers go to
docs/conformance.json, from which the README states them.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent


def checks(options, cases):
    """(name, script and arguments) in the order they run."""
    lossgen = ["--lossgen", options.lossgen]
    golden = HERE.parent / "testdata"
    return [
        ("goldens made again", [golden / "golden.py", cases, golden / "golden", "--check"]),
        ("goldens on both engines", [HERE / "goldens.py", *lossgen]),
        ("onnx's own loss cases", [HERE / "onnx_cases.py", *lossgen]),
        ("goldens by onnx's test runner", [HERE / "backend.py", *lossgen]),
        ("every file, dtype and opset", [HERE / "every_file.py", *lossgen]),
        ("types before a run", [HERE / "infer.py", "--check", *lossgen, "--seed", str(options.seed)]),
        ("tampered files", ["go", "test", "-count=1", "-v", "-run", "TestMutations", "./verify"]),
        ("fuzzers", ["sh", HERE / "fuzz.sh", "10"]),
        ("random requests against PyTorch", [HERE / "live.py", *lossgen, "--requests", str(options.requests), "--seed", str(options.seed)]),
        ("PyTorch adapter, training", [HERE / "stack.py", *lossgen, "--stack", "torch"]),
        ("Go, C++, Rust, Java, JavaScript", [HERE / "stacks.py", *lossgen]),
        ("adapters of hard names", [HERE / "adapter_names.py"]),
        ("README and docs, block by block", [HERE / "docs.py", *lossgen]),
        ("training in a browser", [HERE / "browser.py", *lossgen]),
    ]


# What a check's output counts, by a pattern with one group.
FIGURES = {
    "golden cases": r"(\d+) golden cases of",
    "losses": r"golden cases of (\d+) losses",
    "runs of golden cases": r"(\d+) runs of golden cases",
    "engines": r"on (\d+) engines",
    "dtypes": r"in (\d+) dtypes",
    "cases of onnx's loss operators": r"(\d+) cases of onnx's loss operators",
    "backend tests by onnx's runner": r"(\d+) backend tests",
    "files": r"(\d+) files of \d+ losses",
    "opsets": r"and (\d+) opsets",
    "mutations": r"(\d+) mutations",
    "fuzz executions": r"(\d+) executions of \d+ fuzzers",
    "fuzzers": r"executions of (\d+) fuzzers",
    "random files": r"runs of (\d+) random files",
    "values compared with PyTorch": r"random files, (\d+) values",
}


def figures(outputs):
    """The numbers in what the checks printed; those that no check printed are missing."""
    found = {name: re.search(pattern, outputs) for name, pattern in FIGURES.items()}
    return {name: int(match.group(1)) for name, match in found.items() if match}


def command(script):
    """Python scripts run in this Python, anything else as it is."""
    first = [sys.executable] if str(script[0]).endswith(".py") else []
    return [*first, *map(str, script)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lossgen", default="lossgen", help="the command (default: on the PATH)")
    parser.add_argument("--requests", type=int, default=200, help="random requests per loss")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="write the numbers to docs/conformance.json")
    options = parser.parse_args()
    options.lossgen = os.path.abspath(shutil.which(options.lossgen) or parser.error(f"no command {options.lossgen}"))

    begun = time.time()
    rows, failed, outputs = [], 0, ""
    with tempfile.TemporaryDirectory() as folder:
        cases = os.path.join(folder, "cases.json")
        with open(cases, "wb") as out:
            subprocess.run([options.lossgen, "cases", "--json"], stdout=out, check=True)
        for name, script in checks(options, cases):
            print(f"\n== {name}", flush=True)
            start = time.time()
            done = subprocess.run(command(script), stdout=subprocess.PIPE, text=True, cwd=HERE.parent)
            print(done.stdout, end="", flush=True)
            outputs += done.stdout
            last = (done.stdout.strip().splitlines() or ["nothing to report"])[-1]
            rows.append((name, "ok" if done.returncode == 0 else "FAILED", time.time() - start, last))
            failed += done.returncode != 0
    print(f"\n{'check':34}{'':8}{'seconds':>8}  counted")
    for name, verdict, seconds, last in rows:
        print(f"{name:34}{verdict:8}{seconds:8.0f}  {last}")
    numbers = figures(outputs)
    print()
    for name in FIGURES:
        print(f"{name:34}{numbers.get(name, 'missing'):>12}")
    print(f"{len(rows) - failed} passed, {failed} failed, {(time.time() - begun) / 60:.0f} minutes on {os.cpu_count()} cores")
    if options.write and not failed:
        (HERE.parent / "docs" / "conformance.json").write_text(json.dumps(numbers, indent=2) + "\n")
    return 1 if failed or len(numbers) < len(FIGURES) else 0


if __name__ == "__main__":
    sys.exit(main())
