"""Each code has an example that fails and one that passes, and stands in docs/doctor.md."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from isvc import manifest
from isvc.doctor import CODES, Level, examine
from isvc.manifest import Document
from isvc.settings import ImageMapping, Settings, StorageMapping

DOCS = Path(__file__).parents[4] / "docs/doctor.md"
MODEL = "{modelFormat: {name: pytorch}, storageUri: gs://bucket/a/}"
TRITON = "{modelFormat: {name: triton}, storageUri: gs://bucket/a/%s}"
H2C = ", ports: [{name: h2c, containerPort: 9000}]"


def _transformer(args: str, more: str = "", beside: str = "") -> str:
    return f"transformer: {{{more}containers: [{{image: 'my/image:v1', command: [python], args: {args}}}{beside}]}}"


def _pair(args: str, port: str = "8085") -> str:
    one = f"{{name: kserve-container, image: 'my/image:v1', args: [--http_port={port}]}}"
    return f"predictor: {{containers: [{one}, {{name: transformer-container, image: 'my/image:v1', args: {args}}}]}}"


P = f"predictor: {{model: {MODEL}}}"
CANARY = "canary: [{trafficPercent: 9, predictor: {name: b, model: %s}}]" % MODEL  # noqa: UP031  # braces

# Name of the code: what fails, what passes.
EXAMPLES = {
    "protocol-flag": (
        f"{P}, {_transformer('[--protocol, v1]')}",
        f"{P}, {_transformer('[--protocol, v1, --predictor_protocol, v1]')}",
    ),
    "transformer-workers": (
        f"{P}, {_transformer('[]', 'containerConcurrency: 2, ')}",
        f"{P}, {_transformer('[]', 'containerConcurrency: 1, ')}",
    ),
    "triton-model-name": (
        f"predictor: {{model: {TRITON % ''}}}, {_transformer('[--model_name=lily]')}",
        f"predictor: {{model: {TRITON % ''}}}, {_transformer('[--model_name=setosa]')}",
    ),
    "rest-to-h2c": (
        f"predictor: {{model: {TRITON[:-1] % ''}{H2C}}}}}, {_transformer('[--model_name=setosa]')}",
        f"predictor: {{model: {TRITON[:-1] % ''}{H2C}}}}}, "
        + _transformer("[--model_name=setosa, --predictor_protocol=grpc-v2]"),
    ),
    "format-needs-v2": (
        "predictor: {model: {modelFormat: {name: onnx}, storageUri: gs://bucket/a/}}",
        "predictor: {model: {modelFormat: {name: onnx}, protocolVersion: v2, storageUri: gs://bucket/a/}}",
    ),
    "s3-prefix": (
        "predictor: {pytorch: {storageUri: s3://bucket/models/foo}}",
        "predictor: {pytorch: {storageUri: s3://bucket/models/foo/}}",
    ),
    "file-address": ("predictor: {pytorch: {storageUri: file:///srv/a}}", P),
    "grpc-body": (P, P),
    "collocated-ports": (
        _pair("[--predictor_host=localhost:8080]", "8080"),
        _pair("[--predictor_host=localhost:8085]"),
    ),
    "pythonpath": ("predictor: {pytorch: {storageUri: gs://bucket/a/, env: [{name: PYTHONPATH, value: /x}]}}", P),
    "latest-tag": (f"{P}, {_transformer('[]').replace(':v1', ':latest')}", f"{P}, {_transformer('[]')}"),
    "logger-mode": (
        f"predictor: {{logger: {{url: 'http://a.b.c'}}, model: {MODEL}}}",
        f"predictor: {{logger: {{url: 'http://a.b.c', mode: all}}, model: {MODEL}}}",
    ),
    "collocated-host": (_pair("[]"), _pair("[--predictor_host=localhost:8085]")),
    "ignored-storage": (
        f"{P}, "
        + _transformer(
            "[]", beside=", {name: b, image: 'my/image:v1', env: [{name: STORAGE_URI, value: gs://bucket/b}]}"
        ),
        f"{P}, {_transformer('[]')}",
    ),
    "grpc-to-rest": (
        f"{P}, {_transformer('[--predictor_protocol=grpc-v2]')}",
        f"{P}, {_transformer('[--predictor_protocol=v2]')}",
    ),
    "canary-behind": (f"{P}, {CANARY}, {_transformer('[]')}", f"{P}, {CANARY}"),
    "refused": ("predictor: {pytorch: {storageUri: ftp://bucket/a}}", P),
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "a/setosa").mkdir(parents=True)
    return Settings(
        storage=(StorageMapping("gs://bucket/", str(tmp_path), "bucket/"),),
        images=(ImageMapping("my/image", "/sample", "image/"),),
    )


def _codes(spec: str, settings: Settings, size: int, folder: Path) -> set[str]:
    text = (
        f"apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {{name: iris}}\nspec: {{{spec}}}\n"
    )
    body = folder / "input.json"
    body.write_bytes(b" " * size)
    (document,) = manifest.parse_text(text, "x.yaml", checked=False)
    found = examine([replace(document, warmup=body)], settings)
    assert all(str(one).startswith("x.yaml:") and one.fix for one in found)
    return {one.code.name for one in found}


@pytest.mark.parametrize("name", CODES)
def test_a_code_is_found_in_what_fails_and_not_in_what_passes(name: str, settings: Settings, tmp_path: Path) -> None:
    failing, passing = EXAMPLES[name]
    too_much = 9 * 1024 * 1024 if name == "grpc-body" else 1
    assert name in _codes(failing, settings, too_much, tmp_path)
    assert name not in _codes(passing, settings, 1, tmp_path)


def test_a_large_body_is_no_finding_where_the_server_is_told_to_take_it(settings: Settings, tmp_path: Path) -> None:
    told = f"{P}, {_transformer('[--grpc_max_receive_message_length=16777216]')}"
    assert "grpc-body" not in _codes(told, settings, 9 * 1024 * 1024, tmp_path)
    assert "grpc-body" in _codes(told, settings, 17 * 1024 * 1024, tmp_path)


@pytest.mark.parametrize("name", sorted(CODES.keys() - {"collocated-host", "collocated-ports"}))
def test_what_passes_has_no_finding_at_all(name: str, settings: Settings, tmp_path: Path) -> None:
    assert _codes(EXAMPLES[name][1], settings, 1, tmp_path) == set()


def test_codes_are_unique_and_each_has_its_page() -> None:
    assert len({code.code for code in CODES.values()}) == len(CODES)
    text = DOCS.read_text()
    for code in CODES.values():
        assert f"## {code.code} {code.name}" in text
        assert f"{code.level.value}: {code.says}." in text


def test_a_service_that_works_has_no_finding(settings: Settings) -> None:
    documents: tuple[Document, ...] = manifest.parse_text(
        f"apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {{name: a}}\nspec: {{{P}}}\n",
        "x.yaml",
    )
    assert examine(documents, settings) == ()
    assert {code.level for code in CODES.values()} == set(Level)
