"""What importing the library costs: which modules come along, and which must not."""

import subprocess
import sys
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HEAVY = (
    "fastapi",
    "starlette",
    "uvicorn",
    "grpc",
    "aiohttp",
    "httpx",
    "pandas",
    "prometheus_client",
    "tritonclient",
    "pydantic",
)


def loaded_after(statement: str) -> set[str]:
    script = f"{statement}\nimport sys\nprint(' '.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return set(run.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import modelapi",
        "from modelapi import InferInput, InferOutput, InferRequest, InferResponse",
        "from modelapi import Model, ModelRepository, PredictorConfig, errors, logging",
        "import modelapi.codec.v1, modelapi.codec.v2_json, modelapi.codec.v2_binary",
        "from modelapi import model_server; model_server.parser",
        "from modelapi import ModelServer",
    ],
)
def test_importing_names_loads_no_framework_and_no_client(statement: str) -> None:
    assert not loaded_after(statement).intersection(HEAVY)


def test_a_transformer_that_serves_loads_no_web_framework() -> None:
    """A quarter of a KServe server's start is FastAPI and pydantic; here they are loaded for a user's own routes."""
    served = loaded_after("import modelapi.server.run, modelapi.metrics, modelapi.predictors.grpc_v2")
    assert not served.intersection({"fastapi", "pydantic", "starlette", "httpx", "aiohttp", "pandas"})


def test_importing_the_package_loads_not_even_numpy() -> None:
    assert "numpy" not in loaded_after("import modelapi")


def test_importing_the_server_module_reads_no_command_line() -> None:
    script = "import sys; sys.argv = ['x', '--http_port', 'no number']; from modelapi import ModelServer, model_server"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_a_rest_client_without_httpx_says_what_to_install() -> None:
    script = "import sys; sys.modules['httpx'] = None; from modelapi import InferInput, InferenceRESTClient"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert run.stderr.rstrip().endswith("ImportError: InferenceRESTClient needs httpx: pip install 'modelapi[client]'.")


def test_it_brings_at_most_half_of_the_distributions_that_kserve_brings() -> None:
    """kserve 0.21 brings 67, itself included; `make bench` counts both."""
    brought, left = set[str](), ["modelapi"]
    while left:
        name = canonicalize_name(left.pop())
        if name not in brought:
            brought.add(name)
            left += required(name)
    assert len(brought) <= 33, sorted(brought)


def required(name: str) -> list[str]:
    requirements = [Requirement(line) for line in metadata.requires(name) or ()]
    return [each.name for each in requirements if each.marker is None or each.marker.evaluate({"extra": "grpc"})]


def test_every_public_name_is_there() -> None:
    import modelapi

    for name in modelapi.__all__:
        assert getattr(modelapi, name) is not None
    with pytest.raises(AttributeError, match="nothing_such"):
        modelapi.nothing_such  # noqa: B018
