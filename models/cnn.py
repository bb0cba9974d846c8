"""A small convolutional network in plain numpy: layers with a forward and a backward pass, and Adam.

It exists so that the sample model can be trained wherever numpy installs; a deep-learning framework would be
gigabytes for a minute's work.
Arrays are FP32, pictures are NCHW. A layer keeps what its backward pass needs from the last forward pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass
class Parameter:
    """A weight, its last gradient and Adam's two moments."""

    value: Array
    gradient: Array = field(init=False)
    mean: Array = field(init=False)
    square: Array = field(init=False)

    def __post_init__(self) -> None:
        self.gradient, self.mean, self.square = (np.zeros_like(self.value) for _ in range(3))


class Layer(Protocol):
    """What a network asks of a layer."""

    parameters: tuple[Parameter, ...]

    def forward(self, x: Array) -> Array: ...

    def backward(self, gradient: Array) -> Array: ...


def he_normal(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int) -> Array:
    """He's initialisation for layers followed by ReLU."""
    return np.asarray(rng.standard_normal(shape) * np.sqrt(2.0 / fan_in), dtype=np.float32)


class Conv:
    """A square convolution, stride 1, no padding: [N,C,H,W] -> [N,F,H-k+1,W-k+1]."""

    def __init__(self, rng: np.random.Generator, channels: int, filters: int, size: int) -> None:
        fan_in = channels * size * size
        self.weight = Parameter(he_normal(rng, (filters, channels, size, size), fan_in))
        self.bias = Parameter(np.zeros(filters, np.float32))
        self.parameters: tuple[Parameter, ...] = (self.weight, self.bias)
        self.first = False  # nobody needs the gradient of the picture

    def forward(self, x: Array) -> Array:
        filters, channels, size, _ = self.weight.value.shape
        self._input_shape = x.shape
        windows = sliding_window_view(x, (size, size), axis=(2, 3))  # N, C, H, W, k, k
        count, _, height, width = windows.shape[:4]
        self._columns = windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, channels * size * size)
        flat = self._columns @ self.weight.value.reshape(filters, -1).T + self.bias.value
        return np.ascontiguousarray(flat.reshape(count, height, width, filters).transpose(0, 3, 1, 2))

    def backward(self, gradient: Array) -> Array:
        filters, _, size, _ = self.weight.value.shape
        flat = gradient.transpose(0, 2, 3, 1).reshape(-1, filters)
        self.weight.gradient = (flat.T @ self._columns).reshape(self.weight.value.shape)
        self.bias.gradient = flat.sum(axis=0)
        if self.first:
            return gradient
        count, _, height, width = gradient.shape
        columns = (flat @ self.weight.value.reshape(filters, -1)).reshape(count, height, width, -1, size, size)
        back = np.zeros(self._input_shape, np.float32)
        for row in range(size):
            for column in range(size):
                back[:, :, row : row + height, column : column + width] += columns[..., row, column].transpose(
                    0, 3, 1, 2
                )
        return back


class Relu:
    """max(x, 0)."""

    parameters: tuple[Parameter, ...] = ()

    def forward(self, x: Array) -> Array:
        self._positive = x > 0
        return np.where(self._positive, x, np.float32(0))

    def backward(self, gradient: Array) -> Array:
        return np.where(self._positive, gradient, np.float32(0))


class MaxPool:
    """The largest of each 2x2 block; height and width must be even."""

    parameters: tuple[Parameter, ...] = ()

    def forward(self, x: Array) -> Array:
        count, channels, height, width = x.shape
        self._input_shape = x.shape
        blocks = x.reshape(count, channels, height // 2, 2, width // 2, 2).transpose(0, 1, 2, 4, 3, 5)
        blocks = blocks.reshape(count, channels, height // 2, width // 2, 4)
        self._largest = blocks.argmax(axis=-1)[..., None]
        return np.take_along_axis(blocks, self._largest, axis=-1)[..., 0]

    def backward(self, gradient: Array) -> Array:
        count, channels, height, width = gradient.shape
        blocks = np.zeros((*gradient.shape, 4), np.float32)
        np.put_along_axis(blocks, self._largest, gradient[..., None], axis=-1)
        back = blocks.reshape(count, channels, height, width, 2, 2).transpose(0, 1, 2, 4, 3, 5)
        return back.reshape(self._input_shape)


class Flatten:
    """[N,...] -> [N,features], in C order, as ONNX Flatten does."""

    parameters: tuple[Parameter, ...] = ()

    def forward(self, x: Array) -> Array:
        self._input_shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, gradient: Array) -> Array:
        return gradient.reshape(self._input_shape)


class Dense:
    """x @ weight + bias, weight [inputs, outputs]."""

    def __init__(self, rng: np.random.Generator, inputs: int, outputs: int) -> None:
        self.weight = Parameter(he_normal(rng, (inputs, outputs), inputs))
        self.bias = Parameter(np.zeros(outputs, np.float32))
        self.parameters: tuple[Parameter, ...] = (self.weight, self.bias)

    def forward(self, x: Array) -> Array:
        self._input = x
        return x @ self.weight.value + self.bias.value

    def backward(self, gradient: Array) -> Array:
        self.weight.gradient = self._input.T @ gradient
        self.bias.gradient = gradient.sum(axis=0)
        return gradient @ self.weight.value.T


class Dropout:
    """Zeroes a share of the features while training, scaled so that nothing changes when it is off."""

    parameters: tuple[Parameter, ...] = ()

    def __init__(self, rng: np.random.Generator, rate: float) -> None:
        self._rng, self._rate = rng, rate
        self.training = False

    def forward(self, x: Array) -> Array:
        if not self.training:
            self._mask = np.ones_like(x)
            return x
        self._mask = (self._rng.random(x.shape) >= self._rate).astype(np.float32) / np.float32(1 - self._rate)
        return x * self._mask

    def backward(self, gradient: Array) -> Array:
        return gradient * self._mask


class Network:
    """Layers in a row."""

    def __init__(self, layers: list[Layer]) -> None:
        self.layers = layers
        self.parameters = [parameter for layer in layers for parameter in layer.parameters]

    def forward(self, x: Array, *, training: bool = False) -> Array:
        for layer in self.layers:
            if isinstance(layer, Dropout):
                layer.training = training
            x = layer.forward(x)
        return x

    def backward(self, gradient: Array) -> None:
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient)


def cross_entropy(scores: Array, labels: NDArray[np.int64]) -> tuple[float, Array]:
    """Softmax cross-entropy and its gradient, [N,classes] scores against [N] class numbers."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    chances = np.exp(shifted)
    chances /= chances.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = float(-np.log(chances[rows, labels] + 1e-12).mean())
    chances[rows, labels] -= 1
    return loss, (chances / len(labels)).astype(np.float32)


def adam(parameters: list[Parameter], step: int, rate: float, *, decay: float = 1e-4) -> None:
    """One step of Adam (Kingma and Ba, 2015) with decoupled weight decay; `step` counts from 1."""
    for parameter in parameters:
        parameter.mean = 0.9 * parameter.mean + 0.1 * parameter.gradient
        parameter.square = 0.999 * parameter.square + 0.001 * parameter.gradient**2
        mean = parameter.mean / (1 - 0.9**step)
        square = parameter.square / (1 - 0.999**step)
        parameter.value = parameter.value - rate * (mean / (np.sqrt(square) + 1e-8) + decay * parameter.value)
        parameter.value = parameter.value.astype(np.float32)
