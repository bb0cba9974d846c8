"""The layers' backward passes against finite differences, and a network that learns."""

from __future__ import annotations

import numpy as np
import pytest

from models.cnn import Conv, Dense, Dropout, Flatten, Layer, MaxPool, Network, Relu, adam, cross_entropy


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def slope(function, array: np.ndarray, at: tuple[int, ...], step: float = 1e-2) -> float:  # type: ignore[no-untyped-def]
    """The central difference of a function of an array, along one of its elements."""
    before = array[at]
    array[at] = before + step
    above = function()
    array[at] = before - step
    below = function()
    array[at] = before
    return float(above - below) / (2 * step)


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        pytest.param(Conv(np.random.default_rng(1), 2, 3, 3), random(2, 2, 6, 6), id="conv"),
        pytest.param(Dense(np.random.default_rng(1), 5, 4), random(3, 5), id="dense"),
        pytest.param(Relu(), random(3, 5), id="relu"),
        pytest.param(MaxPool(), random(2, 2, 4, 4), id="max pool"),
        pytest.param(Flatten(), random(2, 2, 3, 3), id="flatten"),
    ],
)
def test_a_layers_gradients_are_the_slopes_of_its_forward_pass(layer: Layer, x: np.ndarray) -> None:
    weights = random(*layer.forward(x).shape, seed=2)

    def loss() -> float:
        return float((layer.forward(x).astype(np.float64) * weights).sum())

    loss()
    gradient = layer.backward(weights)

    for at in [(0,) * x.ndim, tuple(size - 1 for size in x.shape)]:
        assert gradient[at] == pytest.approx(slope(loss, x, at), abs=2e-2)
    for parameter in layer.parameters:
        at = tuple(size - 1 for size in parameter.value.shape)
        assert parameter.gradient[at] == pytest.approx(slope(loss, parameter.value, at), abs=2e-2)


def test_cross_entropy_has_the_slope_that_it_says() -> None:
    scores, labels = random(3, 4), np.array([0, 3, 1])

    _, gradient = cross_entropy(scores, labels)

    assert gradient[1, 3] == pytest.approx(slope(lambda: cross_entropy(scores, labels)[0], scores, (1, 3)), abs=2e-3)


def test_dropout_changes_nothing_outside_of_training() -> None:
    layer, x = Dropout(np.random.default_rng(0), 0.5), random(2, 8)

    layer.training = True
    dropped = layer.forward(x)
    layer.training = False

    assert (dropped == 0).any()
    np.testing.assert_array_equal(layer.forward(x), x)


def test_a_network_learns_to_tell_two_clouds_apart() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(64) % 2
    x = (rng.standard_normal((64, 2)) + 4 * labels[:, None]).astype(np.float32)
    net = Network([Dense(rng, 2, 8), Relu(), Dense(rng, 8, 2)])

    for step in range(1, 101):
        _, gradient = cross_entropy(net.forward(x, training=True), labels)
        net.backward(gradient)
        adam(net.parameters, step, 0.05)

    assert (net.forward(x).argmax(axis=1) == labels).mean() > 0.95
