#!/usr/bin/env python3
"""Says where the time goes in the files that are slower than PyTorch.

    python profiles.py --lossgen ../lossgen [--above 1.5]

Reads docs/benchmarks/results.json, runs each file whose ratio to torch eager is above the limit
once more under ONNX Runtime's profiler, and writes docs/benchmarks/profiles.md: the kernels that
take longest, with the part of the run that they take. Clocks around each kernel make tiny runs
longer than they are, so their parts are what counts.
"""

import argparse
import collections
import json
import os
import pathlib
import statistics
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime

import measure
from bench import domains, emit, requests
from report import median, ratio
from sizes import sizes_of

HERE = pathlib.Path(__file__).resolve().parent
RUNS, MOST = 30, 6  # runs under the profiler, and kernels that are listed
NAMES = {"tiny": "32 × 10", "fixed": "32 × 10, sizes fixed", "4M": "4 million elements", "33M": "33 million elements"}


def kernels(path, values, threads):
    """Median microseconds of each node, by operator and result."""
    model = onnx.load(path)
    results = {f"{n.op_type}_{i}": n.output[0] for i, n in enumerate(model.graph.node)}
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.enable_profiling = True
        options.profile_file_prefix = os.path.join(folder, "profile")
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        binding = session.io_binding()
        feeds = {name: x.numpy() for name, x in values.items()}
        for name, x in feeds.items():
            binding.bind_input(name, "cpu", 0, x.dtype, list(x.shape), x.ctypes.data)
        outputs = {o.name: np.array(x) for o, x in zip(session.get_outputs(), session.run(None, feeds))}
        for name, x in outputs.items():
            binding.bind_output(name, "cpu", 0, x.dtype, list(x.shape), x.ctypes.data)
        for _ in range(RUNS):
            session.run_with_iobinding(binding)
        with open(session.end_profiling(), encoding="utf-8") as f:
            events = json.load(f)
    times = collections.defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            node = event["name"].removesuffix("_kernel_time")
            times[event["args"]["op_name"], results.get(node, node)].append(event["dur"])
    # A node in the body of a Scan runs several times per run.
    return {node: statistics.median(t[len(t) // 4:]) * len(t) / (RUNS + 1) for node, t in times.items()}


def section(options, row, path, arguments):
    emit(options, path, arguments, row["size"])
    model = onnx.load(path)
    values = measure.inputs_of(model, sizes_of(arguments[0], row["size"]), domains(options, arguments[0]))
    found = kernels(path, values, options.threads)
    total = sum(found.values())
    lines = [f"### {row['loss']}, {NAMES[row['size']]}", "",
             f"{median(row, 'ort'):.4g} ms, PyTorch eager {median(row, 'eager'):.4g} ms: {ratio(row, 'eager'):.2f}. "
             f"{row['nodes']} nodes; under the profiler all kernels together take {total / 1e3:.4g} ms.", "",
             "| kernel | result | ms | part |", "| --- | --- | ---: | ---: |"]
    for (op, result), t in sorted(found.items(), key=lambda item: -item[1])[:MOST]:
        lines.append(f"| {op} | {result} | {t / 1e3:.4g} | {100 * t / total:.0f} % |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lossgen", default="lossgen")
    parser.add_argument("--above", type=float, default=1.5, help="ratio to torch eager")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=pathlib.Path, default=HERE.parent / "docs" / "benchmarks")
    options = parser.parse_args()
    options.lossgen, options.losses = os.path.abspath(options.lossgen), None
    results = json.loads((options.out / "results.json").read_text(encoding="utf-8"))
    slow = [r for r in results["rows"] if r["keep"] and ratio(r, "eager") > options.above]
    table = requests(options)
    sections = []
    with tempfile.TemporaryDirectory() as folder:
        for row in slow:
            sections.append(section(options, row, os.path.join(folder, "loss.onnx"), table[row["loss"]]))
            print(sections[-1].splitlines()[0], file=sys.stderr)
    text = f"""# Where the time goes

`make bench` writes this page: the kernels of every file whose ratio to torch eager is above
{options.above}, longest first. [Speed](../speed.md) says why they are there.

""" + "\n".join(sections)
    (options.out / "profiles.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
