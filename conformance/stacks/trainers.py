#!/usr/bin/env python3
"""Trains a classifier of digits with the trainer of each language, as PyTorch does.

    python trainers.py --lossgen ../lossgen [--languages python,go]

scikit-learn's digits, 64-32-10 units, 100 steps of SGD on the same batches. The loss of each step, the
loss out of training and the values that are saved agree with PyTorch's within TOLERANCE. A language
whose toolchain is missing is reported as such, with the command that installs it.
"""

import argparse
import importlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
import torch

from stacks import CACHE, library

PROGRAMS = pathlib.Path(__file__).resolve().parent / "testdata" / "trainer"  # Go builds nothing in folders of this name
STEPS, BATCH, RATE = 100, 32, 0.5
TOLERANCE = 1e-4
LANGUAGES = ["python", "js", "go", "rust", "java", "cpp"]


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.head = torch.nn.Linear(64, 32), torch.nn.Linear(32, 10)

    def forward(self, x):
        return self.head(torch.tanh(self.fc(x)))


def pytorch(folder):
    """Exports the model, writes the batches, trains; returns the losses, the last loss and the values."""
    from sklearn.datasets import load_digits
    torch.manual_seed(0)
    torch.set_num_threads(1)
    net = Net()
    warnings.simplefilter("ignore")
    torch.onnx.export(net, torch.zeros(2, 64), folder / "digits.onnx", dynamo=False, training=torch.onnx.TrainingMode.TRAINING,
                      do_constant_folding=False, input_names=["x"], output_names=["logits"], dynamic_axes={"x": {0: "batch"}})
    x, y = load_digits(return_X_y=True)
    rows = np.random.RandomState(0).randint(len(x), size=(STEPS, BATCH))
    x, y = (x[rows] / 16).astype(np.float32), y[rows].astype(np.int64)
    x.tofile(folder / "x.bin")
    y.tofile(folder / "y.bin")
    optimizer, losses = torch.optim.SGD(net.parameters(), RATE), []
    for images, labels in zip(torch.from_numpy(x), torch.from_numpy(y)):
        loss = torch.nn.functional.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    last = torch.nn.functional.cross_entropy(net(torch.from_numpy(x[0])), torch.from_numpy(y[0])).item()
    return losses, last, {name: value.numpy() for name, value in net.state_dict().items()}


def values(path):
    """The float32 arrays of a safetensors file."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    return {name: np.frombuffer(data[start:][slice(*e["data_offsets"])], np.float32).reshape(e["shape"])
            for name, e in json.loads(data[8:start]).items() if e["dtype"] == "F32"}


def run(commands, folder, environment):
    for command in commands:
        subprocess.run(command, cwd=folder, env=environment, check=True, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)


NUMBERS = [str(STEPS), str(BATCH)]


def train_python(folder, cache, environment):
    shutil.copy(PROGRAMS / "main.py", folder)
    run([[sys.executable, "main.py", *NUMBERS]], folder, environment)


def train_js(folder, cache, environment):
    import stack_js
    shutil.copy(PROGRAMS / "main.mjs", folder)
    stack_js.install(cache, environment)
    os.symlink(cache / "node_modules", folder / "node_modules")
    for package in ("onnxruntime-web", "onnxruntime-node"):
        run([["node", "main.mjs", package, *NUMBERS]], folder, environment)
        yield


def train_go(folder, cache, environment):
    import stack_go
    shutil.copy(PROGRAMS / "main.go", folder)
    (folder / "training").mkdir()
    for file in folder.glob("digits_train*"):
        file.rename(folder / "training" / file.name)
    (folder / "go.mod").write_text("module digits\n\ngo 1.22\n")
    run([["go", "get", stack_go.BINDING], ["go", "vet", "./..."], ["go", "build", "-o", "digits", "."], ["./digits", *NUMBERS]], folder, environment)


def train_rust(folder, cache, environment):
    import stack_rust
    cache = cache.with_name("rust_trainer")
    source = cache / "src"
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    shutil.copy(PROGRAMS / "main.rs", source)
    for file in folder.glob("digits_train*"):
        shutil.copy(file, source)
    (cache / "Cargo.toml").write_text(stack_rust.MANIFEST.replace('half = "2"\n', "").replace(', "half"', "").replace("golden", "digits"))
    run([["cargo", "build", "--quiet"]], cache, stack_rust.variables(cache, environment))
    run([[cache / "target" / "debug" / "digits", *NUMBERS]], folder, environment)


def train_java(folder, cache, environment):
    import stack_java
    shutil.copy(PROGRAMS / "Main.java", folder)
    path = stack_java.classpath(cache, environment)
    run([["javac", "-Xlint:all", "-Werror", "-cp", path, "Main.java", "DigitsTrainer.java"], ["java", "-cp", f"{folder}:{path}", "Main", *NUMBERS]],
        folder, environment)


def train_cpp(folder, cache, environment):
    import stack_cpp
    shutil.copy(PROGRAMS / "main.cpp", folder)
    run([["g++", "-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-isystem", stack_cpp.header(environment), "main.cpp", "-o", "digits", "-ldl"],
         ["./digits", *NUMBERS]], folder, environment)


def missing(language):
    """What a language needs that is not here."""
    if language == "python":
        return None
    tools = importlib.import_module("stack_" + language).TOOLS
    return next((f"{tool} is missing, install it with: {how}" for tool, how in tools.items() if not shutil.which(tool)), None)


def check(language, lossgen, root):
    """Trains with one language; returns a line, and whether it failed."""
    if lacks := missing(language):
        return f"NOT RUN: {lacks}", False
    folder = root / language
    folder.mkdir()
    losses, last, wanted = pytorch(folder)
    subprocess.run([lossgen, "attach", "digits.onnx", "--loss", "cross_entropy", "--optimizer", f"sgd,lr={RATE}", "-o", "digits_train.onnx",
                    "--adapter", language], cwd=folder, check=True, capture_output=True)
    start = time.time()
    environment = os.environ | {"ORT_DYLIB_PATH": library() or ""}
    worst, runs = 0.0, globals()["train_" + language](folder, CACHE / language, environment)
    for _ in runs or [None]:
        got = np.loadtxt(folder / "losses.txt")
        assert got.shape == (STEPS,), f"{len(got)} losses"
        trained = values(folder / "trained.safetensors")
        errors = [np.abs(got - losses).max(), abs(float((folder / "evaluated.txt").read_text()) - last),
                  *(np.abs(trained[name] - value).max() for name, value in wanted.items())]
        worst = max(worst, *map(float, errors))
        for file in ("losses.txt", "evaluated.txt"):
            (folder / file).unlink()
    subprocess.run([lossgen, "apply", "digits.onnx", "trained.safetensors", "-o", "trained.onnx"], cwd=folder, check=True, capture_output=True)
    return f"{STEPS} steps, largest error {worst:.1e}, {time.time() - start:.0f} s", not worst <= TOLERANCE


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lossgen", default="lossgen")
    parser.add_argument("--languages", default=",".join(LANGUAGES))
    options = parser.parse_args()
    lossgen = os.path.abspath(shutil.which(options.lossgen) or parser.error(f"no command {options.lossgen}"))
    failures, skipped, languages = 0, [], options.languages.split(",")
    with tempfile.TemporaryDirectory() as folder:
        for language in languages:
            try:
                line, failed = check(language, lossgen, pathlib.Path(folder))
            except (subprocess.CalledProcessError, AssertionError, OSError) as e:
                output = getattr(e, "stderr", None) or b""
                line, failed = f"does not build, run or agree: {e}\n{output.decode(errors='replace')[-3000:]}", True
            failures += failed
            if line.startswith("NOT RUN"):
                skipped.append(language)
            print(f"{language:7} {line}", flush=True)
    print(f"{len(languages) - failures - len(skipped)} of {len(languages)} trainers train as PyTorch does"
          + (f"; not run: {', '.join(skipped)}" if skipped else ""))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
