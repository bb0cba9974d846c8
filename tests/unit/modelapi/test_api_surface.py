"""Every public name of kserve 0.21, with its signature, beside ours: `kserve-0.21-api.txt` is the list.

A line is `KIND PATH (parameters)`; `=` after a parameter says that it may be left out. What KServe calls its own
(`ModelServer._serve`) is in the list where its documentation or samples show it.
"""

import inspect
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

LINES = (Path(__file__).parent / "kserve-0.21-api.txt").read_text(encoding="utf-8").splitlines()

CLUSTER = "talks to a cluster: use the kubernetes client"
OWN_START = "a step inside KServe's `start`, which is `ModelServer.serve` here"
NOT_HERE = {
    **dict.fromkeys(["api", "api_client", "configuration", "exceptions", "models", "rest"], CLUSTER),
    **dict.fromkeys(["ApiClient", "ApiException", "ApiKeyError", "ApiTypeError", "ApiValueError"], CLUSTER),
    **dict.fromkeys(["Configuration", "KServeClient", "NetUrlUserinfo", "OpenApiException"], CLUSTER),
    **dict.fromkeys(["KnativeAddressable", "KnativeCondition", "KnativeURL", "KnativeVolatileTime"], CLUSTER),
    "absolute_import": "Python 2",
    **dict.fromkeys(
        [
            "model_server.ModelServer.setup_event_loop",
            "model_server.ModelServer.register_signal_handler",
            "model_server.ModelServer._serve",
            "model_server.ModelServer._register_and_check_atleast_one_model_is_ready",
        ],
        OWN_START,
    ),
    "model.Model._http_client": "private: `predict` is the way to the predictor, an InferenceRESTClient to another",
    "model.Model._grpc_client": "private: `predict` is the way to the predictor, an InferenceGRPCClient to another",
    **dict.fromkeys(
        [
            "inference_client.InferenceRESTClient._construct_url",
            "inference_client.InferenceRESTClient._construct_http_status_error",
        ],
        "private, and shown nowhere",
    ),
    "protocol.dataplane.DataPlane.get_binary_cloudevent": "an object of the cloudevents package, which is not brought; "
    "`decode` reads binary events itself",
}


@cache
def kserves(line: str) -> tuple[str, str, list[str]]:
    """Kind, path and parameters of a line."""
    head, _, parameters = line.partition(" (")
    kind, path, *_ = head.split()
    return kind, path, [each for each in parameters.rstrip(")").split(", ") if each]


def ours(path: str) -> Any:
    """The thing of this library that has KServe's path."""
    parts = path.split(".")
    for length in range(len(parts), -1, -1):
        try:
            found: Any = import_module(".".join(["modelapi", *parts[:length]]))
        except ModuleNotFoundError:
            continue
        for name in parts[length:]:
            found = getattr(found, "__dataclass_fields__", {}).get(name) or _member(found, name)
        return found
    raise AssertionError(path)


def _member(owner: Any, name: str) -> Any:
    """What stands in a class, undisturbed by descriptors; in a module, what it gives."""
    return inspect.getattr_static(owner, name) if inspect.isclass(owner) else getattr(owner, name)


def called(kind: str, found: Any) -> Any:
    """What is called when `kind` is: the function in a static or class method, what makes an object of a class."""
    if kind == "class" and "__init__" in vars(found):
        return found.__init__.__get__(object())
    return found.__func__ if kind in ("classmethod", "staticmethod") else found


# The one signature that differs: the second argument is PredictorConfig in kserve 0.12 to 0.15, and a bool later. Both
# are taken (`test_a_bool_in_second_place_is_kserve_016s_return_response_headers`).
DIFFERS = {"model.Model": ["name", "predictor_config=", "return_response_headers="]}
HERE = [line for line in LINES if kserves(line)[1] not in NOT_HERE]


@pytest.mark.parametrize("line", HERE)
def test_every_public_name_of_kserve_is_here_with_its_signature(line: str) -> None:
    kind, path, wanted = kserves(line)
    found = ours(path)
    if kind in ("name", "property"):
        return
    assert kind != "async" or inspect.iscoroutinefunction(found), f"{path} is no coroutine function"
    assert kind != "staticmethod" or isinstance(found, staticmethod)
    assert kind != "classmethod" or isinstance(found, classmethod)
    fits(list(inspect.signature(called(kind, found)).parameters.values()), DIFFERS.get(path, wanted))


def fits(have: list[inspect.Parameter], wanted: list[str]) -> None:
    """KServe's parameters come first, by the same names; optional stays optional, and what we add is optional."""
    keyword_only = any(each.startswith("**") for each in wanted)
    for own, theirs in zip(have, wanted, strict=False):
        if theirs.startswith("*"):
            break
        assert own.name == theirs.rstrip("="), f"{own.name} stands where KServe has {theirs}"
        assert not theirs.endswith("=") or own.default is not own.empty, f"{own.name} may be left out in KServe"
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    for own in have[len(wanted) :]:
        assert own.default is not own.empty or own.kind in variable or keyword_only, (
            f"{own.name} is asked for here alone"
        )
    assert len(have) >= len(wanted)


def test_what_is_not_here_is_in_the_list_and_has_a_reason() -> None:
    paths = {kserves(line)[1] for line in LINES}
    assert set(NOT_HERE) <= paths
    for path in NOT_HERE:
        with pytest.raises((AttributeError, AssertionError)):
            assert ours(path) is not None
