#!/usr/bin/env python3
"""Trains with DistributedDataParallel where the processes have different numbers of labels.

    python ddp.py --lossgen ../lossgen

2 and 4 processes with gloo on the loopback device, digits, labels ignored unevenly: one
process may have none left. A file with `--reduction sum --normalizer` and Loss(group=...)
gives the gradients of one process on the whole batch; a mean per process does not.
"""

import os
import socket
import sys
import tempfile
import time

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

import train

STEPS = 30
EXACT = 2e-6  # float32 gradients summed in another order


def model():
    net = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) * 0.1)
    return net


def batches(world):
    """Whole batches; the share of ignored labels grows with the rank that gets the rows."""
    x, y = train.digits()
    random = np.random.RandomState(0)
    share = 16
    for step in range(STEPS):
        rows = random.choice(len(x), world * share, replace=False)
        labels = y[rows].copy()
        for rank in range(world):
            ignored = share if step % 5 == 4 and rank == world - 1 else 3 * rank + step % 3
            labels[rank * share : rank * share + ignored] = -100
        yield torch.from_numpy(x[rows]), torch.from_numpy(labels)


def gradients(net):
    return torch.cat([p.grad.flatten() for p in net.parameters()])


def steps(net, loss, world, rank=None):
    """Gradients and losses of all steps, on the whole batch or on a rank's part."""
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    found, losses = [], []
    for x, y in batches(world):
        if rank is not None:
            x, y = x.chunk(world)[rank], y.chunk(world)[rank]
        optimizer.zero_grad()
        value = loss(net(x), y)
        value.backward()
        found.append(gradients(net).clone())
        losses.append(value.detach())
        optimizer.step()
    return torch.stack(found), torch.stack(losses)


def process(rank, world, port, folder, results):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), GLOO_SOCKET_IFNAME="lo")
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=world)
    sys.path.insert(0, folder)
    import mean_torch
    import sum_torch
    for name, loss in (("mean", mean_torch.Loss()), ("sum", sum_torch.Loss(group=dist.group.WORLD))):
        found, losses = steps(torch.nn.parallel.DistributedDataParallel(model()), loss, world, rank)
        dist.all_reduce(losses)
        if rank == 0:
            torch.save((found, losses / world), f"{results}/{name}")
    leave()


def leave():
    """Ends the process without PyTorch's shutdown: in 2.15 gloo aborts there now and then,
    also with PyTorch's own losses. All results are written, and all peers have them."""
    dist.barrier()
    time.sleep(0.5)
    os._exit(0)


def distance(a, b):
    """The largest difference over the steps before the first NaN, and whether there is one."""
    clean = ~torch.isnan(a).flatten(1).any(1) if a.dim() > 1 else ~torch.isnan(a)
    return float((a[clean] - b[clean]).abs().max()), int((~clean).sum())


def check(lossgen, world):
    import subprocess
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for name, options in (("mean", []), ("sum", ["--reduction", "sum", "--normalizer"])):
            subprocess.run([lossgen, "emit", "cross_entropy", "-o", f"{folder}/{name}.onnx", "--adapter", "torch", *options],
                           check=True, capture_output=True)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        mp.spawn(process, (world, port, folder, folder), nprocs=world)
        whole = steps(model(), torch.nn.functional.cross_entropy, world)
        for name, what in (("sum", "sum file, Loss(group=...)"), ("mean", "mean file per process")):
            found = torch.load(f"{folder}/{name}")
            gradient, loss = distance(found[0], whole[0]), distance(found[1], whole[1])
            exact = max(gradient[0], loss[0]) <= EXACT and not gradient[1] + loss[1]
            print(f"{world} processes, {what:26} gradients differ by {gradient[0]:.1e}, losses by {loss[0]:.1e}, "
                  f"{loss[1]} of {STEPS} losses NaN: {'exact' if exact else 'not the whole batch'}")
            failed |= exact != (name == "sum")
    return failed


if __name__ == "__main__":
    lossgen = train.arguments(__doc__).parse_args().lossgen
    sys.exit(any([check(os.path.abspath(lossgen), world) for world in (2, 4)]))
