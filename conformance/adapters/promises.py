"""Runs the functions named check_... of a script, each with a function that emits and imports."""

import argparse
import importlib
import pathlib
import subprocess
import sys
import tempfile
import traceback


class Emitter:
    """Emits files with adapters into one folder and imports them."""

    def __init__(self, lossgen, folder, stack):
        self.lossgen, self.folder, self.stack, self.count = lossgen, pathlib.Path(folder), stack, 0
        sys.path.insert(0, folder)

    def __call__(self, *arguments):
        self.count += 1
        stem = f"file{self.count}"
        self.write(self.folder / f"{stem}.onnx", *arguments)
        importlib.invalidate_caches()
        return importlib.import_module(f"{stem}_{self.stack}")

    def stranger(self, loss, other):
        """The source for one loss, and the path of a file of another that has the same names and options."""
        module = self(loss)
        path = self.folder / f"stranger{self.count}" / f"{module.__name__.removesuffix('_' + self.stack)}.onnx"
        path.parent.mkdir()
        self.write(path, other)
        return module, str(path)

    def write(self, path, *arguments):
        subprocess.run([self.lossgen, "emit", *arguments, "-o", str(path), "--adapter", self.stack],
                       check=True, capture_output=True)


def raises(kind, text, call):
    """The call raises this kind of error, with this text in it."""
    try:
        call()
    except kind as e:
        assert text in str(e), f"the message is {e}"
        return
    raise AssertionError(f"no {kind.__name__}")


def main(stack, names, doc):
    p = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--lossgen", default="lossgen")
    p.add_argument("--only", default="", help="checks whose name has this")
    o = p.parse_args()
    failures = 0
    checks = [(n, f) for n, f in names.items() if n.startswith("check_") and o.only in n]
    with tempfile.TemporaryDirectory() as folder:
        emit = Emitter(o.lossgen, folder, stack)
        for name, check in checks:
            try:
                check(emit)
                print(f"ok    {name[6:]}")
            except Exception:
                failures += 1
                print(f"FAIL  {name[6:]}\n{traceback.format_exc()}")
    print(f"{len(checks) - failures} of {len(checks)} promises of the {stack} adapter hold")
    sys.exit(1 if failures else 0)
