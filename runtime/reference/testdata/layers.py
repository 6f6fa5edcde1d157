"""Write layers.jsonl: what PyTorch computes, in float64, for nodes of layers.

    python runtime/reference/testdata/layers.py > runtime/reference/testdata/layers.jsonl

Each line is an ONNX node with its inputs, its outputs and the gradient of each
floating input, where output k has the upstream gradient 1, 1.25, 1.5, ..., 2.5, 1, ...
Inputs are multiples of 1/8, so that windows have equal elements. Attributes that
float32 would round are not used.
"""

import json
import random

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
R = random.Random(16)


def real(*dims, low=-16, high=16):
    n = 1
    for d in dims:
        n *= d
    return torch.tensor([R.randint(low, high) / 8 for _ in range(n)]).reshape(dims).requires_grad_()


def numbers(t):
    return {"dims": list(t.shape), "values": [float("%.15g" % v) if t.dtype.is_floating_point else int(v) for v in t.detach().flatten().tolist()]}


def case(op, inputs, outputs, **attrs):
    """Print a line. An output that is None has no name in the node."""
    total = 0
    for y in outputs:
        if y is not None and y.requires_grad:
            dy = 1 + (torch.arange(y.numel()) % 7).reshape(y.shape) / 4
            total = total + (y * dy).sum()
    wanted = [x for x in inputs if x is not None and x.requires_grad]
    grads = iter(torch.autograd.grad(total, wanted, allow_unused=True))
    line = {"op": op, "attrs": attrs, "inputs": [None if x is None else numbers(x) for x in inputs],
            "outputs": [None if y is None else numbers(y) for y in outputs], "grads": []}
    for x in inputs:
        g = next(grads) if x is not None and x.requires_grad else None
        line["grads"].append(None if g is None else numbers(g))
    print(json.dumps(line))


def torch_pads(pads):
    """ONNX pads of the last axes, all before and then all behind, as F.pad has them."""
    n = len(pads) // 2
    return [p for k in reversed(range(n)) for p in (pads[k], pads[n + k])]


def convolutions():
    for dims, weight, attrs in [
        ((2, 2, 5), (3, 2, 3), {}),
        ((1, 2, 5, 4), (3, 2, 3, 2), dict(strides=[2, 1], pads=[1, 0, 1, 1])),
        ((2, 3, 6), (2, 3, 2), dict(dilations=[3], pads=[0, 2], strides=[2])),
        ((2, 4, 4, 3), (6, 2, 2, 2), dict(group=2, pads=[1, 1, 0, 1], strides=[1, 2])),
        ((2, 3, 5, 5), (3, 1, 3, 3), dict(group=3, pads=[1, 1, 1, 1], strides=[2, 2])),
        ((2, 2, 4, 4), (6, 1, 3, 1), dict(group=2)),
        ((2, 2, 4, 6), (3, 2, 2, 3), dict(strides=[2, 3])),
        ((2, 3, 2, 3), (4, 3, 1, 1), {}),
        ((1, 2, 3, 4, 2), (2, 2, 2, 3, 1), dict(pads=[0, 1, 0, 1, 1, 0], strides=[1, 2, 1])),
        ((2, 2, 7, 7), (2, 1, 6, 5), dict(group=2, pads=[2, 2, 2, 2], dilations=[1, 2])),
    ]:
        x, w, b = real(*dims), real(*weight), real(weight[0])
        n = len(dims) - 2
        y = [F.conv1d, F.conv2d, F.conv3d][n - 1](F.pad(x, torch_pads(attrs.get("pads", [0] * 2 * n))), w, b,
                                                   stride=attrs.get("strides", 1), dilation=attrs.get("dilations", 1), groups=attrs.get("group", 1))
        case("Conv", [x, w, b], [y], **attrs)
    for upper, n, k, s in [(True, 5, 2, 2), (False, 5, 2, 2), (True, 6, 4, 3), (False, 4, 4, 1)]:
        x, w = real(1, 2, n), real(2, 2, k)
        places = -(-n // s)
        total = max(0, (places - 1) * s + k - n)
        before = total // 2 if upper else total - total // 2
        y = F.conv1d(F.pad(x, (before, total - before)), w, stride=s)
        case("Conv", [x, w], [y], auto_pad="SAME_UPPER" if upper else "SAME_LOWER", strides=[s], kernel_shape=[k])
    x, w = real(1, 1, 5), real(1, 1, 2)
    case("Conv", [x, w], [F.conv1d(x, w)], auto_pad="VALID")
    for dims, weight, attrs in [
        ((2, 2, 3), (2, 3, 3), {}),
        ((1, 2, 2, 3), (2, 3, 2, 2), dict(strides=[2, 2])),
        ((2, 2, 3, 2), (2, 1, 3, 2), dict(strides=[2, 3], pads=[1, 0, 1, 1], output_padding=[1, 2])),
        ((1, 4, 3), (4, 2, 2), dict(group=2, dilations=[2], pads=[1, 0])),
        ((1, 2, 2, 2, 1), (2, 2, 1, 2, 2), dict(strides=[2, 1, 1])),
    ]:
        n, group = len(dims) - 2, attrs.get("group", 1)
        x, w, b = real(*dims), real(*weight), real(weight[1] * group)
        y = [F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d][n - 1](
            x, w, b, stride=attrs.get("strides", 1), dilation=attrs.get("dilations", 1), groups=group, output_padding=0)
        more = attrs.get("output_padding", [0] * n)
        y = F.pad(y - b.reshape(-1, *[1] * n), torch_pads([0] * n + more)) + b.reshape(-1, *[1] * n)
        y = F.pad(y, [-p for p in torch_pads(attrs.get("pads", [0] * 2 * n))])
        case("ConvTranspose", [x, w, b], [y], **attrs)


def pools():
    for dims, attrs in [
        ((2, 2, 6), dict(kernel_shape=[3], strides=[2])),
        ((1, 2, 5, 4), dict(kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1])),
        ((1, 2, 6, 6), dict(kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)),
        ((1, 1, 7), dict(kernel_shape=[2], strides=[3], pads=[1, 1], ceil_mode=1)),
        ((1, 1, 6, 5), dict(kernel_shape=[2, 2], dilations=[2, 3])),
        ((1, 1, 4, 4, 2), dict(kernel_shape=[2, 2, 1], strides=[2, 2, 1])),
    ]:
        x, n = real(*dims, low=-4, high=4), len(dims) - 2
        pads = attrs.get("pads", [0] * 2 * n)
        y = [F.max_pool1d, F.max_pool2d, F.max_pool3d][n - 1](F.pad(x, torch_pads(pads), value=-torch.inf), attrs["kernel_shape"], stride=attrs.get("strides", 1),
                                                               dilation=attrs.get("dilations", 1), ceil_mode=bool(attrs.get("ceil_mode")))
        case("MaxPool", [x], [y], **attrs)
    for dims, attrs in [
        ((2, 2, 6), dict(kernel_shape=[2], strides=[2])),
        ((1, 2, 5, 4), dict(kernel_shape=[3, 2], strides=[2, 1], pads=[1, 1, 1, 1])),
        ((1, 2, 5, 4), dict(kernel_shape=[3, 2], strides=[2, 1], pads=[1, 1, 1, 1], count_include_pad=1)),
        ((1, 1, 6, 6), dict(kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)),
        ((1, 1, 6, 7), dict(kernel_shape=[3, 2], strides=[2, 3], pads=[1, 1, 1, 1], ceil_mode=1, count_include_pad=1)),
        ((1, 1, 6, 7), dict(kernel_shape=[3, 2], strides=[2, 3], pads=[1, 1, 1, 1], ceil_mode=1)),
        ((1, 1, 4, 4, 2), dict(kernel_shape=[2, 2, 1], strides=[2, 2, 1])),
    ]:
        x, n = real(*dims), len(dims) - 2
        pads = attrs.get("pads", [0] * 2 * n)
        y = [F.avg_pool1d, F.avg_pool2d, F.avg_pool3d][n - 1](x, attrs["kernel_shape"], stride=attrs.get("strides", 1), padding=pads[:n],
                                                               ceil_mode=bool(attrs.get("ceil_mode")), count_include_pad=bool(attrs.get("count_include_pad")))
        case("AveragePool", [x], [y], **attrs)
    x = real(2, 3, 4, 3, low=-2, high=2)
    case("GlobalAveragePool", [x], [F.adaptive_avg_pool2d(x, 1)])
    case("GlobalMaxPool", [x], [F.adaptive_max_pool2d(x, 1)])


def normalizations():
    for dims in [(3, 2, 4), (3, 2), (2, 3, 2, 2)]:
        c = dims[1]
        x, scale, bias = real(*dims), real(c), real(c)
        mean, var = real(c), real(c, low=1, high=16)
        each = lambda v: v.reshape(-1, *[1] * (len(dims) - 2))
        y = (x - each(mean)) / torch.sqrt(each(var) + 2**-7) * each(scale) + each(bias)  # F.batch_norm has no gradient of the mean
        torch.testing.assert_close(y, F.batch_norm(x, mean.detach(), var.detach(), scale, bias, eps=2**-7))
        case("BatchNormalization", [x, scale, bias, mean, var], [y], epsilon=2**-7)
        mean, var = mean.detach(), var.detach()
        axes = [k for k in range(len(dims)) if k != 1]
        y = F.batch_norm(x, None, None, scale, bias, training=True, eps=2**-7)
        new_mean = 0.75 * mean + 0.25 * x.detach().mean(axes)
        new_var = 0.75 * var + 0.25 * x.detach().var(axes, correction=0)
        case("BatchNormalization", [x, scale, bias, mean, var], [y, new_mean, new_var], epsilon=2**-7, momentum=0.75, training_mode=1)
    for dims in [(2, 2, 4), (2, 3, 2, 3)]:
        x, scale, bias = real(*dims), real(dims[1]), real(dims[1])
        case("InstanceNormalization", [x, scale, bias], [F.instance_norm(x, weight=scale, bias=bias, eps=2**-7)], epsilon=2**-7)


def activations():
    x = torch.tensor([-4.0, -3.0, -2.5, -1.0, -0.125, 0.0, 0.125, 1.0, 2.5, 3.0, 4.0]).requires_grad_()
    case("LeakyRelu", [x], [F.leaky_relu(x, 0.25)], alpha=0.25)
    case("Elu", [x], [F.elu(x, 0.75)], alpha=0.75)
    case("Elu", [x], [F.elu(x)])
    case("HardSwish", [x], [F.hardswish(x)])
    y = x.detach() * 2
    y.requires_grad_()
    case("HardSigmoid", [y], [torch.clamp(0.25 * y + 0.5, 0, 1)], alpha=0.25, beta=0.5)


def pads():
    for mode, torch_mode, dims, amounts in [
        ("constant", "constant", (2, 3), [1, 0, 2, 1]), ("constant", "constant", (4, 3), [-1, 2, 1, -2]),
        ("reflect", "reflect", (1, 2, 4, 3), [0, 0, 3, 1, 0, 0, 2, 2]), ("reflect", "reflect", (1, 2, 4), [0, 0, 0, 0, 0, 3]),
        ("edge", "replicate", (1, 2, 2, 3), [0, 0, 3, 1, 0, 0, 0, 4]), ("wrap", "circular", (1, 1, 4, 3), [0, 0, 2, 3, 0, 0, 4, 0]),
    ]:
        x = real(*dims)
        back = torch_pads(amounts)
        if mode != "constant":
            back = back[:-4]
        value = [torch.tensor(0.5)] if mode == "constant" else []
        y = F.pad(x, back, mode=torch_mode, **({"value": 0.5} if value else {}))
        case("Pad", [x, torch.tensor(amounts)] + value, [y], mode=mode)


def resizes():
    for mode, dims, size, kind, attrs in [
        ("nearest", (1, 2, 3, 2), (6, 4), {}, dict(coordinate_transformation_mode="asymmetric", nearest_mode="floor")),
        ("nearest", (1, 1, 5, 3), (3, 7), {}, dict(coordinate_transformation_mode="asymmetric", nearest_mode="floor")),
        ("nearest-exact", (1, 2, 4), (6,), {}, dict(coordinate_transformation_mode="half_pixel", nearest_mode="round_prefer_ceil")),
        ("linear", (2, 2, 3), (7,), dict(align_corners=False), dict(coordinate_transformation_mode="half_pixel")),
        ("linear", (1, 1, 4), (2,), dict(align_corners=False), dict(coordinate_transformation_mode="pytorch_half_pixel")),
        ("linear", (1, 2, 4), (7,), dict(align_corners=True), dict(coordinate_transformation_mode="align_corners")),
        ("bilinear", (1, 2, 3, 4), (5, 2), dict(align_corners=False), dict(coordinate_transformation_mode="half_pixel")),
        ("bilinear", (1, 2, 3, 4), (5, 2), dict(align_corners=True), dict(coordinate_transformation_mode="align_corners")),
        ("bicubic", (1, 1, 4, 3), (6, 5), dict(align_corners=False), dict(coordinate_transformation_mode="half_pixel", cubic_coeff_a=-0.75)),
        ("bicubic", (1, 1, 4, 3), (3, 5), dict(align_corners=True), dict(coordinate_transformation_mode="align_corners", cubic_coeff_a=-0.75)),
        ("trilinear", (1, 1, 2, 3, 2), (3, 2, 4), dict(align_corners=False), dict(coordinate_transformation_mode="half_pixel")),
    ]:
        x = real(*dims)
        y = F.interpolate(x, size=size, mode=mode, **kind)
        onnx = "nearest" if mode.startswith("nearest") else "cubic" if "cubic" in mode else "linear"
        case("Resize", [x, None, None, torch.tensor(y.shape)], [y], mode=onnx, **attrs)
    x = real(1, 2, 3, 2)
    case("Resize", [x, None, torch.tensor([1.0, 1.0, 2.0, 1.5])], [F.interpolate(x, scale_factor=(2, 1.5), mode="bilinear", align_corners=False)],
         mode="linear", coordinate_transformation_mode="half_pixel")


def recurrent():
    t, n, i, h = 3, 2, 3, 2

    def order(w, gates):
        return torch.cat([w[k * h:(k + 1) * h] for k in gates])

    for op, make, gates in [("LSTM", torch.nn.LSTM, [0, 3, 1, 2]), ("GRU", torch.nn.GRU, [1, 0, 2])]:
        for direction in ["forward", "reverse", "bidirectional"]:
            both = 2 if direction == "bidirectional" else 1
            g = len(gates)
            x, w, r, b = real(t, n, i), real(both, g * h, i), real(both, g * h, h), real(both, 2 * g * h)
            h0, c0 = real(both, n, h), real(both, n, h)
            outs, hs, cs = [], [], []
            for d in range(both):
                back = direction == "reverse" or d == 1
                layer = make(i, h)
                where = [gates.index(k) for k in range(g)]  # of PyTorch's gate k among ONNX's
                state = {"weight_ih_l0": order(w[d], where), "weight_hh_l0": order(r[d], where),
                         "bias_ih_l0": order(b[d, :g * h], where), "bias_hh_l0": order(b[d, g * h:], where)}
                start = (h0[d:d + 1], c0[d:d + 1]) if op == "LSTM" else h0[d:d + 1]
                y, last = torch.func.functional_call(layer, state, (x.flip(0) if back else x, start))
                outs.append(y.flip(0) if back else y)
                hs.append(last[0] if op == "LSTM" else last)
                cs.append(last[1] if op == "LSTM" else None)
            y = torch.stack(outs, 1)
            attrs = dict(hidden_size=h, direction=direction)
            if op == "LSTM":
                case(op, [x, w, r, b, None, h0, c0], [y, torch.cat(hs), torch.cat(cs)], **attrs)
            else:
                case(op, [x, w, r, b, None, h0], [y, torch.cat(hs)], linear_before_reset=1, **attrs)
    x, w, r = real(t, n, i), real(1, 3 * h, i), real(1, 3 * h, h)
    state, ys = torch.zeros(n, h), []
    for k in range(t):  # the reset precedes the product, which PyTorch has no layer for
        xs, hs = x[k] @ w[0].T, state @ r[0, :2 * h].T
        z, reset = torch.sigmoid(xs[:, :h] + hs[:, :h]), torch.sigmoid(xs[:, h:2 * h] + hs[:, h:])
        new = torch.tanh(xs[:, 2 * h:] + (reset * state) @ r[0, 2 * h:].T)
        state = (1 - z) * new + z * state
        ys.append(state)
    case("GRU", [x, w, r], [torch.stack(ys).unsqueeze(1), state.unsqueeze(0)], hidden_size=h, direction="forward", linear_before_reset=0)


convolutions()
pools()
normalizations()
activations()
pads()
resizes()
recurrent()
