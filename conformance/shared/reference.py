"""PyTorch's side: the file's published expression, evaluated with autograd."""

import contextlib
import functools
import math
import unittest.mock
import warnings

import numpy as np
import torch
import torch.nn.functional as F
import torchvision.ops as tv

DISTINCT = 1e-6  # of two values, relative: the sides of a kink have fewer differences

# Expected warnings of correct calls: broadcast operands, and KL divergence's plain mean.
EXPECTED_WARNINGS = [
    r"Using a target size .* that is different to the input size",
    r"reduction: 'mean' divides the total loss by both the batch size",
]


def prepare():
    torch.set_num_threads(1)
    for message in EXPECTED_WARNINGS:
        warnings.filterwarnings("ignore", message)


def evaluate(code, arrays, gradients, dtype):
    """loss and grad_<name> as numpy arrays; raises what PyTorch raises."""
    inputs = {}
    for name, array in arrays.items():
        x = torch.from_numpy(np.array(array))
        inputs[name] = x.to(dtype) if x.is_floating_point() else x
        if name in gradients:
            inputs[name].requires_grad_()
    loss = eval(code, {"torch": torch, "F": F, "tv": tv, "math": math, "functools": functools, "inf": math.inf, **inputs})
    outputs = {"loss": loss.detach().numpy()}
    if gradients:
        wanted = [inputs[name] for name in gradients]
        upstream = inputs.get("grad_output")
        if upstream is None:
            upstream = torch.ones_like(loss)
        found = [None] * len(wanted)
        if loss.requires_grad:
            found = torch.autograd.grad(loss, wanted, upstream, allow_unused=True)
        for name, x, g in zip(gradients, wanted, found):
            outputs["grad_" + name] = (torch.zeros_like(x) if g is None else g).numpy()
    return outputs


@contextlib.contextmanager
def any_order(random, unit):
    """Sorts put values that a rounding may exchange in any order."""
    own = torch.Tensor.sort

    def sort(x, dim=-1, **options):
        near = unit * torch.from_numpy(random.standard_normal(x.shape)) * x.detach().abs().clamp(min=1)
        order = own(x.detach() + near.nan_to_num(0, 0, 0), dim=dim, **options).indices
        return torch.return_types.sort((x.gather(dim, order), order))

    with unittest.mock.patch.object(torch.Tensor, "sort", sort):
        yield


class Reference:
    """The expression of one file."""

    def __init__(self, text, gradients, dtype):
        self.code = compile(text, "<lossgen.reference>", "eval")
        # A float32 loss converts its inputs, which the float64 run must not.
        self.wide = compile(text.replace(".float()", ".double()"), "<lossgen.reference>", "eval")
        self.gradients = gradients
        self.dtype = torch.float32 if dtype == np.float32 else torch.float64

    def same_dtype(self, arrays):
        return evaluate(self.code, arrays, self.gradients, self.dtype)

    def double(self, arrays):
        return evaluate(self.wide, arrays, self.gradients, torch.float64)

    def nearby(self, arrays, ulp, noise, draws=6):
        """The float64 outputs for inputs that are moved by noise(random, shape) units in the last
        place, and where what is sorted moves by two."""
        random = np.random.RandomState(0)
        for _ in range(draws):
            noisy = {}
            for name, x in arrays.items():
                if np.issubdtype(x.dtype, np.floating):
                    with np.errstate(all="ignore"):
                        x = x.astype(np.float64) * (1 + ulp * noise(random, x.shape))
                noisy[name] = x
            try:
                with any_order(random, 2 * ulp):
                    outputs = self.double(noisy)
            except Exception:  # noise left PyTorch's domain, such as a probability above 1
                continue
            yield outputs

    def lost(self, arrays):
        """Where the float64 outputs have no digits: each of several draws of the last bits gives another number."""
        found = list(self.nearby(arrays, torch.finfo(torch.float64).eps, lambda random, shape: 64 * random.uniform(-1, 1, size=shape)))
        lost = {}
        for name in found[0] if found else ():
            values = np.sort([outputs[name] for outputs in found], axis=0)
            with np.errstate(all="ignore"):
                apart = np.diff(values, axis=0) > DISTINCT * np.abs(values[:-1])
            lost[name] = (len(found) > 4) & apart.all(axis=0)
        return lost

    def sensitivity(self, arrays, double):
        """How far the float64 outputs move when the inputs move by half a unit in
        the last place of the file's dtype, and what is sorted by two: what no
        implementation can do better than."""
        moved = {name: np.zeros_like(x) for name, x in double.items()}
        for outputs in self.nearby(arrays, torch.finfo(self.dtype).eps, lambda random, shape: random.choice([-0.5, 0.5], size=shape)):
            with np.errstate(all="ignore"):
                for name in moved:
                    step = np.abs(outputs[name] - double[name])
                    moved[name] = np.fmax(moved[name], np.where(np.isfinite(step), step, 0))
        return moved
