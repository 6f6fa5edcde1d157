#!/usr/bin/env python3
"""Runs every conformance check and prints what they counted, as one table at the end.

    python run.py --lossgen ../lossgen [--requests 200] [--seed 0]

Exits 1 when any check fails; the others still run.
"""

import argparse
import os
import pathlib
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
        ("onnx's own loss cases", [HERE / "onnx_cases.py", *lossgen]),
        ("goldens by onnx's test runner", [HERE / "backend.py", *lossgen]),
        ("every file, dtype and opset", [HERE / "every_file.py", *lossgen]),
        ("random requests against PyTorch", [HERE / "live.py", *lossgen, "--requests", str(options.requests), "--seed", str(options.seed)]),
        ("PyTorch adapter, training, docs", [HERE / "stack.py", *lossgen, "--stack", "torch"]),
        ("Go, C++, Rust, Java, JavaScript", [HERE / "stacks.py", *lossgen]),
        ("training in a browser", [HERE / "browser.py", *lossgen]),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lossgen", default="lossgen", help="the command (default: on the PATH)")
    parser.add_argument("--requests", type=int, default=200, help="random requests per loss")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.lossgen = os.path.abspath(shutil.which(options.lossgen) or parser.error(f"no command {options.lossgen}"))

    rows, failed = [], 0
    with tempfile.TemporaryDirectory() as folder:
        cases = os.path.join(folder, "cases.json")
        with open(cases, "wb") as out:
            subprocess.run([options.lossgen, "cases", "--json"], stdout=out, check=True)
        for name, command in checks(options, cases):
            print(f"\n== {name}", flush=True)
            start = time.time()
            done = subprocess.run([sys.executable, *map(str, command)], stdout=subprocess.PIPE, text=True)
            print(done.stdout, end="", flush=True)
            last = (done.stdout.strip().splitlines() or ["nothing to report"])[-1]
            rows.append((name, "ok" if done.returncode == 0 else "FAILED", time.time() - start, last))
            failed += done.returncode != 0
    print(f"\n{'check':34}{'':8}{'seconds':>8}  counted")
    for name, verdict, seconds, last in rows:
        print(f"{name:34}{verdict:8}{seconds:8.0f}  {last}")
    print(f"{len(rows) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
