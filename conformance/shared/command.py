"""The lossgen command, as a user runs it: list, describe and emit; and the sources that it writes."""

import importlib.util
import json
import subprocess


class Refused(Exception):
    """lossgen refused the request: exit 2 and one line."""


class Broken(Exception):
    """lossgen did what its contract rules out."""


class Lossgen:
    def __init__(self, path):
        self.path = path
        self.files = {}  # what emit answered, by its arguments
        self.descriptions = {}

    def run(self, *arguments):
        done = subprocess.run([self.path, *arguments], capture_output=True, timeout=120)
        errors = done.stderr.decode(errors="replace").strip()
        if done.returncode == 2 and errors.startswith("lossgen: ") and "\n" not in errors:
            raise Refused(errors)
        if done.returncode != 0:
            raise Broken(f"exit {done.returncode}: {errors[:500]}")
        return done.stdout

    def list(self):
        return [entry["name"] for entry in json.loads(self.run("list", "--json"))]

    def describe(self, loss):
        if loss not in self.descriptions:
            self.descriptions[loss] = json.loads(self.run("describe", loss, "--json"))
        return self.descriptions[loss]

    def emit(self, arguments, twice=False):
        """The bytes of the file for these arguments; the answer to equal ones is reused."""
        key = tuple(arguments)
        if key not in self.files:
            try:
                self.files[key] = self.run("emit", *arguments, "-o", "-")
            except Refused as e:
                self.files[key] = e
        answer = self.files[key]
        if isinstance(answer, Refused):
            raise answer
        if twice and self.run("emit", *arguments, "-o", "-") != answer:
            raise Broken("the same request gave other bytes")
        return answer


def load(path, name):
    """Imports a source file under a name of its own."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
