"""Trains a model twice from the same seed, with a file's loss and with PyTorch's, and compares."""

import argparse
import importlib.util
import pathlib
import subprocess
import tempfile

import torch

HERE = pathlib.Path(__file__).parent


def emitted(name, dtype):
    """Emits NAME.yaml with its adapter and returns the adapter's Loss, ready to be called."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lossgen", default="lossgen", help="the command (default: on the PATH)")
    lossgen = parser.parse_args().lossgen
    folder = pathlib.Path(tempfile.mkdtemp())
    subprocess.run([lossgen, "emit", "--config", HERE / f"{name}.yaml", "-o", folder / f"{name}.onnx",
                    "--dtype", str(dtype).removeprefix("torch."), "--adapter", "torch"],
                   check=True, stderr=subprocess.DEVNULL)
    spec = importlib.util.spec_from_file_location(f"{name}_torch", folder / f"{name}_torch.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Loss()


def train(make_model, loss_of, steps, beside=None):
    """Returns the losses of all steps and the model. beside is another loss: how far its value
    and gradients are from the first one's, at the same weights, is the third result."""
    torch.manual_seed(0)
    model = make_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses, apart = [], 0.0
    for step in range(steps):
        results = []
        for f in [beside, loss_of] if beside else [loss_of]:
            torch.manual_seed(step)
            optimizer.zero_grad()
            loss = f(model)
            loss.backward()
            results.append([loss.detach(), *(p.grad.clone() for p in model.parameters())])
        apart = max(apart, *((x - y).abs().max().item() for x, y in zip(results[0], results[-1])))
        optimizer.step()
        losses.append(results[-1][0].item())
    return torch.tensor(losses), model, apart


def compare(name, make_model, with_file, with_torch):
    """Two trainings of their own, and value and gradients along one of them. Where a training
    is chaotic, as that of boxes is, the last bit decides where it is after some hundred steps:
    PyTorch then differs from itself, and only the second comparison says something."""
    torch.set_num_threads(1)  # sums in one order
    for dtype, steps, within in [(torch.float32, 10, 1e-5), (torch.float64, 60, 1e-9)]:
        torch.set_default_dtype(dtype)
        criterion = emitted(name, dtype)
        mine = lambda model: with_file(criterion, model)
        a, left, _ = train(make_model, mine, steps)
        b, right, _ = train(make_model, with_torch, steps)
        losses = (a - b).abs().max().item()
        weights = max((p - q).abs().max().item() for p, q in zip(left.parameters(), right.parameters()))
        c, _, apart = train(make_model, with_torch, 300, beside=mine)
        print(f"{name} {dtype}: {steps} steps apart from PyTorch: losses within {losses:.1e}, weights within "
              f"{weights:.1e}; 300 steps beside it, loss {c[0]:.3f} to {c[-1]:.3f}: value and gradients within {apart:.1e}")
        if not (losses <= within and weights <= within and apart <= 100 * within and c[-1] < c[0]):
            raise SystemExit(f"{name}: the trainings differ by more than {within}")
