#!/usr/bin/env python3
"""Times every loss, value and gradient: the emitted file on ONNX Runtime against PyTorch.

    python bench.py --lossgen ../lossgen [--losses a,b] [--sizes tiny,4M,33M] [--threads 2]

Each loss and size runs in a process of its own (measure.py), once with glibc told to keep big
buffers and, for the two large sizes, once as the system's allocator comes, under which PyTorch
mostly waits for page faults. PyTorch runs with the vector instructions with which it is
faster here. Writes docs/benchmarks/README.md, results.json and ratios.png.
"""

import argparse
import json
import math
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile

from report import write_report
from sizes import ARGUMENTS, EXTRA, USUAL, sizes_of

HERE = pathlib.Path(__file__).resolve().parent
FIXED = "fixed"
PROCESSES = {"4M": 3, "33M": 3}  # with big buffers kept; else one
KEEP = {"MALLOC_TRIM_THRESHOLD_": "8589934592", "MALLOC_MMAP_THRESHOLD_": "4294967296"}


def lossgen(options, *arguments):
    return subprocess.run([options.lossgen, *arguments], check=True, capture_output=True).stdout


def requests(options):
    """Name in the table -> arguments of emit."""
    names = [entry["name"] for entry in json.loads(lossgen(options, "list", "--json"))]
    table = {name: [name, *ARGUMENTS.get(name, [])] for name in names}
    table.update(EXTRA)
    if options.losses:
        wanted = options.losses.split(",")
        table = {name: arguments for name, arguments in table.items() if arguments[0] in wanted}
    return table


def domains(options, loss):
    description = json.loads(lossgen(options, "describe", loss, "--json"))
    return {i["name"]: i["domain"] for i in description["inputs"]}


def emit(options, path, arguments, size):
    """Writes the file, for sizes of its own if they are to be fixed."""
    lossgen(options, "emit", *arguments, "-o", path)
    if size != FIXED:
        return
    sizes = sizes_of(arguments[0], size)
    shapes = []
    for port in json.loads(lossgen(options, "show", path, "--format", "json"))["graph"]["inputs"]:
        shapes += ["--shape", port["name"] + "=" + ",".join(str(sizes.get(d, d)) for d in port["dims"])]
    lossgen(options, "emit", *arguments, *shapes, "-o", path)


def fastest_instructions():
    """The fastest of PyTorch's instruction sets: in some releases log1p for AVX-512 takes 10 times as long as for AVX2."""
    code = ("import time, torch\ntorch.set_num_threads(1)\nx = torch.rand(100000)\ntorch.log1p(x)\n"
            "t = time.perf_counter()\nfor _ in range(50): torch.log1p(x)\n"
            "print(torch.backends.cpu.get_cpu_capability(), time.perf_counter() - t)")
    found = {}
    for choice in ("", "avx2"):
        env = {**os.environ, **({"ATEN_CPU_CAPABILITY": choice} if choice else {})}
        name, seconds = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=env).stdout.split()
        found[choice] = (float(seconds), name)
    choice = "avx2" if found["avx2"][0] < 0.7 * found[""][0] else ""
    if choice:
        os.environ["ATEN_CPU_CAPABILITY"] = choice
    return found[choice][1]


def measure(options, path, loss, size, keep):
    """The fastest of a few processes: in some of them the memory that both get is slow to reach."""
    results = [process(options, path, loss, size, keep, compiled=not options.no_compile and size != FIXED)]
    results += [process(options, path, loss, size, keep, compiled=False) for _ in range(1, PROCESSES.get(size, 1) if keep else 1)]
    best = results[0]
    for name in best["times"]:
        best["times"][name] = min((r["times"][name] for r in results if name in r["times"]), key=lambda t: t["median"])
    return best


def process(options, path, loss, size, keep, compiled):
    request = {"threads": options.threads, "sizes": sizes_of(loss, size), "domains": domains(options, loss), "compile": compiled}
    done = subprocess.run([sys.executable, str(HERE / "measure.py"), path, json.dumps(request)],
                          capture_output=True, text=True, env={**os.environ, **(KEEP if keep else {})})
    if done.returncode != 0:
        raise RuntimeError(f"{loss} at {size}: {done.stderr.strip().splitlines()[-1]}")
    if done.stderr.strip():
        print(f"  {done.stderr.strip().splitlines()[-1][:160]}", file=sys.stderr)
    return json.loads(done.stdout)


def processor():
    try:
        for line in open("/proc/cpuinfo", encoding="utf-8"):
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def versions(options):
    import onnxruntime
    import torch
    return {"lossgen": lossgen(options, "version").decode().split()[-1], "onnxruntime": onnxruntime.__version__,
            "torch": torch.__version__, "python": platform.python_version(), "processor": processor(),
            "instructions": fastest_instructions(), "threads": options.threads, "system": f"{platform.system()} {platform.machine()}"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lossgen", default="lossgen")
    parser.add_argument("--losses", help="names, with commas (default: all)")
    parser.add_argument("--sizes", default=",".join(USUAL))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--kept-only", action="store_true", help="leave out the allocator as it comes")
    parser.add_argument("--out", type=pathlib.Path, default=HERE.parent / "docs" / "benchmarks")
    options = parser.parse_args()
    options.lossgen = os.path.abspath(shutil.which(options.lossgen) or parser.error(f"no command {options.lossgen}"))

    rows, found = [], versions(options)
    with tempfile.TemporaryDirectory() as folder:
        for name, arguments in requests(options).items():
            path = os.path.join(folder, "loss.onnx")
            for size in options.sizes.split(","):
                emit(options, path, arguments, size)
                for keep in ([True] if size in ("tiny", FIXED) or options.kept_only else [True, False]):
                    result = measure(options, path, arguments[0], size, keep)
                    rows.append({"loss": name, "size": size, "keep": keep, **result})
                    t = {k: v["median"] for k, v in result["times"].items()}
                    print(f"{name:34}{size:5}{'kept' if keep else 'default':8}" +
                          "".join(f"  {k} {v:.4g} ms" for k, v in t.items()) + f"  ratio {t['ort'] / t['eager']:.2f}", flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    write_report(options.out, found, rows)


if __name__ == "__main__":
    main()
