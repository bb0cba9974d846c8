from isvc.cli.conditions import document


def test_the_document_is_an_inference_service_with_its_url_and_status(service):
    told = document(service())
    assert (told["apiVersion"], told["kind"]) == ("serving.kserve.io/v1beta1", "InferenceService")
    assert told["metadata"]["creationTimestamp"] == "1970-01-01T00:00:00Z"
    assert told["status"]["url"] == "http://mnist.default.example.com"
    assert {"type": "Ready", "status": "True"} in told["status"]["conditions"]
