import shlex
from pathlib import Path

from isvc.cli.invocations import curl, grpcurl
from isvc.server.exchange import Ingress

INGRESS = Ingress("127.0.0.1", 8080)


def test_the_curl_line_posts_the_body_beside_the_yaml(plan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = shlex.split(curl(plan(warmup=str(tmp_path / "in put.json")), INGRESS))
    assert words[-3:] == ["http://127.0.0.1:8080/v1/models/model:predict", "-d", "@in put.json"]
    assert "Host: mnist.default.example.com" in words


def test_without_a_body_both_lines_ask_for_the_metadata(plan):
    assert curl(plan(), INGRESS).endswith("/v2/models/model")
    assert "ModelMetadata" in grpcurl(plan(), INGRESS, None)


def test_the_grpcurl_line_names_the_authority_and_reads_a_file(plan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = grpcurl(plan(), INGRESS, Path(tmp_path / "request.json"))
    assert "-plaintext -authority mnist.default.example.com" in line
    assert line.endswith("127.0.0.1:8080 inference.GRPCInferenceService/ModelInfer < request.json")
