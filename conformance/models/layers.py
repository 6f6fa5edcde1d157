"""Random cases of layers: convolutions, pooling, normalization, padding, Resize, LSTM and GRU."""

import numpy as np
import torch
import torch.nn.functional as F
from cases import Case, ints, sizes, unary, values

CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
CONV_TRANSPOSE = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
MAX_POOL = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVG_POOL = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
GLOBAL = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}


def numbers(rng, n, low, high):
    return [int(v) for v in rng.integers(low, high + 1, n)]


def torch_pads(pads):
    """ONNX's pads of the last axes, all before and then all behind, as F.pad has them."""
    n = len(pads) // 2
    return [p for k in reversed(range(n)) for p in (pads[k], pads[n + k])]


def window(rng, n, kernel=None, most=4):
    """Attributes of a window over n axes, some left out, and sizes that it fits into."""
    kernel = kernel or numbers(rng, n, 1, most)
    drawn = {"strides": numbers(rng, n, 1, 3), "dilations": numbers(rng, n, 1, 2), "pads": numbers(rng, 2 * n, 0, 2)}
    attributes = {name: v for name, v in drawn.items() if rng.random() < 0.7}
    full = {"strides": [1] * n, "dilations": [1] * n, "pads": [0] * 2 * n} | attributes
    least = [max(1, (k - 1) * d + 1 - full["pads"][i] - full["pads"][n + i]) for i, (k, d) in enumerate(zip(kernel, full["dilations"]))]
    return kernel, attributes, full, tuple(k + int(rng.integers(0, 5)) for k in least)


def same_pads(kernel, full, shape, upper):
    before, behind = [], []
    for k, s, d, n in zip(kernel, full["strides"], full["dilations"], shape):
        total = max(0, (-(-n // s) - 1) * s + (k - 1) * d + 1 - n)
        less, more = total // 2, total - total // 2
        before.append(less if upper else more)
        behind.append(more if upper else less)
    return before + behind


def conv(op, rng):
    n = int(rng.integers(1, 4))
    many = n == 1 and rng.random() < 0.3  # more weights than are sliced one by one
    kernel, attributes, full, shape = window(rng, n, [26] if many else None, 3 if n == 3 else 4)
    kind = rng.random()
    group = 1 if kind < 0.5 else int(rng.integers(2, 4))
    each, out = (1, group * int(rng.integers(1, 3))) if kind > 0.75 else (int(rng.integers(1, 4)), group * int(rng.integers(1, 4)))
    if group > 1:
        attributes["group"] = group
    if rng.random() < 0.2:  # windows side by side
        attributes.pop("dilations", None)
        attributes.pop("pads", None)
        attributes["strides"], shape = kernel, tuple(k * int(rng.integers(1, 4)) for k in kernel)
    elif rng.random() < 0.2:
        attributes.pop("pads", None)
        attributes["auto_pad"] = str(rng.choice(["SAME_UPPER", "SAME_LOWER", "VALID"]))
        shape = tuple(s + (k - 1) * 2 for s, k in zip(shape, kernel))
    full = {"strides": [1] * n, "dilations": [1] * n, "pads": [0] * 2 * n} | attributes
    if attributes.get("auto_pad", "").startswith("SAME"):
        full["pads"] = same_pads(kernel, full, shape, attributes["auto_pad"] == "SAME_UPPER")
    inputs = {"x": values(rng, (int(rng.integers(1, 4)), each * group, *shape), grid=False), "w": values(rng, (out, each, *kernel), grid=False)}
    if rng.random() < 0.6:
        inputs["b"] = values(rng, (out,))
    return Case(op, inputs, lambda x, w, b=None: CONV[n](F.pad(x, torch_pads(full["pads"])), w, b, full["strides"], 0, full["dilations"], group), attributes=attributes)


def conv_transpose(op, rng):
    n, group = int(rng.integers(1, 4)), int(rng.choice([1, 1, 2]))
    kernel = numbers(rng, n, 1, 3)
    stride, dilation = numbers(rng, n, 1, 3), numbers(rng, n, 1, 2)
    more = [int(rng.integers(0, s)) for s in stride]
    shape = numbers(rng, n, 1, 4)
    room = [(size - 1) * s + m + (k - 1) * d for size, s, m, k, d in zip(shape, stride, more, kernel, dilation)]
    pads = [min(p, r // 2) for p, r in zip(numbers(rng, 2 * n, 0, 2), room * 2)]
    each, out = int(rng.integers(1, 3)), int(rng.integers(1, 3))
    inputs = {"x": values(rng, (int(rng.integers(1, 4)), each * group, *shape), grid=False), "w": values(rng, (each * group, out, *kernel), grid=False)}
    if rng.random() < 0.6:
        inputs["b"] = values(rng, (out * group,))

    def function(x, w, b=None):
        y = CONV_TRANSPOSE[n](x, w, None, stride, 0, 0, group, dilation)
        y = F.pad(y, torch_pads([-p for p in pads[:n]] + [m - p for m, p in zip(more, pads[n:])]))
        return y if b is None else y + b.reshape(-1, *[1] * n)
    return Case(op, inputs, function, attributes={"strides": stride, "dilations": dilation, "pads": pads, "output_padding": more, "group": group})


def pool_window(rng, n):
    kernel, attributes, full, shape = window(rng, n)
    full["pads"] = [min(p, k // 2) for p, k in zip(full["pads"], kernel * 2)]
    if "pads" in attributes:
        attributes["pads"] = full["pads"]
    least = [(k - 1) * d + 1 for k, d in zip(kernel, full["dilations"])]
    return kernel, attributes | {"kernel_shape": kernel}, full, tuple(max(a, b) for a, b in zip(shape, least))


def max_pool(op, rng):
    n = int(rng.integers(1, 4))
    kernel, attributes, full, shape = pool_window(rng, n)
    ceil = not any(full["pads"][n:]) and rng.random() < 0.4  # PyTorch counts from explicit padding on
    attributes |= {"ceil_mode": 1} if ceil else {}

    def function(x):
        padded = F.pad(x, torch_pads(full["pads"]), value=-torch.inf)
        return MAX_POOL[n](padded, kernel, full["strides"], 0, full["dilations"], bool(ceil))
    return Case(op, {"x": values(rng, (int(rng.integers(1, 4)), 2, *shape))}, function, attributes=attributes, opset=22 if ceil else 17)


def average_pool(op, rng):
    n = int(rng.integers(1, 4))
    kernel, attributes, full, shape = pool_window(rng, n)
    attributes.pop("dilations", None)
    pads = full["pads"][:n] * 2
    attributes |= {"pads": pads, "count_include_pad": int(rng.integers(0, 2)), "ceil_mode": int(rng.integers(0, 2))}
    return Case(op, {"x": values(rng, (int(rng.integers(1, 4)), 2, *shape))},
                lambda x: AVG_POOL[n](x, kernel, full["strides"], pads[:n], bool(attributes["ceil_mode"]), bool(attributes["count_include_pad"])), attributes=attributes,
                opset=22 if attributes["ceil_mode"] else 17)  # before, onnx's own inference counts windows that begin in the padding


def global_average(op, rng):
    shape = sizes(rng, int(rng.integers(3, 6)))
    return Case(op, {"x": values(rng, shape)}, lambda x: GLOBAL[len(shape) - 2](x, 1))


def batch_norm(op, rng):
    """In training the running moments are no operands of the result."""
    shape, eps = sizes(rng, int(rng.integers(2, 6)), 2, 4), float(np.float32(rng.choice([1e-5, 1e-3])))
    c, training = shape[1], rng.random() < 0.5
    x, s, b = values(rng, shape, grid=False), values(rng, (c,)), values(rng, (c,))
    mean, var = values(rng, (c,)), values(rng, (c,), 0.5)
    if training:
        return Case(op, {"x": x, "s": s, "b": b}, lambda x, s, b: F.batch_norm(x, None, None, s, b, True, 0, eps),
                    constants={"mean": mean.astype(np.float32), "var": var.astype(np.float32)}, attributes={"epsilon": eps, "training_mode": 1}, outputs=["y", "m", "v"])

    def function(x, s, b, mean, var):
        each = lambda v: v.reshape(-1, *[1] * (len(shape) - 2))
        return (x - each(mean)) / (each(var) + eps).sqrt() * each(s) + each(b)
    return Case(op, {"x": x, "s": s, "b": b, "mean": mean, "var": var}, function, attributes={"epsilon": eps})


def instance_norm(op, rng):
    shape, eps = sizes(rng, int(rng.integers(3, 6)), 2, 4), float(np.float32(rng.choice([1e-5, 1e-3])))
    return Case(op, {"x": values(rng, shape, grid=False), "s": values(rng, shape[1:2]), "b": values(rng, shape[1:2])},
                lambda x, s, b: F.instance_norm(x, None, None, s, b, True, 0, eps), attributes={"epsilon": eps})


def pad(op, rng):
    n = int(rng.integers(1, 4))
    mode = str(rng.choice(["constant", "reflect", "edge", "wrap"]))
    shape = (int(rng.integers(1, 4)), 2, *numbers(rng, n, 3, 5))
    pads = numbers(rng, 2 * n, -1 if mode == "constant" else 0, 2)
    constants, value = {"p": ints(0, 0, *pads[:n], 0, 0, *pads[n:])}, 0.0
    if mode == "constant" and rng.random() < 0.5:
        value = 0.5
        constants["c"] = np.float32(value)
    name = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}[mode]
    return Case(op, {"x": values(rng, shape)}, lambda x: F.pad(x, torch_pads(pads), name, *([value] if mode == "constant" else [])),
                constants=constants, attributes={"mode": mode}, opset=19 if mode == "wrap" else 17)


def resize(op, rng):
    n = int(rng.integers(1, 4))
    mode = str(rng.choice(["nearest", "linear", "cubic"] if n == 2 else ["nearest", "linear"]))
    shape, target = (int(rng.integers(1, 4)), 2, *numbers(rng, n, 2, 5)), numbers(rng, n, 2, 7)
    corners = mode != "nearest" and rng.random() < 0.5
    attributes = {"mode": mode, "coordinate_transformation_mode": "asymmetric" if mode == "nearest" else "align_corners" if corners else "half_pixel"}
    if mode == "nearest":
        attributes["nearest_mode"] = "floor"
    torchs = {"nearest": "nearest", "linear": ["linear", "bilinear", "trilinear"][n - 1], "cubic": "bicubic"}[mode]
    kind = {} if mode == "nearest" else {"align_corners": bool(corners)}
    if rng.random() < 0.4 and not corners:
        scales = [float(rng.choice([1.0, 2.0, 3.0])) for _ in range(n)]
        return Case(op, {"x": values(rng, shape)}, lambda x: F.interpolate(x, scale_factor=scales, mode=torchs, **kind),
                    constants={"scales": np.array([1, 1, *scales], np.float32)}, attributes=attributes, names=["x", "", "scales"])
    return Case(op, {"x": values(rng, shape)}, lambda x: F.interpolate(x, size=target, mode=torchs, **kind),
                constants={"sizes": ints(shape[0], 2, *target)}, attributes=attributes, names=["x", "", "", "sizes"], fixed=True)


def recurrent(make, gates):
    """gates are the numbers that PyTorch gives to ONNX's gates."""
    def draw(op, rng):
        t, n, i, h = *numbers(rng, 2, 1, 4), *numbers(rng, 2, 3, 6)
        direction = str(rng.choice(["forward", "reverse", "bidirectional"]))
        both, g = 2 if direction == "bidirectional" else 1, len(gates)
        inputs = {"x": values(rng, (t, n, i), grid=False), "w": values(rng, (both, g * h, i), -1, 1, False), "r": values(rng, (both, g * h, h), -1, 1, False)}
        names = ["x", "w", "r"]
        if rng.random() < 0.7:
            inputs["b"] = values(rng, (both, 2 * g * h))
            names.append("b")
        if rng.random() < 0.5:
            names += [""] * (5 - len(names)) + ["h"]
            inputs["h"] = values(rng, (both, n, h))
            if op == "LSTM":
                inputs["c"] = values(rng, (both, n, h))
                names.append("c")
        outputs = [["y"], ["", "y"], ["", "", "y"]][int(rng.integers(0, 3 if op == "LSTM" else 2))]

        def function(*given):
            given = dict(zip(inputs, given))
            x, w, r, b, first, cell = (given.get(name) for name in "xwrbhc")
            ys, hs, cs = [], [], []
            for d in range(both):
                back = direction == "reverse" or d == 1
                order = lambda m: torch.cat([m[gates.index(k) * h:(gates.index(k) + 1) * h] for k in range(g)])
                bias = torch.zeros(2 * g * h, dtype=x.dtype) if b is None else b[d]
                zero = torch.zeros(n, h, dtype=x.dtype)
                start = zero if first is None else first[d]
                state = (start[None], (zero if cell is None else cell[d])[None]) if op == "LSTM" else start[None]
                weights = {"weight_ih_l0": order(w[d]), "weight_hh_l0": order(r[d]), "bias_ih_l0": order(bias[:g * h]), "bias_hh_l0": order(bias[g * h:])}
                y, last = torch.func.functional_call(make(i, h).to(x.dtype), weights, (x.flip(0) if back else x, state))
                ys.append(y.flip(0) if back else y)
                hs.append(last[0] if op == "LSTM" else last)
                cs.append(last[1] if op == "LSTM" else None)
            return [torch.stack(ys, 1), torch.cat(hs), None if op == "GRU" else torch.cat(cs)][len(outputs) - 1]
        attributes = {"hidden_size": h, "direction": direction} | ({"linear_before_reset": 1} if op == "GRU" else {})
        return Case(op, inputs, function, attributes=attributes, names=names, outputs=outputs, fixed=True)
    return draw


CASES = {
    "Conv": conv, "ConvTranspose": conv_transpose, "MaxPool": max_pool, "AveragePool": average_pool, "GlobalAveragePool": global_average,
    "BatchNormalization": batch_norm, "InstanceNormalization": instance_norm, "Pad": pad, "Resize": resize,
    "LeakyRelu": unary(lambda x, alpha: F.leaky_relu(x, alpha), alpha=0.25), "Elu": unary(F.elu, alpha=0.75),
    "HardSigmoid": unary(lambda x, alpha, beta: torch.clamp(alpha * x + beta, 0, 1), grid=False, alpha=0.5, beta=0.25), "HardSwish": unary(F.hardswish, -4, 4),
    "LSTM": recurrent(torch.nn.LSTM, [0, 3, 1, 2]), "GRU": recurrent(torch.nn.GRU, [1, 0, 2]),
}
