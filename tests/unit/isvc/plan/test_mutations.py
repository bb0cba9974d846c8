"""Whatever is done to a YAML, it is planned or refused with its place: never anything else."""

from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from isvc import manifest, plan, runtimes
from isvc.errors import InputError, ManifestError, PlanError
from isvc.runtimes import Catalogue
from isvc.settings import ImageMapping, Settings, StorageMapping

EXAMPLES = Path(__file__).parents[4] / "examples"
SETTINGS = Settings(
    storage=(StorageMapping("gs://kfserving-examples/", "/sample", "sample"),),
    images=(ImageMapping("kserve/image-transformer", "/sample", "sample"),),
)
RICH = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: rich, namespace: garden, labels: {a: b}, annotations: {serving.kserve.io/deploymentMode: Standard}}
spec:
  predictor:
    minReplicas: 1
    model:
      modelFormat: {name: onnx, version: "1"}
      protocolVersion: v2
      runtimeVersion: 24.01-py3
      storageUri: gs://kfserving-examples/x
      env: [{name: A, value: $(B)}, {name: S, valueFrom: {secretKeyRef: {name: keys, key: token}}}]
      ports: [{name: h2c, containerPort: 9000}, {containerPort: 8080}]
      resources: {limits: {memory: 1Gi, cpu: 1}}
  transformer:
    containerConcurrency: 2
    containers:
      - image: kserve/image-transformer
        args: [--model_name=x, --predictor_protocol, grpc-v2, --labels, /mnt/models/l]
        env: [{name: STORAGE_URI, value: gs://kfserving-examples/y}]
        readinessProbe: {httpGet: {path: /, port: 8080}}
---
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: garden}
data: {token: YWJj}
"""
STRANGE: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "x",
    "gs://",
    "{{.X}}",
    "a" * 300,
    "\x7f",
    [],
    [1],
    ["x"],
    {},
    {"x": "y"},
]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return runtimes.load()


def _texts() -> list[str]:
    return [RICH, *(path.read_text() for path in sorted(EXAMPLES.glob("torch-*/*.yaml")))]


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a tree of lists and mappings."""
    keys: list[Any] = (
        list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    )
    return [(value, key) for key in keys] + [place for key in keys for place in _places(value[key])]


def _misspelt(name: str, chance: random.Random) -> str:
    index = chance.randrange(len(name))
    return chance.choice(
        (name[:index] + name[index + 1 :], name[:index] + "q" + name[index:], name.upper(), name.lower())
    )


def _mutate(documents: list[Any], chance: random.Random) -> None:
    container, key = chance.choice(_places(documents))
    value = container[key]
    match chance.choice(("misspell", "move", "replace", "remove")):
        case "misspell" if isinstance(container, dict):
            del container[key]
            container[_misspelt(key, chance)] = value
        case "move" if isinstance(container, dict):
            target = chance.choice([holder for holder, _ in _places(documents) if isinstance(holder, dict)])
            target[key] = copy.deepcopy(value)
            if target is not container:
                del container[key]
        case "replace":
            container[key] = chance.choice(STRANGE)
        case _:
            del container[key]


@pytest.mark.parametrize("seed", range(8))
def test_a_mutated_yaml_is_planned_or_refused_with_its_place(seed: int, catalogue: Catalogue) -> None:
    chance = random.Random(seed)
    refused = 0
    for round_ in range(50):
        documents = list(yaml.safe_load_all(chance.choice(_texts())))
        for _ in range(1 + round_ % 3):
            if _places(documents):
                _mutate(documents, chance)
        text = yaml.safe_dump_all(documents)
        error = _refusal(text, catalogue)
        if error is not None:
            refused += 1
            assert str(error).startswith("x.yaml"), text
            assert len(error.message) > 5, text
    assert refused > 20


def _refusal(text: str, catalogue: Catalogue) -> InputError | None:
    try:
        plan.build(manifest.parse_text(text, "x.yaml"), SETTINGS, catalogue=catalogue)
    except (ManifestError, PlanError) as error:
        return error
    return None


def test_the_yamls_themselves_are_planned(catalogue: Catalogue) -> None:
    for text in _texts():
        assert plan.build(manifest.parse_text(text, "x.yaml"), SETTINGS, catalogue=catalogue).services
