#!/usr/bin/env python3
"""Checks what the JAX adapter promises beside right numbers.

    python adapter_jax.py --lossgen ../lossgen
"""

import logging

import jax
import jax.numpy as jnp
import numpy as np
import optax

import promises
from promises import raises

jax.config.update("jax_enable_x64", True)
logging.getLogger("jax").setLevel(logging.CRITICAL)  # one check makes a callback fail
X = jnp.asarray(np.random.RandomState(0).randn(6, 5), jnp.float32)
Y = jnp.asarray([0, 1, 2, 3, 4, -100])


def cross_entropy(x, y):
    kept = y != -100
    ce = optax.softmax_cross_entropy_with_integer_labels(x, jnp.where(kept, y, 0))
    return jnp.where(kept, ce, 0).sum() / kept.sum()


def equal(a, b, tolerance=2e-6):
    assert a.shape == b.shape and a.dtype == b.dtype, f"{a.dtype}{a.shape} for {b.dtype}{b.shape}"
    assert np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True), f"off by {abs(a - b).max()}"


# ---- checks ----

def check_jit_and_grad(emit):
    loss = emit("cross_entropy").loss
    for f in (lambda g: g, jax.jit):
        v, g = f(jax.value_and_grad(lambda x, y: 3 * loss(x, y)))(X, Y)
        want = jax.value_and_grad(lambda x, y: 3 * cross_entropy(x, y))(X, Y)
        equal(v, want[0])
        equal(g, want[1])
    equal(loss(X, Y), cross_entropy(X, Y))


def check_vmap(emit):
    loss, xs, ys = emit("cross_entropy").loss, jnp.stack([X, X * 2, -X]), jnp.stack([Y] * 3)
    equal(jax.vmap(loss)(xs, ys), jax.vmap(cross_entropy)(xs, ys))
    equal(jax.vmap(jax.grad(loss))(xs, ys), jax.vmap(jax.grad(cross_entropy))(xs, ys))
    equal(jax.grad(lambda x: jax.vmap(loss)(x, ys).sum())(xs), jax.grad(lambda x: jax.vmap(cross_entropy)(x, ys).sum())(xs))


def check_scan(emit):
    loss = emit("cross_entropy").loss

    def train(f):
        return jax.lax.scan(lambda x, _: (x - jax.grad(f)(x, Y), f(x, Y)), X, None, length=5)
    for a, b in zip(train(loss), train(cross_entropy)):
        equal(a, b)


def check_float64(emit):
    loss, x = emit("cross_entropy", "--dtype", "float64").loss, X.astype(jnp.float64)
    equal(jax.grad(loss)(x, Y), jax.grad(cross_entropy)(x, Y), 1e-12)


def check_16_bit(emit):
    loss = emit("cross_entropy").loss
    for dtype in (jnp.bfloat16, jnp.float16):
        x = X.astype(dtype)
        g = jax.grad(loss)(x, Y)
        assert g.dtype == dtype
        equal(g.astype(jnp.float32), jax.grad(cross_entropy)(x.astype(jnp.float32), Y), 1e-2)


def check_labels(emit):
    loss = emit("cross_entropy").loss
    for dtype in (jnp.int32, jnp.int16, jnp.int64):
        equal(loss(X, Y.astype(dtype)), cross_entropy(X, Y))


def check_upstream(emit):
    """Unreduced losses: each element has an upstream gradient of its own."""
    loss = emit("mse", "--reduction", "none").loss
    weights = jnp.abs(X)
    equal(jax.jit(jax.grad(lambda x: (loss(x, X * 2) * weights).sum()))(X), jax.grad(lambda x: ((x - X * 2) ** 2 * weights).sum())(X))


def check_several_inputs(emit):
    loss = emit("huber", "--grad", "input,target").loss

    def huber(a, b):
        return optax.huber_loss(a, b).mean()
    for argnums in (0, 1, (0, 1)):
        for a, b in zip(jax.tree.leaves(jax.grad(loss, argnums)(X, X * 2)), jax.tree.leaves(jax.grad(huber, argnums)(X, X * 2))):
            equal(a, b)


def check_optional_inputs(emit):
    loss, w = emit("cross_entropy", "--with", "weight").loss, jnp.arange(1, 6, dtype=jnp.float32)
    kept = Y != -100
    y = jnp.where(kept, Y, 0)

    def weighted(x):
        ce = optax.softmax_cross_entropy_with_integer_labels(x, y) * w[y]
        return jnp.where(kept, ce, 0).sum() / jnp.where(kept, w[y], 0).sum()
    equal(jax.grad(lambda x: loss(x, Y, weight=w))(X), jax.grad(weighted)(X))


def check_errors(emit):
    loss = emit("cross_entropy").loss
    raises(TypeError, "input is float64", lambda: loss(X.astype(jnp.float64), Y))
    raises(TypeError, "target is float32", lambda: loss(X, X[:, 0]))
    raises(ValueError, "target has shape [5]", lambda: loss(X, Y[:5]))
    raises(ValueError, "input has shape [6]", lambda: loss(X[:, 0], Y))
    raises(ValueError, "no gradient for target", lambda: jax.grad(emit("mse").loss, 1)(X, X))
    raises(Exception, "out of data bounds", lambda: jax.block_until_ready(loss(X, Y + 7)))
    module, path = emit.stranger("mse", "l1")
    raises(ValueError, f"{path} is not the file that {module.__name__}.py was written for: make both anew with `lossgen emit mse",
           lambda: module.loss(X, X, path=path))


def check_all_ignored(emit):
    v, g = jax.value_and_grad(emit("cross_entropy").loss)(X, jnp.full(6, -100))
    assert jnp.isnan(v) and not g.any()


def check_forward_file(emit):
    equal(emit("cross_entropy", "--grad", "none").loss(X, Y), cross_entropy(X, Y))


def check_extra_outputs(emit):
    values = emit("adaptive_log_softmax_with_loss").outputs(
        jnp.ones((2, 3)).astype(jnp.float32), jnp.asarray([0, 5]), head_weight=jnp.ones((6, 3), jnp.float32),
        tail_0_0_weight=jnp.ones((2, 3), jnp.float32), tail_0_1_weight=jnp.ones((3, 2), jnp.float32),
        tail_1_0_weight=jnp.ones((1, 3), jnp.float32), tail_1_1_weight=jnp.ones((3, 1), jnp.float32))
    assert list(values) == ["loss", "output"] and values["output"].shape == (2,)


if __name__ == "__main__":
    promises.main("jax", dict(globals()), __doc__)
