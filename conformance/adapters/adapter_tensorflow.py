#!/usr/bin/env python3
"""Checks what the TensorFlow adapter promises beside right numbers, and trains with Keras.

    python adapter_tensorflow.py --lossgen ../lossgen
"""

import keras
import numpy as np
import tensorflow as tf

import promises
import train
from promises import raises

X = tf.constant(np.random.RandomState(0).randn(6, 5), tf.float32)
Y = tf.constant([0, 1, 2, 3, 4, 0], tf.int64)


def cross_entropy(y, x):
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, x))


def gradient(f, *inputs, by=1):
    with tf.GradientTape() as tape:
        tape.watch(inputs[by])
        value = f(*inputs)
    return value, tape.gradient(value, inputs[by])


def equal(a, b, tolerance=2e-6):
    assert a.shape == b.shape and a.dtype == b.dtype, f"{a.dtype}{a.shape} for {b.dtype}{b.shape}"
    assert np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True), f"off by {np.abs(a - b).max()}"


# ---- checks ----

def check_eager_and_function(emit):
    loss = emit("cross_entropy").loss

    def scaled(y, x):
        return 3 * loss(y, x)
    want = gradient(cross_entropy, Y, X)
    for f in (scaled, tf.function(scaled)):
        for a, b in zip(gradient(f, Y, X), want):
            equal(a, 3 * b)


def check_unknown_sizes(emit):
    loss = emit("cross_entropy").loss
    f = tf.function(loss, input_signature=[tf.TensorSpec([None], tf.int64), tf.TensorSpec([None, 5], tf.float32)])
    for n in (1, 4, 6):
        equal(f(Y[:n], X[:n]), cross_entropy(Y[:n], X[:n]))
    assert f.get_concrete_function().output_shapes == ()


def check_value_and_gradient(emit):
    value, gradients = emit("cross_entropy").value_and_gradient(Y, X)
    want = gradient(cross_entropy, Y, X)
    equal(value, want[0])
    equal(gradients["input"], want[1])
    module = emit("mse", "--reduction", "none")
    value, gradients = module.value_and_gradient(X * 2, X, grad_output=tf.abs(X))
    equal(gradients["input"], -2 * X * tf.abs(X))
    equal(module.value_and_gradient(X * 2, X)[1]["input"], -2 * X)


def check_upstream(emit):
    loss = emit("mse", "--reduction", "none").loss
    weights = tf.abs(X)

    def weighted(y, x):
        return tf.reduce_sum(loss(y, x) * weights)
    for f in (weighted, tf.function(weighted)):
        equal(gradient(f, X * 2, X)[1], -2 * X * weights)


def check_several_inputs(emit):
    loss = emit("huber", "--grad", "input,target").loss
    huber = keras.losses.Huber()
    for by in (0, 1):
        equal(gradient(loss, X * 2, X, by=by)[1], gradient(huber, X * 2, X, by=by)[1])
    assert gradient(emit("mse").loss, X * 2, X, by=0)[1] is None


def check_labels(emit):
    loss = emit("cross_entropy").loss
    for y in (tf.cast(Y, tf.int32), tf.cast(Y, tf.float32), Y[:, None], Y.numpy()):
        equal(loss(y, X), cross_entropy(Y, X))


def check_16_bit(emit):
    for dtype in (tf.float16, tf.bfloat16):
        _, g = gradient(emit("cross_entropy").loss, Y, tf.cast(X, dtype))
        assert g.dtype == dtype
        equal(tf.cast(g, tf.float32), gradient(cross_entropy, Y, tf.cast(tf.cast(X, dtype), tf.float32))[1], 1e-2)


def check_float64(emit):
    x = tf.cast(X, tf.float64)
    equal(gradient(emit("cross_entropy", "--dtype", "float64").loss, Y, x)[1], gradient(cross_entropy, Y, x)[1], 1e-12)


def check_errors(emit):
    loss = emit("cross_entropy").loss
    raises(TypeError, "input is float64", lambda: loss(Y, tf.cast(X, tf.float64)))
    raises(ValueError, "target has shape (5,)", lambda: loss(Y[:5], X))
    raises(ValueError, "takes rank 2", lambda: loss(Y, X[0]))
    raises(Exception, "out of data bounds", lambda: loss(Y + 7, X))
    module, path = emit.stranger("mse", "l1")
    raises(ValueError, f"{path} is not the file that {module.__name__}.py was written for: make both anew with `lossgen emit mse",
           lambda: module.loss(X, X, path=path))


def check_keras(emit):
    """fit() with the file and with Keras's own loss gives the same curves and weights."""
    x, y = train.digits()
    found = []
    for loss in (emit("cross_entropy").loss, keras.losses.SparseCategoricalCrossentropy(from_logits=True)):
        model = keras.Sequential([keras.Input([64]), keras.layers.Dense(64, "relu"), keras.layers.Dense(10)])
        model.set_weights(train.weights())
        model.compile(optimizer=keras.optimizers.SGD(train.RATE, train.MOMENTUM), loss=loss)
        history = model.fit(x, y, batch_size=64, epochs=4, shuffle=False, verbose=0).history["loss"]
        found.append((history, model.get_weights()))
    assert np.allclose(found[0][0], found[1][0], atol=train.TOLERANCE)
    for a, b in zip(found[0][1], found[1][1]):
        assert np.abs(a - b).max() <= train.TOLERANCE, f"weights differ by {np.abs(a - b).max()}"


def check_forward_file(emit):
    equal(emit("cross_entropy", "--grad", "none").loss(Y, X), cross_entropy(Y, X))


if __name__ == "__main__":
    promises.main("tensorflow", dict(globals()), __doc__)
