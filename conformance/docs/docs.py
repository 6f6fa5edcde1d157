#!/usr/bin/env python3
"""Runs the code of documentation pages: every fenced block whose first line says `run`.

    python docs.py --lossgen ../lossgen [../README.md ../docs/torch.md ...]

Without names, README.md and every page in docs with such blocks. A page runs in an empty folder
of its own with lossgen on the PATH; README.md in a copy of the project. Each block is a process
of its own, `sh run` in a shell and `python run` in Python, must exit with 0 and print something: a
reader has to see that it worked. `LANGUAGE run file=NAME` writes a file that a later block runs.
A page whose toolchain is missing is named at the end, with what installs it.
"""

import argparse
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
sys.path.append(str(HERE.parent / "stacks"))
BLOCK = re.compile(r"^```(\w+) run(?: file=(\S+))?\n(.*?)^```$", re.M | re.S)
# Pages of stacks whose tools and caches stack_*.py knows, and of frameworks with an environment of their own.
STACKS = {"go": "go", "cpp": "cpp", "rust": "rust", "java": "java", "javascript": "js"}
FRAMEWORKS = ["torch", "jax", "tensorflow"]
TIMEOUT = 900


def missing(page):
    """What a page needs and is not here, with how to get it; or None."""
    if page.stem in STACKS:
        tools = importlib.import_module("stack_" + STACKS[page.stem]).TOOLS
        absent = [f"{tool} ({how})" for tool, how in tools.items() if not shutil.which(tool)]
        return ", ".join(absent) or None
    if page.stem in FRAMEWORKS and not python(page):
        return f"{page.stem} (make conformance/adapters/environments/{page.stem}/.venv/installed)"
    return None


def python(page):
    """The Python that has what a page needs, or None."""
    own = HERE.parent / "adapters" / "environments" / page.stem / ".venv" / "bin" / "python"
    if own.exists():
        return str(own)
    known = page.stem not in FRAMEWORKS or importlib.util.find_spec(page.stem)
    return sys.executable if known else None


def variables(page, lossgen):
    """What a page's blocks find in their environment."""
    found = dict(os.environ)
    if page.stem in STACKS:
        import stacks
        stack = STACKS[page.stem]
        found = importlib.import_module("stack_" + stack).variables(stacks.CACHE / stack, found)
    path = [pathlib.Path(lossgen).resolve().parent, pathlib.Path(python(page)).parent]
    return found | {"PATH": os.pathsep.join([*map(str, path), found["PATH"]])}


def run_page(page, folder, environment):
    """Runs the blocks of one page in a folder; returns how many."""
    text = page.read_text()
    number = 0
    for number, block in enumerate(BLOCK.finditer(text), 1):
        language, file, code = block.groups()
        where = f"{page.name}:{text[: block.start()].count(chr(10)) + 2}"
        if file:
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(code)
            continue
        if language not in ("sh", "python"):
            raise RuntimeError(f"{where}: cannot run {language}")
        command = ["bash", "-e", "-c", code] if language == "sh" else ["python", "-c", code]
        done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT)
        if done.returncode:
            raise RuntimeError(f"{where}: exit {done.returncode}\n{done.stdout}")
        if not done.stdout.strip():
            raise RuntimeError(f"{where}: prints nothing")
    return number


def copy_project(folder):
    files = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, check=True).stdout
    tar = subprocess.Popen(["tar", "c", "--null", "-T", "-"], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    unpack = subprocess.Popen(["tar", "x"], cwd=folder, stdin=tar.stdout)
    tar.stdin.write(files)
    tar.stdin.close()
    if tar.wait() or unpack.wait():
        raise RuntimeError("the project cannot be copied")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--lossgen", default="lossgen")
    p.add_argument("pages", nargs="*", type=pathlib.Path)
    o = p.parse_args()
    lossgen = shutil.which(o.lossgen) or p.error(f"no command {o.lossgen}")
    pages = [page.resolve() for page in o.pages] or [
        page for page in [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))] if BLOCK.search(page.read_text())]
    failed, absent = [], []
    for page in pages:
        lacks = missing(page)
        if lacks:
            absent.append(f"{page.name}: {lacks}")
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                if page.name == "README.md":
                    copy_project(folder)
                print(f"{page.name}: {run_page(page, pathlib.Path(folder), variables(page, lossgen))} blocks run", flush=True)
            except (RuntimeError, subprocess.TimeoutExpired) as e:
                failed.append(page.name)
                print(f"{page.name}: FAILED\n{e}", flush=True)
    print(f"{len(pages) - len(failed) - len(absent)} of {len(pages)} pages run" + (f"; NOT RUN: {'; '.join(absent)}" if absent else ""))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
