"""The MNIST model: how it is trained and written as ONNX. Two convolutions and two dense layers, 60,000 numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from onnx import ModelProto

from models import digits, graph
from models.cnn import Conv, Dense, Dropout, Flatten, MaxPool, Network, Relu, adam, cross_entropy

EPOCHS = 30
BATCH = 64
RATE = 2e-3
TRAINING_SEED = 7


def network(rng: np.random.Generator) -> Network:
    """[N,1,28,28] -> [N,10] scores."""
    first = Conv(rng, 1, 12, 5)
    first.first = True
    return Network(
        [
            first,
            Relu(),
            MaxPool(),
            Conv(rng, 12, 24, 5),
            Relu(),
            MaxPool(),
            Flatten(),
            Dense(rng, 24 * 4 * 4, 128),
            Relu(),
            Dropout(rng, 0.3),
            Dense(rng, 128, 10),
        ]
    )


def train(training: digits.Digits, report: Callable[[str], None], *, epochs: int = EPOCHS) -> Network:
    """A network trained on distorted digits, the learning rate falling along half a cosine."""
    rng = np.random.default_rng(TRAINING_SEED)
    net = network(rng)
    steps, step = epochs * -(-len(training) // BATCH), 0
    for epoch in range(1, epochs + 1):
        order = rng.permutation(len(training))
        losses = []
        for start in range(0, len(order), BATCH):
            batch = training.take(order[start : start + BATCH])
            scores = net.forward(digits.normalise(digits.distort(batch.pixels, rng)), training=True)
            loss, gradient = cross_entropy(scores, batch.labels)
            net.backward(gradient)
            adam(net.parameters, step + 1, RATE * 0.5 * (1 + np.cos(np.pi * step / steps)))
            losses.append(loss)
            step += 1
        report(f"mnist: epoch {epoch} of {epochs}, loss {np.mean(losses):.3f}")
    return net


def accuracy(net: Network, held_out: digits.Digits) -> float:
    """The share of digits that get the highest score for what they are."""
    scores = net.forward(digits.normalise(held_out.pixels))
    return float((scores.argmax(axis=1) == held_out.labels).mean())


def to_onnx(net: Network) -> ModelProto:
    """The trained layers as ONNX nodes, in order."""
    chain = graph.Chain("mnist", (1, 28, 28), 10)
    for layer in net.layers:
        match layer:
            case Conv():
                chain.conv(layer.weight.value, layer.bias.value)
            case Dense():
                chain.dense(layer.weight.value, layer.bias.value)
            case Relu():
                chain.node("Relu")
            case MaxPool():
                chain.node("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
            case Flatten():
                chain.node("Flatten")
            case Dropout():
                pass  # off when the model answers
            case _:
                raise TypeError(f"no ONNX node is known for {type(layer).__name__}")
    return chain.model()
