#!/usr/bin/env python3
"""Trains with JAX: the emitted file through its adapter, and optax's loss, both under jit.

    python train_jax.py --lossgen ../lossgen
"""

import types

import jax
import jax.numpy as jnp
import optax

import train


def rows(x, y):
    """Cross entropy of each row, 0 where it is ignored."""
    kept = y != -100
    return jnp.where(kept, optax.softmax_cross_entropy_with_integer_labels(x, jnp.where(kept, y, 0)), 0), kept


def cross_entropy(x, y):
    ce, kept = rows(x, y)
    return ce.sum() / kept.sum()


def focal(x, y):
    ce, _ = rows(x, y)
    return ((1 - jnp.exp(-ce)) ** 2 * ce).mean()


def run(loss):
    """Losses of all steps and the final weights."""
    if isinstance(loss, types.ModuleType):
        loss = loss.loss
    optimizer = optax.sgd(train.RATE, train.MOMENTUM)

    def value(parameters, x, y):
        w1, b1, w2, b2 = parameters
        return loss(jax.nn.relu(x @ w1 + b1) @ w2 + b2, y)

    @jax.jit
    def step(parameters, state, x, y):
        v, gradients = jax.value_and_grad(value)(parameters, x, y)
        updates, state = optimizer.update(gradients, state)
        return optax.apply_updates(parameters, updates), state, v

    parameters = [jnp.asarray(w) for w in train.weights()]
    state, losses = optimizer.init(parameters), []
    for x, y in train.batches():
        parameters, state, v = step(parameters, state, x, y)
        losses.append(float(v))
    return losses, [jax.device_get(p) for p in parameters]


if __name__ == "__main__":
    train.run("jax", run, {"cross_entropy": cross_entropy, "focal": focal}, __doc__)
