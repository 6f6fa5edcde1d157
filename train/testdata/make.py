"""Write the models of this folder, and what torch.optim makes of two of them in float64.

    python make.py [dynamo]

Only PyTorch writes the numbers. The exports named *_eval, *_dynamo and constants have lost what
training needs: each stands for a warning. Those of dynamo=True are written on demand, with the package onnxscript.
"""

import copy
import json
import pathlib
import re
import sys
import warnings

import onnx
import torch
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent
STEPS = 4
OPTIMIZERS = {
    "sgd,lr=0.1,weight_decay=0.01": lambda p: torch.optim.SGD(p, 0.1, weight_decay=0.01),
    "momentum,lr=0.1,momentum=0.8,weight_decay=0.01": lambda p: torch.optim.SGD(p, 0.1, 0.8, weight_decay=0.01),
    "nesterov,lr=0.1,momentum=0.8,weight_decay=0.01": lambda p: torch.optim.SGD(p, 0.1, 0.8, weight_decay=0.01, nesterov=True),
    "adam,lr=0.05,beta1=0.8,eps=0.001,weight_decay=0.01": lambda p: torch.optim.Adam(p, 0.05, (0.8, 0.999), 1e-3, 0.01),
    "adamw,lr=0.05,beta2=0.99": lambda p: torch.optim.AdamW(p, 0.05, (0.9, 0.99)),
}
CLIP = 0.5


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.head = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x):
        return self.head(torch.tanh(self.fc(x)))


class ConvNet(nn.Module):
    """Convolutions without a bias in front of normalization: its gradient is 0, of which Adam makes a step from rounding."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4)
        self.deep, self.deep_norm = nn.Conv2d(4, 4, 3, stride=2, bias=False), nn.BatchNorm2d(4, momentum=0.3)
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        x = torch.relu(self.norm(self.conv(x)))
        return self.head(torch.relu(self.deep_norm(self.deep(x))).flatten(1))


class Zeros(nn.Module):
    """Two biases of equal values."""

    def __init__(self):
        super().__init__()
        self.fc, self.head = nn.Linear(4, 3), nn.Linear(3, 3)
        nn.init.zeros_(self.fc.bias)
        nn.init.zeros_(self.head.bias)

    def forward(self, x):
        return self.head(torch.relu(self.fc(x)))


class Constants(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.weight = nn.Linear(4, 3), torch.randn(3, 2)

    def forward(self, x):
        return self.fc(x) @ self.weight


def export(name, net, x, training=False, dynamo=False):
    path = HERE / f"{name}.onnx"
    if dynamo:
        torch.onnx.export(net, (x,), path, dynamo=True, external_data=False, input_names=["x"], output_names=["out"],
                          dynamic_shapes=({0: "batch"},))
        model = onnx.load(path)
        for part in [model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer]:
            del part.metadata_props[:]  # where in the source each comes from
        onnx.save(model, path)
        return
    mode = torch.onnx.TrainingMode.TRAINING if training else torch.onnx.TrainingMode.EVAL
    torch.onnx.export(net, (x,), path, dynamo=False, training=mode, do_constant_folding=not training, input_names=["x"],
                      output_names=["out"], dynamic_axes={"x": {0: "batch"}})


def loss_of(net, x, target):
    return nn.functional.cross_entropy(net(x), target, label_smoothing=0.1)


def train(net, batches, optimizer, clip):
    """The losses of some steps, and what they leave."""
    net = copy.deepcopy(net).double().train()
    optimizer, losses = optimizer(net.parameters()), []
    for x, target in batches:
        loss = loss_of(net, x.double(), target)
        optimizer.zero_grad()
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(net.parameters(), clip)
        optimizer.step()
        losses.append(loss.item())
    net.eval()
    values = {n: array(v) for n, v in net.state_dict().items() if v.is_floating_point()}
    x, target = batches[0]
    return {"clip": clip, "losses": losses, "values": values, "evaluated": loss_of(net, x.double(), target).item()}


def write(name, net, sizes):
    export(name, net, torch.randn(2, *sizes), training=True)
    batches = [(torch.randn(5, *sizes), torch.randint(0, 3, (5,))) for _ in range(STEPS)]
    runs = {text: train(net, batches, make, 0) for text, make in OPTIMIZERS.items()}
    runs["sgd,lr=0.2"] = train(net, batches, lambda p: torch.optim.SGD(p, 0.2), CLIP)
    case = {"torch": torch.__version__.split("+")[0], "batches": [{"x": array(x), "target": array(t)} for x, t in batches], "runs": runs}
    lines = json.dumps(case, indent=1)
    for space in range(9, 1, -1):  # the numbers of a list on one line
        lines = lines.replace("\n" + " " * space + "]", "]")
    (HERE / f"{name}.json").write_text(re.sub(r"\n +(?=-?\d)", " ", lines) + "\n")


def array(x):
    return {"dims": list(x.shape), "values": [float(f"{v:.9g}") for v in x.detach().double().flatten().tolist()]}


def export_outside(name, of):
    """A model whose weights are in a file beside it."""
    onnx.save(onnx.load(HERE / f"{of}.onnx"), HERE / f"{name}.onnx", save_as_external_data=True, location=f"{name}.bin", size_threshold=0)


warnings.simplefilter("ignore")
torch.manual_seed(0)
write("mlp", MLP(), (6,))
write("conv", ConvNet(), (1, 8, 8))
export("conv_eval", ConvNet().eval(), torch.randn(2, 1, 8, 8))
export("zeros_eval", Zeros().eval(), torch.randn(2, 4))
export("drop", nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 3)), torch.randn(2, 4), training=True)
export("constants", Constants(), torch.randn(2, 4), training=True)
export_outside("mlp_outside", "mlp")
if "dynamo" in sys.argv[1:]:
    export("conv_dynamo", ConvNet().eval(), torch.randn(2, 1, 8, 8), dynamo=True)
    norms = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.ReLU(), nn.Linear(4, 4), nn.LayerNorm(4))
    export("norms_dynamo", norms.eval(), torch.randn(2, 4), dynamo=True)
