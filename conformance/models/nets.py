"""Networks with random weights, small enough for a test."""

import dataclasses

import torch
import torch.nn.functional as F
from torch import nn


@dataclasses.dataclass
class Net:
    module: nn.Module
    inputs: dict  # as it is exported
    open: list  # what each axis of the inputs is: batch, length; those beyond are fixed

    def other(self, export):
        """Inputs of another batch; the legacy exporter fixes the length."""
        sizes = {"batch": 5, "length": 7 if export == "dynamo" else None}
        out = []
        for x in self.inputs.values():
            shape = [sizes[self.open[i]] or n if i < len(self.open) else n for i, n in enumerate(x.shape)]
            out.append(torch.randn(shape) if x.is_floating_point() else torch.randint(1, 100, shape))
        return out


@dataclasses.dataclass
class Spec:
    make: object
    exports: tuple = ("legacy", "dynamo")


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(64, 128), nn.Linear(128, 128), nn.Linear(128, 10)

    def forward(self, x):
        return self.c(F.gelu(self.b(torch.relu(self.a(x)))))


def mlp():
    return Net(MLP(), {"x": torch.randn(4, 64)}, ["batch"])


def encoder():
    layer = nn.TransformerEncoderLayer(64, 4, 128, dropout=0.0, batch_first=True)
    return Net(nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), {"x": torch.randn(4, 11, 64)}, ["batch", "length"])


class Part(nn.Module):
    """One output of a model of Hugging Face."""

    def __init__(self, model, output="logits"):
        super().__init__()
        self.model, self.output = model, output
        for module in self.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0

    def forward(self, ids):
        return getattr(self.model(input_ids=ids), self.output)


def transformer(kind, config, output="logits", **options):
    """A model of Hugging Face of 2 layers of 64, by the names of its classes."""
    def make():
        import transformers
        made = getattr(transformers, config)(vocab_size=100, attn_implementation="eager", **options)
        return Net(Part(getattr(transformers, kind)(made), output), {"ids": torch.randint(1, 100, (2, 9))}, ["batch", "length"])
    return make


NETS = {
    "mlp": Spec(mlp), "encoder": Spec(encoder),
    "bert": Spec(transformer("BertForSequenceClassification", "BertConfig", hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128)),
    "distilbert": Spec(transformer("DistilBertForSequenceClassification", "DistilBertConfig", dim=64, n_layers=2, n_heads=4, hidden_dim=128)),
    # The legacy exporter knows no aten::diff, and the other cannot export T5.
    "gpt2": Spec(transformer("GPT2LMHeadModel", "GPT2Config", n_embd=64, n_layer=2, n_head=4, n_positions=64, use_cache=False), ("dynamo",)),
    "llama": Spec(transformer("LlamaForCausalLM", "LlamaConfig", hidden_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                              intermediate_size=128, use_cache=False), ("dynamo",)),
    "t5": Spec(transformer("T5EncoderModel", "T5Config", "last_hidden_state", d_model=64, num_layers=2, num_heads=4, d_ff=128, d_kv=16, dropout_rate=0.0), ("legacy",)),
}
