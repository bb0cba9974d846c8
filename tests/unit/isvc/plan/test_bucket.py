from dataclasses import replace

from isvc import manifest, plan
from isvc.plan.bucket import in_buckets
from isvc.plan.units import Component, Condition, Endpoint, Folder, Need, Port, Probe, ServicePlan
from isvc.settings import Settings

YAML = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: iris}
spec: {predictor: {model: {modelFormat: {name: onnx}, runtime: kserve-tritonserver, storageUri: "%s"}}}
"""


def served(uri: str, settings: Settings) -> ServicePlan:
    (service,) = in_buckets(plan.build(manifest.parse_text(YAML % uri, "x.yaml"), settings), settings).services
    return service


def test_a_mapped_folder_is_served_by_a_bucket_and_fetched_from_it(settings: Settings) -> None:
    service = served("gs://bucket/a/b", settings)
    bucket, initializer = service.units[:2]
    assert (bucket.name, bucket.component, bucket.role) == ("iris-bucket", Component.BUCKET, "seaweedfs")
    assert bucket.command[1:] == (
        *(("--bucket",), ("bucket",)),
        *(("--from",), (Folder("/sample/bucket"),)),
        *(("--s3_port",), (Port("s3"),)),
    )
    assert bucket.probe == Probe("s3", "/")
    assert initializer.command[1] == ("s3://bucket/a/b",)
    assert Need("iris-bucket", Condition.READY) in initializer.needs
    assert dict(initializer.environment)["AWS_ENDPOINT_URL_S3"] == ("http://", Endpoint("iris-bucket", "s3"))
    assert any("s3://bucket/, a SeaweedFS filled from bucket/" in notice for notice in service.notices)
    assert not any(notice.endswith("(isvc.yaml)") for notice in service.notices if notice.startswith("storage:"))


def test_what_is_not_mapped_to_a_folder_stays_as_it_is(settings: Settings) -> None:
    for uri in ("s3://elsewhere/a", "file:///sample/other"):
        (before,) = plan.build(manifest.parse_text(YAML % uri, "x.yaml"), settings).services
        assert served(uri, settings) == before
    addressed = replace(settings, storage=(replace(settings.storage[0], target="s3://mirror/"),))
    assert all(unit.component is not Component.BUCKET for unit in served("gs://bucket/a", addressed).units)
