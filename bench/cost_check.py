#!/usr/bin/env python3
"""Compares what `lossgen show --cost` estimates with what ONNX Runtime measures.

    python cost_check.py --lossgen ../lossgen [--losses a,b] [--sizes 4M,33M] [--seconds 3]

Each loss and size runs in processes of its own, bound to its inputs and outputs. Time is the
shortest of many runs, since other work on the machine only adds to it. Memory is the growth
of the process's peak over the state before the first run, in which inputs and outputs lie
already: so it is that of intermediate results. Writes the tables of docs/cost.md between its
markers.
"""

import argparse
import ctypes
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from bench import KEEP, domains, lossgen, requests
from sizes import sizes_of

HERE = pathlib.Path(__file__).resolve().parent
BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"


def status(field):
    for line in open("/proc/self/status", encoding="utf-8"):
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024


def worker(path, request):
    """One process: the peak of a few runs, and the shortest of many."""
    import onnx
    import onnxruntime
    import measure
    model = onnx.load(path)
    values = measure.inputs_of(model, request["sizes"], request["domains"])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    options.enable_mem_pattern = request["pattern"]
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    for name, x in values.items():
        x = x.numpy()
        binding.bind_input(name, "cpu", 0, x.dtype, list(x.shape), x.ctypes.data)
    outputs = []
    for name, dims in request["outputs"].items():
        outputs.append(onnxruntime.OrtValue.ortvalue_from_numpy(measure.np.ones(dims, measure.np.float32)))
        binding.bind_ortvalue_output(name, outputs[-1])
    ctypes.CDLL(None).malloc_trim(0)  # what is free already must not hide what a run takes
    with open("/proc/self/clear_refs", "w", encoding="utf-8") as f:
        f.write("5")  # the peak starts here
    before = status("VmRSS")
    for _ in range(3):
        session.run_with_iobinding(binding)
    peak = status("VmHWM") - before
    shortest, begin = math.inf, time.perf_counter()
    while time.perf_counter() - begin < request["seconds"]:
        start = time.perf_counter_ns()
        session.run_with_iobinding(binding)
        shortest = min(shortest, time.perf_counter_ns() - start)
    json.dump({"ns": shortest, "peak": peak}, sys.stdout)


def process(path, request):
    done = subprocess.run([sys.executable, __file__, path, json.dumps(request)], capture_output=True, text=True, env={**os.environ, **KEEP})
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return json.loads(done.stdout)


def estimate(options, path, sizes):
    def report(given):
        return json.loads(lossgen(options, "show", path, "--cost", "--json", "--size", ",".join(f"{k}={v}" for k, v in given.items())))

    description = json.loads(lossgen(options, "show", path, "--format", "json"))
    letters = {d for port in description["graph"]["inputs"] for d in port["dims"] if isinstance(d, str)}
    given = {letter: sizes[letter] for letter in letters}
    r = report(given)
    if r.get("assumed"):  # lists of two labels, and a third of the rows in each of two tail clusters
        masks = {result["name"] for node in r["nodes"] for result in node["results"] if result["dtype"] == "bool"}
        r = report({**given, **{name: sizes["N"] // 3 if name in masks else 2 for name in r["assumed"]}})
    dims = {result["name"]: result["dims"] for node in r["nodes"] for result in node["results"]}
    return r, {port["name"]: dims[port["name"]] for port in description["graph"]["outputs"]}


def check(options, path, loss, size):
    sizes = sizes_of(loss, size)
    report, outputs = estimate(options, path, sizes)
    request = {"sizes": sizes, "domains": domains(options, loss), "outputs": outputs, "seconds": options.seconds}
    planned = process(path, {**request, "pattern": False})
    pattern = process(path, {**request, "pattern": True, "seconds": options.seconds / 2})
    best = min(planned["ns"], pattern["ns"])
    prediction = (report["peak_bytes"] + report["output_bytes"]) / report["peak_ratio"]
    return {"passes": report["passes"], "estimate": report["nanoseconds"] / 1e6, "time": best / 1e6,
            "peak": report["peak_bytes"] / prediction, "measured": planned["peak"] / prediction,
            "pattern": pattern["peak"] / prediction, "outputs": report["output_bytes"] / prediction}


def table(rows):
    lines = ["| loss | passes | estimated ms | measured ms | ratio | estimated memory | measured | measured, with patterns | outputs | memory and outputs |",
             "|---|---|---|---|---|---|---|---|---|---|"]
    for name, r in rows.items():
        lines.append(f"| {name} | {r['passes']:.1f} | {r['estimate']:.2f} | {r['time']:.2f} | {r['estimate'] / r['time']:.2f} | {r['peak']:.2f} | "
                     f"{r['measured']:.2f} | {r['pattern']:.2f} | {r['outputs']:.2f} | {r['measured'] + r['outputs']:.2f} |")
    ratios = [r["estimate"] / r["time"] for r in rows.values()]
    off = [math.exp(abs(math.log(x))) for x in ratios]
    memory = [abs(r["peak"] - r["measured"]) for r in rows.values()]
    lines.append(f"\nTime: geometric mean of estimated to measured {math.exp(sum(map(math.log, ratios)) / len(ratios)):.2f}, from {min(ratios):.2f} "
                 f"to {max(ratios):.2f}; {sum(x <= 1.25 for x in off)} of {len(off)} losses within a factor of 1.25, {sum(x <= 1.5 for x in off)} within 1.5, "
                 f"{sum(x <= 2 for x in off)} within 2. Memory: {sum(x <= 0.1 for x in memory)} of {len(memory)} within 0.1 predictions, "
                 f"{sum(x <= 0.5 for x in memory)} within 0.5.")
    return "\n".join(lines) + "\n"


def write(path, sections):
    text = path.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    path.write_text(head + BEGIN + "\n" + "\n".join(sections) + "\n" + END + tail, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lossgen", default="lossgen")
    parser.add_argument("--losses", help="names, with commas (default: all)")
    parser.add_argument("--sizes", default="4M,33M")
    parser.add_argument("--seconds", type=float, default=3, help="of runs for each loss")
    parser.add_argument("--out", type=pathlib.Path, default=HERE.parent / "docs" / "cost.md")
    options = parser.parse_args()
    options.lossgen = os.path.abspath(options.lossgen)
    sections = []
    for size in options.sizes.split(","):
        rows = {}
        with tempfile.TemporaryDirectory() as folder:
            for name, arguments in requests(options).items():
                path = os.path.join(folder, "loss.onnx")
                lossgen(options, "emit", *arguments, "-o", path)
                rows[name] = check(options, path, arguments[0], size)
                print(f"{name:34}{size:5}" + "".join(f" {k} {v:.3g}" for k, v in rows[name].items()), flush=True)
        sections.append(f"### {size} elements\n\n{table(rows)}")
    write(options.out, sections)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[2].startswith("{"):
        worker(sys.argv[1], json.loads(sys.argv[2]))
    else:
        main()
