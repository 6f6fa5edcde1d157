#!/usr/bin/env python3
"""Runs every conformance check and prints what they counted, as one table at the end.

    python run.py --lossgen ../lossgen [--kinds live,goldens] [--requests 200] [--seed 0] [--sample 1] [--write]

With --sample N the checks of losses take one loss of N, which the seed chooses. Exits 1 when any
check fails; the others still run. With --write the numbers go to docs/conformance.json, from which
the README states them.
"""

import argparse
import concurrent.futures
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
ROOT = HERE.parent
GOLDEN = ROOT / "testdata"


# Kind, name, script and arguments, and what its output counts, by a pattern with one group. Words in
# braces are options.
CHECKS = [
    ("goldens", "goldens made again", [GOLDEN / "golden.py", "{cases}", GOLDEN / "golden", "--check", "--only", "{losses}"], {}),
    ("goldens", "goldens on both engines", [HERE / "goldens/goldens.py", "--lossgen", "{lossgen}", "--losses", "{losses}"], {
        "golden cases": r"(\d+) golden cases of",
        "losses": r"golden cases of (\d+) losses",
        "runs of golden cases": r"(\d+) runs of golden cases",
        "engines": r"on (\d+) engines",
        "dtypes": r"in (\d+) dtypes",
    }),
    ("goldens", "onnx's own loss cases", [HERE / "goldens/onnx_cases.py", "--lossgen", "{lossgen}"], {
        "cases of onnx's loss operators": r"(\d+) cases of onnx's loss operators",
    }),
    ("goldens", "goldens by onnx's test runner", [HERE / "goldens/backend.py", "--lossgen", "{lossgen}", "--losses", "{losses}"], {
        "backend tests by onnx's runner": r"(\d+) backend tests",
    }),
    ("files", "every file, dtype and opset", [HERE / "files/every_file.py", "--lossgen", "{lossgen}", "--losses", "{losses}"], {
        "files": r"(\d+) files of \d+ losses",
        "opsets": r"and (\d+) opsets",
    }),
    ("files", "types before a run", [HERE / "files/infer.py", "--check", "--lossgen", "{lossgen}", "--seed", "{seed}"], {}),
    ("files", "tampered files", ["env", "LOSSGEN_TEST_EVERY=1", "go", "test", "-count=1", "-v", "-run", "TestMutations", "./verify"], {
        "mutations": r"(\d+) mutations",
    }),
    ("files", "every opset on both engines", ["env", "LOSSGEN_TEST_EVERY=1", "go", "test", "-count=1", "-run", "TestSupport", "./verify"], {}),
    ("files", "every shape and reduction", ["env", "LOSSGEN_TEST_EVERY=1", "go", "test", "-count=1", "-timeout", "60m", "-run", "Test/{pattern}", "./losses/..."], {}),
    ("files", "sizes of every graph", ["env", "LOSSGEN_TEST_EVERY=1", "go", "test", "-count=1", "-run", "TestSizes/{pattern}", "./cost"], {}),
    ("fuzz", "fuzzers", ["sh", HERE / "fuzz/fuzz.sh", "{fuzz}"], {
        "fuzz executions": r"(\d+) executions of \d+ fuzzers",
        "fuzzers": r"executions of (\d+) fuzzers",
    }),
    ("live", "random requests against PyTorch", [HERE / "live/live.py", "--lossgen", "{lossgen}", "--losses", "{losses}", "--requests", "{requests}", "--seed", "{seed}"], {
        "random files": r"runs of (\d+) random files",
        "values compared with PyTorch": r"random files, (\d+) values",
    }),
    ("models", "gradients of operators", [HERE / "models/rules.py", "--lossgen", "{lossgen}", "--seed", "{seed}"], {}),
    ("models", "gradients of exported models", [HERE / "models/exports.py", "--lossgen", "{lossgen}", "--models", "mlp,encoder", "--exports", "legacy"], {}),
    ("adapters", "PyTorch adapter, training", [HERE / "adapters/stack.py", "--lossgen", "{lossgen}", "--stack", "torch", "--sample", "{sample}", "--seed", "{seed}"], {}),
    ("stacks", "Go, C++, Rust, Java, JavaScript", [HERE / "stacks/stacks.py", "--lossgen", "{lossgen}", "--losses", "{losses}"], {}),
    ("stacks", "adapters of hard names", [HERE / "stacks/adapter_names.py"], {}),
    ("stacks", "trainers of digits", [HERE / "stacks/trainers.py", "--lossgen", "{lossgen}"], {}),
    ("stacks", "training in a browser", [HERE / "stacks/browser.py", "--lossgen", "{lossgen}"], {}),
    ("docs", "README and docs, block by block", [HERE / "docs/docs.py", "--lossgen", "{lossgen}"], {}),
]
KINDS = list(dict.fromkeys(kind for kind, *_ in CHECKS))


def chosen(kinds):
    return [check for check in CHECKS if check[0] in kinds]


def figures(checks, outputs):
    """The numbers in what the checks printed, None for those that no check printed."""
    patterns = {name: pattern for *_, counts in checks for name, pattern in counts.items()}
    found = {name: re.search(pattern, outputs) for name, pattern in patterns.items()}
    return {name: match and int(match.group(1)) for name, match in found.items()}


def command(script):
    """Python scripts run in this Python, anything else as it is."""
    first = [sys.executable] if str(script[0]).endswith(".py") else []
    return [*first, *map(str, script)]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lossgen", default="lossgen", help="the command (default: on the PATH)")
    parser.add_argument("--kinds", default=",".join(KINDS), help="kinds of checks, with commas (default: %(default)s)")
    parser.add_argument("--requests", type=int, default=200, help="random requests per loss")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sample", type=int, default=1, metavar="N", help="take one loss of N; the seed says which")
    parser.add_argument("--fuzz", type=int, default=10, help="seconds for each fuzzer")
    parser.add_argument("--write", action="store_true", help="write the numbers to docs/conformance.json")
    options = parser.parse_args()
    options.lossgen = os.path.abspath(shutil.which(options.lossgen) or parser.error(f"no command {options.lossgen}"))
    options.kinds = options.kinds.split(",")
    unknown = set(options.kinds) - set(KINDS)
    if unknown:
        parser.error(f"no kind {', '.join(sorted(unknown))}: there are {', '.join(KINDS)}")
    if options.write and (set(options.kinds) != set(KINDS) or options.sample != 1):
        parser.error("--write goes with all kinds and no sample")
    return options


def sample(options):
    """The losses that are checked: all, or one of several."""
    listed = json.loads(subprocess.run([options.lossgen, "list", "--json"], stdout=subprocess.PIPE, check=True).stdout)
    return [loss["name"] for loss in listed][options.seed % options.sample :: options.sample]


def run_one(script, words):
    """(exit code, what it printed, seconds) of one check."""
    start = time.time()
    done = subprocess.run(command([str(word).format(**words) for word in script]), stdout=subprocess.PIPE, text=True, cwd=ROOT)
    return done.returncode, done.stdout, time.time() - start


def run(checks, words):
    """Runs the checks, two at a time, since most have parts that use one core; returns a row of the
    table for each, and all that they printed."""
    rows, outputs = [], ""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for (_, name, *_), done in zip(checks, pool.map(lambda check: run_one(check[2], words), checks)):
            code, output, seconds = done
            print(f"\n== {name} ({seconds:.0f} s)\n{output}", end="", flush=True)
            outputs += output
            last = (output.strip().splitlines() or ["nothing to report"])[-1]
            rows.append((name, "ok" if code == 0 else "FAILED", seconds, last))
    return rows, outputs


def main():
    options = arguments()
    begun, checks = time.time(), chosen(options.kinds)
    with tempfile.TemporaryDirectory() as folder:
        cases = os.path.join(folder, "cases.json")
        with open(cases, "wb") as out:
            subprocess.run([options.lossgen, "cases", "--json"], stdout=out, check=True)
        losses = sample(options)
        print(f"{len(losses)} losses")
        words = {**vars(options), "cases": cases, "losses": ",".join(losses), "pattern": f"^({'|'.join(losses)})$"}
        rows, outputs = run(checks, words)
    print(f"\n{'check':34}{'':8}{'seconds':>8}  counted")
    for name, verdict, seconds, last in rows:
        print(f"{name:34}{verdict:8}{seconds:8.0f}  {last}")
    numbers = figures(checks, outputs)
    print()
    for name, number in numbers.items():
        print(f"{name:34}{'missing' if number is None else number:>12}")
    failed = sum(verdict != "ok" for _, verdict, *_ in rows)
    print(f"{len(rows) - failed} passed, {failed} failed, {(time.time() - begun) / 60:.0f} minutes on {os.cpu_count()} cores")
    complete = not failed and None not in numbers.values()
    if options.write and complete:
        (ROOT / "docs" / "conformance.json").write_text(json.dumps(numbers, indent=2) + "\n")
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())
