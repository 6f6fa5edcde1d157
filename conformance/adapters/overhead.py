#!/usr/bin/env python3
"""Times one step (loss and gradient) of the PyTorch adapter against PyTorch's own loss.

    python overhead.py --lossgen ../lossgen

Prints the table of docs/torch.md: minima of alternating runs, since other load only adds.
"""

import tempfile
import time

import torch
import torch.nn.functional as F

import train

SIZES = [(32, 10, 4000), (4096, 1000, 60), (8192, 4096, 12)]  # rows, classes, repetitions


def focal(x, y):
    ce = F.cross_entropy(x, y, reduction="none")
    return ((1 - torch.exp(-ce)) ** 2 * ce).mean()


def seconds(loss, x, y):
    x.grad = None
    start = time.perf_counter()
    loss(x, y).backward()
    return time.perf_counter() - start


def fastest(losses, rows, classes, repetitions):
    """The shortest time of each loss, all measured in turn."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(rows, classes, generator=generator, requires_grad=True)
    y = torch.randint(0, classes, (rows,), generator=generator)
    times = [[seconds(loss, x, y) for loss in losses] for _ in range(repetitions)]
    return [min(column) for column in zip(*times)]


def main():
    lossgen = train.arguments(__doc__).parse_args().lossgen
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads\n")
    print("| loss | rows x classes | PyTorch | adapter | ratio |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, own in (("cross_entropy", F.cross_entropy), ("focal", focal)):
            ours = train.adapter(lossgen, folder, name, "torch").Loss()
            for rows, classes, repetitions in SIZES:
                native, file = fastest([own, ours], rows, classes, repetitions)
                print(f"| {name} | {rows} x {classes} | {native * 1e6:.0f} us | {file * 1e6:.0f} us | {file / native:.2f} |")


if __name__ == "__main__":
    main()
