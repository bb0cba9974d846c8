"""The ONNX network of CIFAR-10 against the second forward pass, with weights of the real shapes."""

from __future__ import annotations

import numpy as np
import onnxruntime

from models import cifar10

FILTERS = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 64), (64, 64)]
UNITS = [(64, 1024), (1024, 512), (512, 10)]


def weights() -> cifar10.Weights:
    rng = np.random.default_rng(0)
    made: cifar10.Weights = {}

    def add(name: str, *shape: int, around: float = 0.0, spread: float = 0.05) -> None:
        made[name] = (around + spread * rng.standard_normal(shape)).astype(np.float32)

    for number, (channels, filters) in enumerate(FILTERS):
        conv, norm = cifar10.layer("conv2d", number), cifar10.layer("batch_normalization", number)
        add(f"{conv}/kernel", 3, 3, channels, filters)
        add(f"{conv}/bias", filters)
        for part, around in (("gamma", 1.0), ("beta", 0.0), ("moving_mean", 0.5), ("moving_variance", 1.0)):
            add(f"{norm}/{part}", filters, around=around)
    for number, (inputs, outputs) in enumerate(UNITS):
        dense = cifar10.layer("dense", number)
        add(f"{dense}/kernel", inputs, outputs)
        add(f"{dense}/bias", outputs, around=0.1)
    return made


def test_the_onnx_network_answers_as_the_reference_pass_does() -> None:
    made = weights()
    model = cifar10.to_onnx(made).SerializeToString()
    pixels = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 3)).astype(np.float32)
    normalised = ((pixels / 255 - 0.1307) / 0.3081).transpose(0, 3, 1, 2).astype(np.float32)

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (scores,) = session.run(["OUTPUT__0"], {"INPUT__0": normalised})

    expected = cifar10.reference(made, pixels)
    assert expected.any()
    np.testing.assert_allclose(scores, expected, rtol=1e-3, atol=1e-3 * float(np.abs(expected).max()))


def test_the_same_weights_give_the_same_bytes() -> None:
    made = weights()

    assert cifar10.to_onnx(made).SerializeToString(deterministic=True) == cifar10.to_onnx(made).SerializeToString(
        deterministic=True
    )
