#!/usr/bin/env python3
"""Trains with PyTorch: the emitted file through its adapter, and PyTorch's own loss.

    python train_torch.py --lossgen ../lossgen
"""

import types

import torch
import torch.nn.functional as F

import train

OWN = {
    "cross_entropy": F.cross_entropy,
    "focal": lambda x, y: focal(F.cross_entropy(x, y, reduction="none")),
}


def focal(ce):
    return ((1 - torch.exp(-ce)) ** 2 * ce).mean()


def run(loss):
    """Losses of all steps and the final weights."""
    if isinstance(loss, types.ModuleType):
        loss = loss.Loss()
    w1, b1, w2, b2 = parameters = [torch.tensor(w, requires_grad=True) for w in train.weights()]
    optimizer = torch.optim.SGD(parameters, lr=train.RATE, momentum=train.MOMENTUM)
    losses = []
    for x, y in train.batches():
        optimizer.zero_grad()
        value = loss(torch.relu(torch.from_numpy(x) @ w1 + b1) @ w2 + b2, torch.from_numpy(y))
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return losses, [p.detach().numpy() for p in parameters]


if __name__ == "__main__":
    train.run("torch", run, OWN, __doc__)
