#!/usr/bin/env python3
"""The gradient of every parameter of whole models, exported from PyTorch in both ways that keep their
parameters, against PyTorch's autograd in float64.

    python exports.py --lossgen ../../lossgen [--models mlp,bert] [--opsets 17,20,23]

Each model runs at a batch (and, where the export leaves it open, a length) other than it was exported
at. A parameter passes when its gradient is no further from float64 than twice float32 PyTorch's own,
or 2e-6 of its largest element. One that is 0 in theory is compared with the largest of all. Where
BatchNormalization is in training, PyTorch's own is that of its worst parameter: rounding that turns the
sign of a Relu's input changes whole gradients, in any of them. Exits 1 on a difference.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import onnx
import onnxruntime
import torch

import nets
import vision


NETS = nets.NETS | vision.NETS


def legacy(net, path, opset):
    axes = {name: {0: "batch"} for name in net.inputs}
    torch.onnx.export(net.module, tuple(net.inputs.values()), path, dynamo=False, training=torch.onnx.TrainingMode.TRAINING,
                      do_constant_folding=False, input_names=list(net.inputs), output_names=["out"], dynamic_axes=axes, opset_version=opset)


def dynamo(net, path, opset):
    letters = {"batch": torch.export.Dim("batch"), "length": torch.export.Dim("length")}
    shapes = tuple({i: letters[axis] for i, axis in enumerate(net.open)} for _ in net.inputs)
    torch.onnx.export(net.module, tuple(net.inputs.values()), path, dynamo=True, optimize=False, verbose=False, input_names=list(net.inputs),
                      output_names=["out"], dynamic_shapes=shapes, external_data=False, opset_version=opset)


EXPORTS = {"legacy": legacy, "dynamo": dynamo}


def gradients(net, inputs, upstream, dtype):
    """Of the parameters that the file has, by name. A tied one counts once."""
    net.module.to(dtype)
    parameters = dict(net.module.named_parameters())
    y = net.module(*[x.to(dtype) if x.is_floating_point() else x for x in inputs])
    grads = torch.autograd.grad(y, list(parameters.values()), upstream(y).to(dtype))
    net.module.to(torch.float32)
    return dict(zip(parameters, [g.numpy() for g in grads]))


def names_in(path, net):
    """What the file calls each parameter: its own name, or of a tied one another of its names."""
    known = {i.name for i in onnx.load(path, load_external_data=False).graph.initializer}
    called = {}
    for name, parameter in net.module.named_parameters():
        same = [n for n, p in net.module.named_parameters(remove_duplicate=False) if p is parameter]
        called[name] = next(n for n in same if n in known)
    return called


def check(lossgen, net, export, opset, folder):
    """Lines of differences, and the worst error of a parameter beside PyTorch's."""
    path, out = os.path.join(folder, "net.onnx"), os.path.join(folder, "net_grad.onnx")
    net.module.train(export == "legacy")  # which writes BatchNormalization as it trains; of the other one the file would not be right
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        EXPORTS[export](net, path, opset)
    net.module.train(export == "legacy")
    called = names_in(path, net)
    done = subprocess.run([lossgen, "grad", path, "--wrt", ",".join(called.values()), "-o", out], capture_output=True, text=True, timeout=300)
    if done.returncode:
        return [done.stderr.strip()], 0, 0
    onnx.checker.check_model(onnx.load(out), full_check=True)
    session = onnxruntime.InferenceSession(out, providers=["CPUExecutionProvider"])
    inputs = net.other(export)

    def upstream(y):
        return torch.rand(y.shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
    exact, single = gradients(net, inputs, upstream, torch.float64), gradients(net, inputs, upstream, torch.float32)
    parameters = dict(net.module.named_parameters())
    feed = {called[n]: p.detach().numpy() for n, p in parameters.items()} | {n: x.numpy() for n, x in zip(net.inputs, inputs)}
    feed["grad_output"] = upstream(net.module(*inputs)).numpy()
    wanted = ["grad_" + called[n] for n in exact]
    got = dict(zip(exact, session.run(wanted, {i.name: feed[i.name] for i in session.get_inputs()})))
    largest = max(np.abs(g).max() for g in exact.values())
    bad, errors, owns = [], {}, {}
    for name, want in exact.items():
        scale = max(np.abs(want).max(), 1e-6 * largest)
        errors[name], owns[name] = np.abs(got[name] - want).max() / scale, np.abs(single[name] - want).max() / scale
    worst, torchs = max(errors.values()), max(owns.values())
    noisy = export == "legacy" and any(isinstance(m, torch.nn.modules.batchnorm._BatchNorm) for m in net.module.modules())
    for name, error in errors.items():
        own = torchs if noisy else owns[name]
        if not error <= max(2e-6, 2 * own):
            bad.append(f"{name} is off by {error:.2g}, PyTorch in float32 by {own:.2g}")
    return bad, worst, torchs


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lossgen", default="lossgen")
    parser.add_argument("--models", default=",".join(NETS), help="models, with commas (default: %(default)s)")
    parser.add_argument("--exports", default=",".join(EXPORTS))
    parser.add_argument("--opsets", default="17,18,20,23")
    options = parser.parse_args()
    lossgen = os.path.abspath(shutil.which(options.lossgen) or parser.error(f"no command {options.lossgen}"))
    bad = count = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in options.models.split(","):
            for export in options.exports.split(","):
                if export not in NETS[name].exports:
                    continue
                for opset in map(int, options.opsets.split(",")):
                    if (export == "legacy") != (opset < 18) and not (export == "legacy" and opset == 18):
                        continue  # the legacy exporter ends at 18 or 20, the other begins at 18
                    torch.manual_seed(0)
                    lines, worst, own = check(lossgen, NETS[name].make(), export, opset, folder)
                    count += 1
                    bad += bool(lines)
                    print(f"{name}, {export}, opset {opset}: off by {worst:.1e}, PyTorch in float32 by {own:.1e}", flush=True)
                    for line in lines[:5]:
                        print("    " + re.sub(r"\s+", " ", line))
    print(f"{count} exported models, {bad} with differences")
    return 1 if bad else 0


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(main())
