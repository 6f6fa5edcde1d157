"""Write the models and samples of this folder, and what PyTorch makes of them in float64.

    python make.py

Only PyTorch writes the numbers: losses of each epoch, those of validation, and the values of the best epoch.
"""

import copy
import json
import pathlib
import re
import warnings

import numpy as np
import torch
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent
EPOCHS, BATCH, SAMPLES, OTHERS = 4, 4, 11, 5  # the last batch is smaller, in both
OPTIMIZERS = {
    "sgd,lr=0.2": lambda p: torch.optim.SGD(p, 0.2),
    "adamw,lr=0.05": lambda p: torch.optim.AdamW(p, 0.05),
    "momentum,lr=0.9,momentum=0.95": lambda p: torch.optim.SGD(p, 0.9, 0.95),  # its best epoch is not the last
}


class Conv(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(1, 3, 3, bias=False), nn.BatchNorm2d(3), nn.Linear(12, 3)

    def forward(self, x):
        return self.head(torch.relu(self.norm(self.conv(x))).flatten(1))


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.head = nn.Linear(5, 6), nn.Linear(6, 3)

    def forward(self, x):
        return self.head(torch.tanh(self.fc(x)))


def losses(net, x, y, step=None):
    """The mean loss of all samples, batch by batch."""
    total = 0.0
    for at in range(0, len(x), BATCH):
        loss = nn.functional.cross_entropy(net(x[at:at + BATCH]), y[at:at + BATCH])
        if step:
            step.zero_grad()
            loss.backward()
            step.step()
        total += loss.item() * len(x[at:at + BATCH])
    return total / len(x)


def train(net, x, y, other_x, other_y, optimizer):
    net = copy.deepcopy(net).double()
    optimizer, epochs, values = optimizer(net.parameters()), [], []
    for _ in range(EPOCHS):
        net.train()
        loss = losses(net, x.double(), y, optimizer)
        net.eval()
        with torch.no_grad():
            epochs.append({"loss": loss, "validation": losses(net, other_x.double(), other_y)})
        values.append({n: array(v) for n, v in net.state_dict().items() if v.is_floating_point()})
    best = min(range(EPOCHS), key=lambda i: epochs[i]["validation"])
    return {"epochs": epochs, "best": best + 1, "values": values[best], "last": values[-1]}


def labels(x):
    return x.flatten(1)[:, :3].argmax(1)


def array(x):
    return [float(f"{v:.9g}") for v in x.double().flatten().tolist()]


def write(name, net, sizes):
    torch.onnx.export(net, torch.randn(2, *sizes), HERE / f"{name}.onnx", dynamo=False, training=torch.onnx.TrainingMode.TRAINING,
                      do_constant_folding=False, input_names=["x"], output_names=["out"], dynamic_axes={"x": {0: "batch"}})
    x, other_x = torch.randn(SAMPLES, *sizes), torch.randn(OTHERS, *sizes)
    data = [x, labels(x), other_x, labels(other_x)]
    for part, x in zip(("x", "y", "other_x", "other_y"), data):
        np.save(HERE / f"{name}_{part}.npy", x.numpy())
    case = {"torch": torch.__version__.split("+")[0], "runs": {text: train(net, *data, make) for text, make in OPTIMIZERS.items()}}
    text = json.dumps(case, indent=1)
    (HERE / f"{name}.json").write_text(re.sub(r"\n +(?=-?\d|\])", " ", text) + "\n")


warnings.simplefilter("ignore")
torch.manual_seed(1)
write("mlp", MLP(), (5,))
write("conv", Conv(), (1, 4, 4))
net = nn.Sequential(nn.Linear(5, 8), nn.Dropout(0.5), nn.Linear(8, 3))
torch.onnx.export(net, torch.randn(2, 5), HERE / "drop.onnx", dynamo=False, training=torch.onnx.TrainingMode.TRAINING,
                  do_constant_folding=False, input_names=["x"], output_names=["out"], dynamic_axes={"x": {0: "batch"}})
