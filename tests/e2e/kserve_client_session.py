"""What a user of KServe's Python client writes, unchanged: run by the interpreter that has PyPI's kserve, not by ours.

`KUBECONFIG` says where the API is, `KSERVE_INGRESS_HOST_PORT` where requests go, as in KServe's own tests.
"""

import json
import os
import sys
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlparse

from kserve import (
    KServeClient,
    V1beta1InferenceService,
    V1beta1InferenceServiceSpec,
    V1beta1ModelFormat,
    V1beta1ModelSpec,
    V1beta1PredictorSpec,
    V1beta1TransformerSpec,
    constants,
)
from kubernetes import client

NAMESPACE = "default"
EXAMPLES = Path(sys.argv[1])
NAMES = ("torch-transformer", "torch-grpc-transformer")


def transformer(*arguments: str) -> V1beta1TransformerSpec:
    container = client.V1Container(
        name="kserve-container",
        image="kserve/image-transformer:latest",
        command=["python", "-m", "model"],
        args=["--model_name", *arguments],
    )
    return V1beta1TransformerSpec(containers=[container])


def service(name: str, model: V1beta1ModelSpec, before: V1beta1TransformerSpec) -> V1beta1InferenceService:
    return V1beta1InferenceService(
        api_version=constants.KSERVE_V1BETA1,
        kind=constants.KSERVE_KIND_INFERENCESERVICE,
        metadata=client.V1ObjectMeta(name=name, namespace=NAMESPACE),
        spec=V1beta1InferenceServiceSpec(predictor=V1beta1PredictorSpec(model=model), transformer=before),
    )


def mnist() -> V1beta1InferenceService:
    model = V1beta1ModelSpec(
        model_format=V1beta1ModelFormat(name="pytorch"),
        storage_uri="gs://kfserving-examples/models/torchserve/image_classifier/v1",
    )
    return service("torch-transformer", model, transformer("mnist"))


def cifar10() -> V1beta1InferenceService:
    model = V1beta1ModelSpec(
        model_format=V1beta1ModelFormat(name="pytorch"),
        storage_uri="gs://kfserving-examples/models/torchscript",
        runtime="kserve-tritonserver",
        ports=[client.V1ContainerPort(name="h2c", protocol="TCP", container_port=9000)],
    )
    return service("torch-grpc-transformer", model, transformer("cifar10", "--protocol", "grpc-v2"))


def predict(kserve: KServeClient, name: str, model: str, folder: str) -> object:
    host = urlparse(kserve.get(name, namespace=NAMESPACE)["status"]["url"]).netloc
    request = urllib.request.Request(
        f"http://{os.environ['KSERVE_INGRESS_HOST_PORT']}/v1/models/{model}:predict",
        (EXAMPLES / folder / "input.json").read_bytes(),
        {"Host": host, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["predictions"]


def deleted(kserve: KServeClient, name: str) -> bool:
    """Whether the service is gone within 30 seconds of its delete."""
    kserve.delete(name, namespace=NAMESPACE)
    for _ in range(300):
        try:
            kserve.get(name, namespace=NAMESPACE)
        except RuntimeError as exc:
            return "not found" in str(exc)
        time.sleep(0.1)
    return False


def create(kserve: KServeClient) -> dict[str, object]:
    kserve.create(mnist())
    kserve.create(cifar10())
    kserve.wait_isvc_ready("torch-transformer", namespace=NAMESPACE, timeout_seconds=90, polling_interval=1)
    kserve.wait_isvc_ready("torch-grpc-transformer", namespace=NAMESPACE, timeout_seconds=90, watch=True)
    for name in NAMES:  # a watch that comes to its end says nothing; this raises what it waited for
        kserve.wait_isvc_ready(name, namespace=NAMESPACE, timeout_seconds=90, polling_interval=1)
    return {"ready": True}


def use(kserve: KServeClient) -> dict[str, object]:
    told: dict[str, object] = {}
    told["mnist"] = predict(kserve, NAMES[0], "mnist", NAMES[0])
    told["cifar10"] = predict(kserve, NAMES[1], "cifar10", NAMES[1])
    changed = mnist()
    changed.spec.transformer.timeout = 45
    patched = kserve.patch(NAMES[0], changed)
    told["timeout"] = patched["spec"]["transformer"]["timeout"]
    generation = patched["metadata"]["generation"]
    kserve.wait_isvc_ready(
        NAMES[0], namespace=NAMESPACE, timeout_seconds=90, polling_interval=1, expected_generation=generation
    )
    told["after the patch"] = predict(kserve, NAMES[0], "mnist", NAMES[0])
    try:
        kserve.create(mnist())
    except RuntimeError as exc:
        told["created twice"] = "AlreadyExists" in str(exc)
    told["deleted"] = [deleted(kserve, name) for name in NAMES]
    return told


result = {"create": create, "use": use}[sys.argv[2]](KServeClient())
sys.stdout.write(f"RESULT {json.dumps(result)}\n")
