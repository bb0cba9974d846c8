"""What transformers written for the kserve package rely on: names, signatures, and `import kserve` itself."""

import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

NAMES = {
    "": "Model ModelServer model_server InferInput InferRequest InferResponse InferOutput ModelRepository "
    "PredictorConfig InferenceRESTClient InferenceGRPCClient RESTConfig logging constants utils errors "
    "context metrics protocol",
    "model": "PredictorProtocol PredictorConfig InferenceVerb BaseKServeModel InferenceModel Model "
    "append_forwardable_headers get_latency_ms",
    "logging": "logger trace_logger configure_logging KSERVE_LOG_CONFIG",
    "errors": "InvalidInput InferenceError ModelNotFound ModelNotReady",
    "constants": "PredictorProtocol",
    "constants.constants": "PredictorProtocol",
    "context": "set_predictor_config get_predictor_config",
    "predictor_config": "PredictorConfig",
    "inference_client": "InferenceRESTClient InferenceGRPCClient RESTConfig",
    "metrics": "get_labels",
    "model_server": "ModelServer parser",
    "model_repository": "ModelRepository",
    "utils": "generate_uuid get_predict_input strtobool",
    "utils.utils": "get_predict_input get_predict_response generate_uuid cpu_count to_headers strtobool is_v1 is_v2 "
    "is_running_in_k8s get_current_k8s_namespace get_default_target_namespace get_isvc_namespace get_ig_namespace "
    "is_structured_cloudevent",
    "utils.numpy_codec": "to_np_dtype from_np_dtype",
    "utils.inference_client_factory": "InferenceClientFactory",
    "protocol.infer_type": "InferInput InferOutput InferRequest InferResponse RequestedOutput serialize_byte_tensor "
    "deserialize_bytes_tensor get_content to_grpc_parameters to_http_parameters _contains_fp16_datatype",
    "protocol.dataplane": "DataPlane",
    "protocol.model_repository_extension": "ModelRepositoryExtension",
    "protocol.grpc.grpc_predict_v2_pb2": "ModelInferRequest ModelInferResponse InferTensorContents InferParameter",
    "protocol.grpc.grpc_predict_v2_pb2_grpc": "GRPCInferenceServiceStub GRPCInferenceServiceServicer",
}


@pytest.mark.parametrize("module", NAMES)
def test_every_name_that_kserve_code_imports_is_here(module: str) -> None:
    home = import_module(f"modelapi.{module}".rstrip("."))
    for name in NAMES[module].split():
        assert getattr(home, name) is not None, name


# The leading parameters of kserve 0.21's callables, in its order; more may follow.
SIGNATURES = {
    "types.InferInput": "name shape datatype data parameters",
    "types.InferOutput": "name shape datatype data parameters",
    "types.RequestedOutput": "name parameters",
    "types.InferRequest": "model_name infer_inputs request_id raw_inputs from_grpc parameters request_outputs "
    "model_version",
    "types.InferResponse": "response_id model_name infer_outputs model_version raw_outputs from_grpc parameters "
    "use_binary_outputs requested_outputs",
    "config.PredictorConfig": "predictor_host predictor_protocol predictor_use_ssl predictor_request_timeout_seconds "
    "predictor_request_retries predictor_health_check",
    "model_server.ModelServer": "http_port grpc_port workers max_threads max_asyncio_workers registered_models "
    "enable_grpc enable_docs_url enable_latency_logging access_log_format event_loop timeout_keep_alive grace_period "
    "predictor_config ssl_certfile ssl_keyfile",
    "model_repository.ModelRepository": "models_dir",
    "model.Model.preprocess": "self payload headers",
    "model.Model.predict": "self payload headers response_headers",
    "model.Model.postprocess": "self result headers response_headers",
    "model.Model.explain": "self payload headers",
    "model.Model.__call__": "self body headers verb",
    "utils.utils.get_predict_input": "payload columns",
    "utils.utils.get_predict_response": "payload result model_name",
}


@pytest.mark.parametrize("where", SIGNATURES)
def test_positional_arguments_are_kserves(where: str) -> None:
    home, _, name = where.partition(".")
    if home == "utils":
        home, name = "utils.utils", name.removeprefix("utils.")
    target: Any = import_module(f"modelapi.{home}")
    for part in name.split("."):
        target = getattr(target, part)
    wanted = SIGNATURES[where].split()
    assert list(inspect.signature(target).parameters)[: len(wanted)] == wanted


def run_as_kserve(folder: Path, program: str, *words: str) -> subprocess.CompletedProcess[str]:
    (folder / "program.py").write_text(program)
    return subprocess.run(
        [sys.executable, "-m", "modelapi", "run", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


PROGRAM = """
import sys
import kserve.logging
from kserve import Model, model_server, utils
from kserve.protocol.grpc.grpc_predict_v2_pb2 import ModelInferRequest
from kserve.protocol.infer_type import InferRequest
import modelapi, modelapi.types
args, _ = model_server.parser.parse_known_args()
assert Model is modelapi.Model and InferRequest is modelapi.types.InferRequest
assert modelapi.__spec__.name == "modelapi" and modelapi.types.__spec__.name == "modelapi.types"
print(__name__, args.model_name)
"""


@pytest.mark.parametrize("words", [["program.py"], ["-m", "program"]])
def test_modelapi_run_makes_import_kserve_mean_this_library(tmp_path: Path, words: list[str]) -> None:
    run = run_as_kserve(tmp_path, PROGRAM, *words, "--model_name", "mnist")
    assert (run.stdout, run.stderr, run.returncode) == ("__main__ mnist\n", "", 0)


def test_a_kserve_module_that_is_not_here_is_an_import_error(tmp_path: Path) -> None:
    run = run_as_kserve(tmp_path, "import kserve.storage", "program.py")
    assert "No module named 'kserve.storage'" in run.stderr


def test_an_exit_code_of_the_program_is_kept(tmp_path: Path) -> None:
    assert run_as_kserve(tmp_path, "raise SystemExit(3)", "program.py").returncode == 3


def test_without_modelapi_run_kserve_is_not_taken_over() -> None:
    script = "import modelapi, sys; assert not [f for f in sys.meta_path if 'modelapi' in type(f).__module__]"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
