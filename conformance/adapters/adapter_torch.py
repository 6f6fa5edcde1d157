#!/usr/bin/env python3
"""Checks what the PyTorch adapter promises beside right numbers.

    python adapter_torch.py --lossgen ../lossgen

Gradient modes, subsets of gradients, memory order, other ranks, autocast, compiled models,
copies, errors, and what is shared instead of copied. Each check is a function below.
"""

import copy
import pathlib
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor

import torch
import torch.nn.functional as F

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "shared"))
import promises
from command import load
from promises import raises


def equal(a, b, tolerance=2e-6):
    assert a.shape == b.shape and a.dtype == b.dtype, f"{a.dtype}{list(a.shape)} for {b.dtype}{list(b.shape)}"
    assert torch.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True), f"off by {(a - b).abs().max()}"


def logits(*shape, **kw):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), **kw).requires_grad_()


def labels(*shape, classes=5):
    y = torch.randint(0, classes, shape, generator=torch.Generator().manual_seed(2))
    y.view(-1)[:1] = -100
    return y


def same_step(ours, theirs, inputs, wanted):
    """The two give one loss and one gradient per wanted input, with an upstream factor."""
    copies = [{k: x.detach().clone().requires_grad_(k in wanted) for k, x in inputs.items()} for _ in range(2)]
    values = [f(**c) for f, c in zip((ours, theirs), copies)]
    equal(values[0].detach(), values[1].detach())
    for v in values:
        (v * 3).sum().backward()
    for name in wanted:
        equal(copies[0][name].grad, copies[1][name].grad)


# ---- checks ----

def check_counts_in_16_bits(emit):
    """A count arrives in float32, and a float32 loss takes scales that 16 bits do not hold."""
    for dtype, name in ((torch.float16, "float16"), (torch.bfloat16, "bfloat16")):
        x = torch.linspace(-2, 2, 24, dtype=dtype).reshape(4, 6).requires_grad_()
        total = F.mse_loss(x.detach().float(), torch.zeros(4, 6), reduction="sum")
        for count in (4390.0, 70001.0):
            for extra in ((), ("--loss-dtype", "float32")):
                loss = emit("mse", "--dtype", name, "--with", "normalizer", *extra).Loss()
                value = loss(x, torch.zeros(4, 6, dtype=dtype), normalizer=torch.tensor(count))
                assert value.dtype == (torch.float32 if extra else dtype)
                equal(value.detach().float(), (total / count).to(value.dtype).float())
        x.grad = None
        (value * 2.0**17).backward()
        equal(x.grad, (2 * x.detach().float() / 70001 * 2.0**17).to(dtype), 2e-2)


def check_group_in_16_bits(emit):
    """The mean over processes divides by more losses than 16 bits count, and so does its gradient."""
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    try:
        for dtype, name in ((torch.float16, "float16"), (torch.bfloat16, "bfloat16")):
            x = torch.linspace(-1, 1, 90000).to(dtype).reshape(300, 300).requires_grad_()
            loss = emit("mse", "--dtype", name, "--reduction", "sum", "--normalizer").Loss
            value = loss(group=torch.distributed.group.WORLD)(x, torch.zeros_like(x))
            value.backward()
            exact = x.detach().double()
            equal(value.detach().double(), exact.square().mean(), 1e-2)
            equal(x.grad.double() * 90000, 2 * exact, 2e-2)
            assert loss()(x, torch.zeros_like(x)).dtype == dtype
    finally:
        torch.distributed.destroy_process_group()


def check_no_grad(emit):
    loss = emit("cross_entropy").Loss()
    x, y = logits(4, 5), labels(4)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            value = loss(x, y)
        assert not value.requires_grad
        equal(value.clone(), F.cross_entropy(x, y).detach())
    assert not loss(x.detach(), y).requires_grad


def check_subset_of_gradients(emit):
    loss = emit("huber", "--grad", "input,target").Loss()
    inputs = {"input": logits(4, 5), "target": logits(4, 5) * 2}
    for wanted in (["input"], ["target"], ["input", "target"]):
        same_step(loss, F.huber_loss, inputs, wanted)


def check_gradient_not_in_file(emit):
    loss = emit("mse").Loss()
    raises(ValueError, "target requires a gradient", lambda: loss(logits(2, 3), logits(2, 3)))
    with torch.no_grad():
        loss(logits(2, 3), logits(2, 3))


def check_forward_file(emit):
    value = emit("mse", "--grad", "none").Loss()(logits(2, 3), torch.zeros(2, 3))
    assert not value.requires_grad


def check_several_inputs(emit):
    names = ["anchor", "positive", "negative"]
    inputs = {n: logits(4, 3) * (i + 1) for i, n in enumerate(names)}
    same_step(emit("triplet_margin").Loss(), F.triplet_margin_loss, inputs, names)
    same_step(emit("triplet_margin", "--reduction", "none").Loss(),
              lambda **kw: F.triplet_margin_loss(**kw, reduction="none"), inputs, ["anchor", "negative"])


def check_optional_inputs(emit):
    inputs = {"input": logits(4, 5), "target": labels(4), "weight": torch.rand(5)}
    same_step(emit("cross_entropy", "--with", "weight").Loss(), F.cross_entropy, inputs, ["input"])


def check_grad_output(emit):
    inputs = {"input": logits(4, 5), "target": labels(4)}
    for arguments, reduction in ((["--reduction", "none"], "none"), (["--grad-output"], "mean")):
        same_step(emit("cross_entropy", *arguments).Loss(),
                  lambda **kw: F.cross_entropy(**kw, reduction=reduction), inputs, ["input"])


def check_extra_outputs(emit):
    module = emit("adaptive_log_softmax_with_loss")
    reference = torch.nn.AdaptiveLogSoftmaxWithLoss(4, 10, cutoffs=[4, 7], div_value=2.0)
    names = [n for n in module.NAMES if n not in ("input", "target")]
    inputs = {"input": logits(3, 4), "target": torch.tensor([1, 5, 9])}
    inputs |= dict(zip(names, (p.detach() for p in reference.parameters())))
    values = module.Loss().outputs(**inputs)
    assert list(values) == ["loss", "output"] and not values["output"].requires_grad
    equal(values["loss"], module.Loss()(**inputs))


def check_rank_0(emit):
    inputs = {"input": logits(), "target": logits() * 3}
    same_step(emit("mse", "--shape", "input=").Loss(), F.mse_loss, inputs, ["input"])
    same_step(emit("mse", "--shape", "input=", "--reduction", "none").Loss(), F.mse_loss, inputs, ["input"])


def check_non_contiguous(emit):
    loss = emit("cross_entropy").Loss()
    x = logits(5, 4).t()
    assert not x.is_contiguous()
    same_step(loss, F.cross_entropy, {"input": x, "target": labels(8)[::2]}, ["input"])
    value, strided = loss(x, labels(4)), logits(4, 10)[:, ::2]
    equal(value, F.cross_entropy(x, labels(4)))
    equal(loss(strided, labels(4)), F.cross_entropy(strided, labels(4)))


def check_other_ranks(emit):
    """Every rank that PyTorch's loss accepts, from files of three ranks."""
    for shape in ([], ["--shape", "input=N,C,L"], ["--shape", "input=N,C,H,W"]):
        for reduction in ("none", "mean", "sum"):
            loss = emit("cross_entropy", *shape, "--reduction", reduction).Loss()
            for dims in ((4, 5), (4, 5, 2), (4, 5, 2, 3), (4, 5, 2, 3, 2), (5,)):
                target = labels(*dims[:1], *dims[2:]) if len(dims) > 1 else torch.tensor(3)
                same_step(loss, lambda **kw: F.cross_entropy(**kw, reduction=reduction), {"input": logits(*dims), "target": target}, ["input"])
    for reduction in ("none", "mean", "sum"):
        loss = emit("mse", "--reduction", reduction).Loss()
        for dims in ((), (3,), (3, 2), (3, 2, 4), (0, 2, 2)):
            same_step(loss, lambda **kw: F.mse_loss(**kw, reduction=reduction), {"input": logits(*dims), "target": torch.zeros(dims)}, ["input"])
    loss = emit("kl_div", "--reduction", "batchmean").Loss()
    same_step(loss, lambda **kw: F.kl_div(**kw, reduction="batchmean"), {"input": logits(3, 2, 4), "target": torch.rand(3, 2, 4)}, ["input"])
    loss = emit("cross_entropy", "--shape", "input=N,C,L").Loss()
    raises(ValueError, "does not fit", lambda: loss(logits(4, 5, 2, 3), labels(4, 3, 2)))


def check_other_ranks_of_other_losses(emit):
    """Axes that stay last (pos_weight's, a box's 4), one sample alone, and masks."""
    x, y, w = logits(2, 3, 5), torch.rand(2, 3, 5), torch.rand(5)
    loss = emit("bce_with_logits", "--with", "pos_weight", "--reduction", "none").Loss()
    for i, t in ((x, y), (x[0], y[0]), (x[0, 0], y[0, 0])):
        same_step(loss, lambda **kw: F.binary_cross_entropy_with_logits(**kw, reduction="none"), {"input": i, "target": t, "pos_weight": w}, ["input"])
    same_step(emit("triplet_margin", "--reduction", "none").Loss(), lambda **kw: F.triplet_margin_loss(**kw, reduction="none"),
              {"anchor": x, "positive": y, "negative": x.flip(0)}, ["anchor"])
    same_step(emit("cosine_embedding").Loss(), F.cosine_embedding_loss,
              {"input1": x[0, 0], "input2": y[0, 0], "target": torch.tensor(1.0)}, ["input1", "input2"])
    target, mask = labels(2, 4, 4), torch.rand(2, 4, 4) > 0.5

    def masked(input, target, mask):
        return torch.where(mask, F.cross_entropy(input, target, reduction="none"), 0)
    same_step(emit("cross_entropy", "--reduction", "none", "--with", "mask").Loss(), masked,
              {"input": logits(2, 5, 4, 4), "target": target, "mask": mask}, ["input"])


def check_views(emit):
    """Flattening trailing axes copies nothing."""
    module = emit("cross_entropy", "--shape", "input=N,C,L")
    x, y = logits(4, 5, 2, 3), labels(4, 2, 3)
    flat, _ = module._to_ranks([x, y])
    assert [f.data_ptr() for f in flat] == [x.data_ptr(), y.data_ptr()] and flat[0].shape == (4, 5, 6)


def check_no_copies(emit):
    """ONNX Runtime gets the tensors' memory, and the gradient is its own memory."""
    module = emit("cross_entropy")
    x, y = logits(4, 5), labels(4)
    seen = {}

    class Spy:
        def __init__(self, session):
            self.session = session

        def run(self, outputs, feeds):
            seen.update({name: array.ctypes.data for name, array in feeds.items()})
            results = self.session.run(outputs, feeds)
            seen["gradient"] = results[1].ctypes.data
            return results

    loss = module.Loss()
    loss._session(x.device)
    loss._sessions = {key: Spy(s) for key, s in loss._sessions.items()}
    value = loss(x, y)
    assert seen["input"] == x.data_ptr() and seen["target"] == y.data_ptr()
    assert value.grad_fn.saved_tensors[0].data_ptr() == seen["gradient"]


def check_binding(emit):
    """IO binding, which CUDA tensors take, gives what the numpy arrays of CPU tensors give."""
    for arguments in (["cross_entropy", "--with", "mask"], ["mse", "--dtype", "float64", "--reduction", "none"], ["gaussian_nll"]):
        module = emit(*arguments)
        inputs = [torch.rand([{"N": 4, "C": 5}.get(d, 3) for d in dims]) for _, dims in module.INPUTS.values()]
        inputs = [(x * 3).to(dtype) for x, (dtype, _) in zip(inputs, module.INPUTS.values())]
        feeds = dict(zip(module.INPUTS, inputs))
        session = module.Loss()._session(torch.device("cpu"))
        found = module._run_bound(session, module._sizes([x.shape for x in inputs]), feeds, list(module.OUTPUTS))
        for x, want in zip(found, session.run(None, {n: x.numpy() for n, x in feeds.items()})):
            equal(x, torch.from_numpy(want))


def check_autocast(emit):
    torch.manual_seed(0)
    model = torch.nn.Linear(6, 5)
    x, y, found = torch.randn(8, 6), labels(8), []
    for loss in (emit("cross_entropy").Loss(), F.cross_entropy):
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            out = model(x)
            assert out.dtype == torch.bfloat16
            value = loss(out, y)
        value.backward()
        found.append((value.detach(), model.weight.grad.clone()))
    equal(found[0][0], found[1][0])
    equal(found[0][1], found[1][1])
    half = logits(4, 5, dtype=torch.float16)
    emit("cross_entropy").Loss()(half, labels(4)).backward()
    assert half.grad.dtype == torch.float16


def check_dtypes(emit):
    for dtype in ("float64", "float16", "bfloat16"):
        loss, t = emit("cross_entropy", "--dtype", dtype).Loss(), getattr(torch, dtype)
        x, y = logits(4, 5, dtype=t), labels(4)
        value = loss(x, y)
        value.backward()
        want = x.detach().float().requires_grad_()
        F.cross_entropy(want, y).backward()
        assert value.dtype == t and x.grad.dtype == t
        equal(x.grad.float(), want.grad, 5e-3)
    loss = emit("cross_entropy", "--index-dtype", "int32").Loss()
    for t in (torch.int32, torch.int64, torch.int16):
        equal(loss(logits(4, 5), labels(4).to(t)), F.cross_entropy(logits(4, 5), labels(4)))


def check_errors(emit):
    loss = emit("cross_entropy").Loss()
    x, y = logits(4, 5), labels(4)
    raises(TypeError, "input is torch.float64", lambda: loss(x.double(), y))
    raises(TypeError, "target is torch.float32", lambda: loss(x, y.float()))
    raises(TypeError, "target is a list, want a torch.Tensor", lambda: loss(x, [1, 2, 3, 4]))
    raises(TypeError, "input is a list, want a torch.Tensor", lambda: loss([1.0], y))
    raises(ValueError, "target has shape [3]", lambda: loss(x, labels(3)))
    raises(ValueError, "input", lambda: loss(logits(4, 5, 2), y))
    raises(FileNotFoundError, "gone.onnx", lambda: emit("mse").Loss("gone.onnx"))
    module, path = emit.stranger("mse", "l1")
    raises(ValueError, f"{path} is not the file that {module.__name__}.py was written for: make both anew with `lossgen emit mse",
           lambda: module.Loss(path)(x, x.detach()))
    raises(Exception, "", lambda: loss(x, torch.full((4,), 7)))
    raises(ValueError, "target has shape [4, 1]", lambda: emit("mse").Loss()(x, torch.zeros(4, 1)))


def check_double_backward(emit):
    x = logits(4, 5)
    (g,) = torch.autograd.grad(emit("cross_entropy").Loss()(x, labels(4)), x, create_graph=True)
    raises(RuntimeError, "does not require grad", lambda: g.sum().backward())


def check_repeated_backward(emit):
    x = logits(4, 5)
    value = emit("cross_entropy").Loss()(x, labels(4))
    for times in (1, 2, 3):
        value.backward(retain_graph=True)
        (want,) = torch.autograd.grad(F.cross_entropy(x, labels(4)), x)
        equal(x.grad, want * times)


def check_compile(emit):
    torch._dynamo.reset()
    loss, x, y = emit("cross_entropy").Loss(), torch.randn(8, 6), labels(8)
    model = torch.nn.Linear(6, 5)

    def step(x, y):
        return loss(model(x), y) * 2

    report = torch._dynamo.explain(step)(x, y)
    assert report.graph_break_count <= 1, f"{report.graph_break_count} graph breaks"
    compiled = torch.compile(step, backend="aot_eager")
    compiled(x, y).backward()
    found = model.weight.grad.clone()
    model.zero_grad()
    (F.cross_entropy(model(x), y) * 2).backward()
    equal(found, model.weight.grad)


def check_copies(emit):
    loss, x, y = emit("cross_entropy").Loss(), logits(4, 5), labels(4)
    want = loss(x, y)
    for other in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert not other._sessions
        equal(other(x, y), want)
    equal(torch.nn.Sequential(copy.deepcopy(loss))[0](x, y), want)


def check_all_ignored(emit):
    x = logits(4, 5)
    value = emit("cross_entropy").Loss()(x, torch.full((4,), -100))
    value.backward()
    assert value.isnan() and not x.grad.any()


def check_threads(emit):
    loss, x, y = emit("cross_entropy").Loss(), logits(64, 5).detach(), labels(64)
    want = loss(x, y)
    with ThreadPoolExecutor(4) as pool:
        for value in pool.map(lambda _: loss(x, y), range(200)):
            equal(value, want)


def check_names(emit):
    folder = emit.folder / "my files"
    folder.mkdir()
    emit.write(folder / "2nd-loss v1.onnx", "mse")
    module = load(folder / "loss_2nd_loss_v1_torch.py", "named")
    equal(module.Loss()(logits(2, 3), torch.zeros(2, 3)), F.mse_loss(logits(2, 3), torch.zeros(2, 3)))


if __name__ == "__main__":
    promises.main("torch", dict(globals()), __doc__)
