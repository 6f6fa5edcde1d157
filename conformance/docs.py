#!/usr/bin/env python3
"""Runs the code of documentation pages: every fenced block whose first line says `run`.

    python docs.py --lossgen ../lossgen ../docs/torch.md ../docs/jax.md

A page runs in an empty folder of its own with lossgen on the PATH. `sh run` blocks run in a
shell, `python run` blocks in one process per page, in order; `python run file=NAME` writes
a file that a later block runs.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import traceback

BLOCK = re.compile(r"^```(\w+) run(?: file=(\S+))?\n(.*?)^```$", re.M | re.S)


def run_page(page):
    """Runs the blocks of one page in the working directory; returns how many."""
    names = {"__name__": "__main__"}
    text = page.read_text()
    for number, block in enumerate(BLOCK.finditer(text), 1):
        language, file, code = block.groups()
        line = text[: block.start()].count("\n") + 2
        if file:
            pathlib.Path(file).write_text(code)
        elif language == "sh":
            done = subprocess.run(["bash", "-e", "-c", code], capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"{page.name}:{line}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        elif language == "python":
            exec(compile("\n" * (line - 1) + code, str(page), "exec"), names)
        else:
            raise ValueError(f"{page}:{line}: cannot run {language}")
    return number


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--lossgen", default="lossgen")
    p.add_argument("pages", nargs="+", type=pathlib.Path)
    o = p.parse_args()
    failures, home = 0, os.getcwd()
    commands = [pathlib.Path(o.lossgen).resolve().parent, pathlib.Path(sys.executable).parent]
    os.environ["PATH"] = os.pathsep.join([*map(str, commands), os.environ["PATH"]])
    for page in [p.resolve() for p in o.pages]:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            sys.path.insert(0, folder)
            try:
                print(f"{page.name}: {run_page(page)} blocks run")
            except Exception:
                failures += 1
                print(f"{page.name}: FAILED\n{traceback.format_exc()}")
            sys.path.remove(folder)
            os.chdir(home)
    print(f"{len(o.pages) - failures} of {len(o.pages)} pages run")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
