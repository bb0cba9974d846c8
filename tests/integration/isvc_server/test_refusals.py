"""What is wrong with a request is answered as Kubernetes answers it: a Status with a code, a reason and the place."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from integration.isvc_server.apiserver import SERVICES, ApiServer, service

MERGE = {"content-type": "application/merge-patch+json"}
SECRETS = "/api/v1/namespaces/default/secrets"


def refused(answer: httpx.Response, code: int, reason: str) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["code"], body["reason"]) == (code, code, reason), answer.text
    assert (body["kind"], body["apiVersion"], body["status"]) == ("Status", "v1", "Failure")
    assert "Traceback" not in answer.text
    return body


async def test_a_second_create_is_answered_already_exists(api: ApiServer) -> None:
    async with api.client() as client:
        await client.post(SERVICES, json=service("one"))
        body = refused(await client.post(SERVICES, json=service("one")), 409, "AlreadyExists")
    assert body["message"] == 'inferenceservices.serving.kserve.io "one" already exists'
    assert body["details"] == {"name": "one", "group": "serving.kserve.io", "kind": "inferenceservices"}


async def test_what_is_not_there_is_answered_not_found_by_every_verb(api: ApiServer) -> None:
    async with api.client() as client:
        address = f"{SERVICES}/nobody"
        answers = [
            await client.get(address),
            await client.delete(address),
            await client.patch(address, json={}, headers=MERGE),
            await client.put(address, json=service("nobody")),
        ]
    for answer in answers:
        body = refused(answer, 404, "NotFound")
        assert body["message"] == 'inferenceservices.serving.kserve.io "nobody" not found'


async def test_a_write_from_a_stale_copy_is_a_conflict(api: ApiServer) -> None:
    async with api.client() as client:
        old = (await client.post(SERVICES, json=service("one"))).json()
        await client.patch(f"{SERVICES}/one", json={"metadata": {"labels": {"a": "b"}}}, headers=MERGE)
        body = refused(await client.put(f"{SERVICES}/one", json=old), 409, "Conflict")
    assert "the object has been modified; please apply your changes to the latest version" in body["message"]


async def test_a_delete_of_another_object_of_the_same_name_is_a_conflict(api: ApiServer) -> None:
    async with api.client() as client:
        await client.post(SERVICES, json=service("one"))
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": "of-another"}}
        answer = await client.request("DELETE", f"{SERVICES}/one", json=options)
        refused(answer, 409, "Conflict")
        assert (await client.get(f"{SERVICES}/one")).status_code == 200


async def test_an_unknown_field_is_refused_when_it_is_asked_for_and_told_of_when_not(api: ApiServer) -> None:
    body = service("one")
    body["spec"]["predictor"]["modle"] = {}
    async with api.client() as client:
        strict = await client.post(SERVICES, json=body, params={"fieldValidation": "Strict"})
        assert (
            'unknown field "spec.predictor.modle" (did you mean "model"?)'
            in refused(strict, 400, "BadRequest")["message"]
        )
        warned = await client.post(SERVICES, json=body)
        assert warned.status_code == 201
        assert warned.headers["warning"].startswith('299 - "unknown field \\"spec.predictor.modle\\"')
        assert "modle" not in warned.json()["spec"]["predictor"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"spec": {"predictor": {"minReplicas": "two"}}}, "spec.predictor.minReplicas"),
        ({"spec": {"predictor": {"model": {"protocolVersion": "v9"}}}}, "spec.predictor.model.protocolVersion"),
        ({"spec": {"transformer": {}}}, "spec.transformer"),
        ({"metadata": {"labels": {"a": "no label!"}}}, "metadata.labels.a"),
    ],
)
async def test_a_broken_rule_is_answered_with_the_place_in_the_object(
    api: ApiServer, change: dict[str, Any], field: str
) -> None:
    async with api.client() as client:
        await client.post(SERVICES, json=service("one"))
        body = refused(await client.patch(f"{SERVICES}/one", json=change, headers=MERGE), 422, "Invalid")
        assert [cause["field"] for cause in body["details"]["causes"]] == [field]
        assert body["details"]["kind"] == "InferenceService"


async def test_how_a_service_is_deployed_cannot_be_changed(api: ApiServer) -> None:
    async with api.client() as client:
        await client.post(SERVICES, json=service("one"))
        status = {"status": {"deploymentMode": "Knative"}}
        await client.patch(f"{SERVICES}/one/status", json=status, headers=MERGE)
        change = {"metadata": {"annotations": {"serving.kserve.io/deploymentMode": "Standard"}}}
        body = refused(await client.patch(f"{SERVICES}/one", json=change, headers=MERGE), 422, "Invalid")
    assert "deploymentMode cannot be changed from 'Knative' to 'Standard'" in body["message"]


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b"\xff\xfe", b"a: [", b'{"a": NaN}', b"[" * 100_000, b'{"a":' * 2000 + b"1" + b"}" * 2000, b""],
)
async def test_a_body_that_cannot_be_read_is_a_bad_request(api: ApiServer, content: bytes) -> None:
    async with api.client() as client:
        answer = await client.post(SERVICES, content=content, headers={"content-type": "application/json"})
    refused(answer, 400, "BadRequest")


async def test_a_body_of_more_than_three_megabytes_is_too_large(api: ApiServer) -> None:
    async with api.client() as client:
        refused(await client.post(SERVICES, content=b" " * 3_200_000), 413, "RequestEntityTooLarge")


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({**service("one"), "apiVersion": "serving.kserve.io/v9"}, "apiVersion"),
        ({**service("one"), "kind": "Pod"}, "kind"),
        ({**service("one"), "metadata": {"name": "one", "namespace": "other"}}, "namespace"),
        ({**service("one"), "metadata": []}, "metadata"),
    ],
)
async def test_a_body_that_is_not_what_its_address_says_is_a_bad_request(
    api: ApiServer, body: dict[str, Any], word: str
) -> None:
    async with api.client() as client:
        assert word in refused(await client.post(SERVICES, json=body), 400, "BadRequest")["message"]


@pytest.mark.parametrize(
    "path",
    [
        "/apis/serving.kserve.io/v1beta1/namespaces/default/inferencegraphs",
        "/apis/serving.kserve.io/v9",
        "/apis/nobody.io",
        "/api/v1/namespaces/default/secrets/one/scale",
        "/somewhere",
        "/openapi/v3/apis/nobody.io/v1",
    ],
)
async def test_an_unknown_address_is_answered_not_found(api: ApiServer, path: str) -> None:
    async with api.client() as client:
        refused(await client.get(path), 404, "NotFound")


async def test_a_namespace_has_to_be_there_before_what_is_in_it(api: ApiServer) -> None:
    async with api.client() as client:
        answer = await client.post(SERVICES.replace("default", "elsewhere"), json=service("one"))
    assert refused(answer, 404, "NotFound")["message"] == 'namespaces "elsewhere" not found'


async def test_what_runs_can_be_looked_at_and_not_written(api: ApiServer) -> None:
    async with api.client() as client:
        assert (await client.get("/api/v1/namespaces/default/pods")).json()["items"] == []
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"}}
        refused(await client.post("/api/v1/namespaces/default/pods", json=body), 405, "MethodNotAllowed")


async def test_a_strategic_patch_is_for_kubernetes_own_kinds_only(api: ApiServer) -> None:
    strategic = {"content-type": "application/strategic-merge-patch+json"}
    async with api.client() as client:
        await client.post(SERVICES, json=service("one"))
        refused(await client.patch(f"{SERVICES}/one", json={}, headers=strategic), 415, "UnsupportedMediaType")
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        answer = await client.patch(account, json={"secrets": [{"name": "s"}]}, headers=strategic)
    assert answer.json()["secrets"] == [{"name": "s"}]


async def test_a_selector_that_means_nothing_is_a_bad_request(api: ApiServer) -> None:
    async with api.client() as client:
        for query in ({"labelSelector": "a b c"}, {"fieldSelector": "spec.x=1"}, {"resourceVersion": "new"}):
            refused(await client.get(SERVICES, params=query), 400, "BadRequest")


@pytest.mark.parametrize("token", ["", "Bearer wrong", "Basic d3Jvbmc6d3Jvbmc=", "Bearer", "Bearer ÿ"])
async def test_without_the_token_nobody_is_let_in(api: ApiServer, token: str) -> None:
    async with api.client() as client:
        for path in (SERVICES, "/version", "/openapi/v2"):
            answer = await client.get(path, headers={"authorization": token.encode("latin-1")})  # type: ignore[dict-item]
            refused(answer, 401, "Unauthorized")
        assert (await client.get("/livez", headers={"authorization": ""})).text == "ok"


async def test_a_foreign_host_and_a_web_page_are_forbidden_even_with_the_token(api: ApiServer) -> None:
    async with api.client() as client:
        for header in ({"host": "evil.example.com"}, {"origin": "https://evil.example.com"}, {"origin": "null"}):
            refused(await client.get(SERVICES, headers=header), 403, "Forbidden")
        assert (await client.get(SERVICES, headers={"host": f"localhost:{api.port}"})).status_code == 200


async def test_the_files_of_the_api_are_for_their_owner_only(api: ApiServer) -> None:
    for path in (api.access.folder, *api.access.folder.iterdir(), api.root / "objects.db"):
        assert path.stat().st_mode & 0o077 == 0, path


async def test_the_token_is_in_no_answer_about_an_error(api: ApiServer) -> None:
    async with api.client() as client:
        answers = [await client.get("/nowhere"), await client.post(SERVICES, content=b"{")]
    assert all(api.access.token not in answer.text + json.dumps(dict(answer.headers)) for answer in answers)


async def test_a_secret_that_is_no_base64_is_refused_and_plain_text_is_taken_in(api: ApiServer) -> None:
    head = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "one"}}
    async with api.client() as client:
        refused(await client.post(SECRETS, json={**head, "data": {"a": "%"}}), 400, "BadRequest")
        made = (await client.post(SECRETS, json={**head, "stringData": {"a": "b"}})).json()
    assert (made["data"], made["type"]) == ({"a": "Yg=="}, "Opaque")
    assert "stringData" not in made
