#!/usr/bin/env python3
"""Compares a tiny run through package ort with the same through ONNX Runtime's C API.

    python compare.py --lossgen ../../lossgen --library libonnxruntime.so [--threads 1]

Both run cross_entropy at 64x10 from one file, bound to their tensors, in turns. The shortest
time of each counts: other work on the machine only adds to it.
"""

import argparse
import os
import pathlib
import re
import statistics
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def output(*command, **keywords):
    return subprocess.run(command, check=True, capture_output=True, text=True, **keywords).stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lossgen", default="lossgen")
    parser.add_argument("--library", default=os.environ.get("LOSSGEN_ORT_LIBRARY"), help="default: $LOSSGEN_ORT_LIBRARY")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--turns", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file, capi, test = (os.path.join(folder, name) for name in ("loss.onnx", "capi", "ort.test"))
        output(options.lossgen, "emit", "cross_entropy", "-o", file)
        header = output("go", "list", "-m", "-f", "{{.Dir}}", "github.com/yalue/onnxruntime_go", cwd=ROOT).strip()
        output("cc", "-O2", "-I", header, "-o", capi, str(HERE / "capi.c"), "-ldl")
        output("go", "test", "-c", "-o", test, "./runtime/ort", cwd=ROOT)
        environment = {**os.environ, "LOSSGEN_ORT_LIBRARY": options.library, "LOSSGEN_BENCH_FILE": file,
                       "LOSSGEN_BENCH_THREADS": str(options.threads)}
        c, go, allocations = [], [], set()
        for _ in range(options.turns):
            c.append(float(output(capi, options.library, file, str(options.threads), "30").split()[0]))
            text = output(test, "-test.run", "^$", "-test.bench", "^BenchmarkTinyLoss$", "-test.benchtime", "1000x",
                          "-test.count", "30", cwd=ROOT / "runtime" / "ort", env=environment)
            for ns, allocated in re.findall(r"([\d.]+) ns/op.*?(\d+) allocs/op", text):
                go.append(float(ns))
                allocations.add(int(allocated))
    print(f"C API {min(c):.0f} ns, Go {min(go):.0f} ns: ratio {min(go) / min(c):.3f}; medians {statistics.median(c):.0f} and "
          f"{statistics.median(go):.0f} ns; {options.threads} threads; allocations per run: {', '.join(map(str, sorted(allocations)))}")


if __name__ == "__main__":
    main()
