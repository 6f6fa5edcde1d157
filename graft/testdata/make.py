"""Write the models of this folder, and what PyTorch's autograd in float64 gives as their gradients.

    python make.py

Each model is exported at one batch and has its numbers at another. Only PyTorch writes them.
"""

import json
import pathlib
import warnings

import torch
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.head = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x):
        return self.head(nn.functional.gelu(self.fc(x)))


class Words(nn.Module):
    """An embedding whose table is also the head, one layer of a Transformer, and a mask."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(7, 4)
        self.layer = nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0, batch_first=True, norm_first=True)

    def forward(self, ids):
        x = self.layer(self.table(ids))
        return torch.where(ids.unsqueeze(-1) == 0, torch.zeros(1), x @ self.table.weight.T)


class SoftDice(nn.Module):
    def forward(self, input, target):
        p = torch.sigmoid(input)
        both, total = (p * target).sum((1, 2)), p.sum((1, 2)) + target.sum((1, 2))
        return (1 - (2 * both + 1) / (total + 1)).mean()


def write(name, net, exported, inputs, axes):
    """inputs are those of the run. Gradients are those of the parameters, or of the first input."""
    names = list(inputs)
    torch.onnx.export(net, exported, HERE / f"{name}.onnx", dynamo=False, training=torch.onnx.TrainingMode.TRAINING, do_constant_folding=False,
                      input_names=names, output_names=["out"], dynamic_axes={n: axes for n in names})
    net.double()
    run = {n: x.double() if x.is_floating_point() else x for n, x in inputs.items()}
    wrt = dict(net.named_parameters())
    if not wrt:
        run[names[0]].requires_grad_()
        wrt = {names[0]: run[names[0]]}
    out = net(*run.values())
    above = (torch.rand(out.shape, dtype=torch.float64) * 2 - 1).float().double() if out.ndim else torch.ones((), dtype=torch.float64)
    grads = torch.autograd.grad(out, list(wrt.values()), above)
    arrays = {**inputs, **dict(net.named_parameters())} | ({"grad_output": above} if out.ndim else {})
    case = {"torch": torch.__version__.split("+")[0], "inputs": {n: array(x) for n, x in arrays.items()},
            "outputs": {"out": array(out)} | {"grad_" + n: array(g) for n, g in zip(wrt, grads)}}
    lines = json.dumps(case, indent=1).replace("\n    ", "").replace("\n   ]", "]")
    (HERE / f"{name}.json").write_text(lines + "\n")


def array(x):
    return {"dims": list(x.shape), "values": [float(f"{v:.9g}") for v in x.detach().double().flatten().tolist()]}


warnings.simplefilter("ignore")
torch.manual_seed(0)
write("mlp", MLP(), (torch.randn(2, 6),), {"x": torch.randn(5, 6)}, {0: "batch"})
write("words", Words(), (torch.randint(0, 7, (2, 5)),), {"ids": torch.randint(0, 7, (3, 5))}, {0: "batch"})
write("dice", SoftDice(), (torch.randn(2, 4, 4), torch.rand(2, 4, 4)), {"input": torch.randn(3, 2, 5), "target": torch.rand(3, 2, 5)}, {0: "N", 1: "H", 2: "W"})
