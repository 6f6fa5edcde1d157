#!/usr/bin/env python3
"""Trains with TensorFlow: the emitted file through its adapter, and TensorFlow's own loss.

    python train_tensorflow.py --lossgen ../lossgen

Both train in a tf.function. Keras is trained by adapter_tensorflow.py.
"""

import types

import tensorflow as tf

import train


def rows(y, x):
    """Cross entropy of each row, 0 where it is ignored."""
    kept = y != -100
    ce = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.where(kept, y, 0), x)
    return tf.where(kept, ce, 0), tf.cast(kept, x.dtype)


def cross_entropy(y, x):
    ce, kept = rows(y, x)
    return tf.reduce_sum(ce) / tf.reduce_sum(kept)


def focal(y, x):
    ce, _ = rows(y, x)
    return tf.reduce_mean((1 - tf.exp(-ce)) ** 2 * ce)


def run(loss):
    """Losses of all steps and the final weights."""
    if isinstance(loss, types.ModuleType):
        loss = loss.loss
    w1, b1, w2, b2 = parameters = [tf.Variable(w) for w in train.weights()]
    velocities = [tf.Variable(tf.zeros_like(p)) for p in parameters]

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            value = loss(y, tf.nn.relu(x @ w1 + b1) @ w2 + b2)
        for p, v, g in zip(parameters, velocities, tape.gradient(value, parameters)):
            v.assign(train.MOMENTUM * v + g)
            p.assign_sub(train.RATE * v)
        return value

    losses = [float(step(tf.constant(x), tf.constant(y))) for x, y in train.batches()]
    return losses, [p.numpy() for p in parameters]


if __name__ == "__main__":
    train.run("tensorflow", run, {"cross_entropy": cross_entropy, "focal": focal}, __doc__)
