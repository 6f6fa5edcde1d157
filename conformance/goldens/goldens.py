#!/usr/bin/env python3
"""Runs every golden case with `lossgen verify`, on both engines and in four dtypes.

    python goldens.py --lossgen ../lossgen

Exits 1 when a case fails or an engine is missing.
"""

import argparse
import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys

import onnxruntime


def library():
    """The ONNX Runtime library of this Python, for a lossgen that finds no other."""
    folder = pathlib.Path(onnxruntime.__file__).parent / "capi"
    return str(next(iter(sorted(folder.glob("libonnxruntime*.so*"))), folder))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lossgen", default="lossgen")
    parser.add_argument("--losses", help="names, with commas (default: all)")
    options = parser.parse_args()
    lossgen = os.path.abspath(shutil.which(options.lossgen) or parser.error(f"no command {options.lossgen}"))
    environment = {"LOSSGEN_ORT_LIBRARY": library(), **os.environ}
    done = subprocess.run([lossgen, "verify", *(options.losses.split(",") if options.losses else []), "--engine", "all", "--json"], stdout=subprocess.PIPE, env=environment)
    reports = json.loads(done.stdout)
    runs, skipped, failed = collections.Counter(), 0, 0
    for report in reports:
        for check in report["checks"]:
            runs[check["engine"], check["dtype"]] += check["cases"]
            skipped += check["skipped"]
            failed += check["failed"]
            for text in check.get("failures", []):
                print(f"{report['subject']}: {check['engine']} {check['dtype']}: {text}")
    for (engine, dtype), n in runs.items():
        print(f"{engine:12}{dtype:10}{n:6}")
    print(f"{sum(runs.values())} runs of golden cases of {len(reports)} losses on {len({e for e, _ in runs})} engines "
          f"in {len({d for _, d in runs})} dtypes, {skipped} not possible; {failed} failed")
    return 1 if failed or done.returncode or len({e for e, _ in runs}) < 2 else 0


if __name__ == "__main__":
    sys.exit(main())
