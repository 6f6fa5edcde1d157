#!/usr/bin/env python3
"""Runs everything about the adapter of one Python stack.

    python stack.py --stack torch --lossgen ../lossgen

Random requests against PyTorch, the adapter's promises, training against the stack's own
loss, and the code of its page in docs. JAX and TensorFlow have requirements of their own, in
the folder environments: a folder here named jax would be imported as the package.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def commands(stack, requests, losses):
    yield ["adapters.py", "--stack", stack, "--requests", str(requests), "--losses", losses]
    yield [f"adapter_{stack}.py"]
    yield [f"train_{stack}.py"]
    if stack == "torch":
        yield ["ranks.py", "--losses", losses]
        yield ["ddp.py"]
    else:  # run.py runs the other pages
        yield ["../docs/docs.py", HERE.parents[1] / "docs" / f"{stack}.md"]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--lossgen", default="lossgen", help="the command (default: on the PATH)")
    p.add_argument("--stack", choices=["torch", "jax", "tensorflow"], default="torch")
    p.add_argument("--requests", type=int, default=5, help="random requests per loss")
    p.add_argument("--sample", type=int, default=1, metavar="N", help="take one loss of N; the seed says which")
    p.add_argument("--seed", type=int, default=0)
    o = p.parse_args()
    lossgen = os.path.abspath(shutil.which(o.lossgen) or p.error(f"no command {o.lossgen}"))
    if importlib.util.find_spec(o.stack) is None:
        sys.exit(f"{o.stack} is not installed: pip install -r conformance/adapters/environments/{o.stack}/requirements.txt")
    listed = json.loads(subprocess.run([lossgen, "list", "--json"], stdout=subprocess.PIPE, check=True).stdout)
    losses = ",".join([loss["name"] for loss in listed][o.seed % o.sample :: o.sample])
    failed = []
    for script, *rest in commands(o.stack, o.requests, losses):
        print(f"-- {script}", flush=True)
        if subprocess.run([sys.executable, str(HERE / script), *map(str, rest), "--lossgen", lossgen]).returncode:
            failed.append(script)
    print(f"{o.stack}: {', '.join(failed) + ' failed' if failed else 'the adapter agrees and keeps its promises'}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
