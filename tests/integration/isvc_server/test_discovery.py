"""What kubectl asks before anything else: discovery in both forms, OpenAPI in both versions, forms of a list."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration.isvc_server.apiserver import SERVICES, ApiServer, service
from isvc.server.resources import RESOURCES

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
SWAGGER = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"


async def test_discovery_tells_the_same_singly_and_all_at_once(api: ApiServer) -> None:
    singly = set()
    async with api.client() as client:
        paths = ["/api/v1"]
        for group in (await client.get("/apis")).json()["groups"]:
            paths += [f"/apis/{version['groupVersion']}" for version in group["versions"]]
        for path in paths:
            for one in (await client.get(path)).json()["resources"]:
                singly.add((path, one["name"], one["kind"], one["namespaced"]))
        at_once = set()
        for root in ("/api", "/apis"):
            answer = await client.get(root, headers={"accept": AGGREGATED})
            assert "as=APIGroupDiscoveryList" in answer.headers["content-type"]
            for group in answer.json()["items"]:
                for version in group["versions"]:
                    name = group["metadata"].get("name")
                    path = "/".join(part for part in (root, name, version["version"]) if part)
                    for one in version["resources"]:
                        entry = (one["responseKind"]["kind"], one["scope"] == "Namespaced")
                        at_once.add((path, one["resource"], *entry))
                        for below in one["subresources"]:
                            at_once.add((path, f"{one['resource']}/{below['subresource']}", *entry))
    assert singly == at_once
    assert len([one for one in singly if "/" not in one[1]]) == len(RESOURCES)


async def test_every_kind_is_described_with_its_name_and_understands_field_validation(api: ApiServer) -> None:
    kinds = set()
    async with api.client() as client:
        for path in (await client.get("/openapi/v3")).json()["paths"].values():
            document = (await client.get(path["serverRelativeURL"])).json()
            for schema in document["components"]["schemas"].values():
                kinds |= {one["kind"] for one in schema.get("x-kubernetes-group-version-kind", ())}
            for verbs in document["paths"].values():
                if "patch" in verbs:
                    names = [parameter["name"] for parameter in verbs["patch"]["parameters"]]
                    assert "fieldValidation" in names
    assert kinds == {resource.kind for resource in RESOURCES}


def fields(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """The fields of a message in protobuf, all of which are bytes here."""
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = raw[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(raw):
        tag = number()
        assert tag & 7 == 2
        size = number()
        yield tag >> 3, raw[at : at + size]
        at += size


async def test_version_2_is_told_in_protobuf_with_the_names_and_fields_of_every_kind(api: ApiServer) -> None:
    """By gnostic's numbers: 9 definitions, 1 an entry (1 its name, 2 its schema), 25 properties."""
    async with api.client() as client:
        answer = await client.get("/openapi/v2", headers={"accept": SWAGGER})
        told = (await client.get("/openapi/v2")).json()["definitions"]
    assert "@" not in answer.headers["content-type"]  # which Go could not read
    document = dict(fields(answer.content))
    assert document[1] == b"2.0"
    definitions = {}
    for _, entry in fields(document[9]):
        pair = dict(fields(entry))
        properties = dict(fields(pair[2])).get(25, b"")
        definitions[pair[1].decode()] = [dict(fields(one))[1].decode() for _, one in fields(properties)]
    assert definitions == {name: list(schema.get("properties", {})) for name, schema in told.items()}


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (TABLE, "Table"),
        ("*/*", "InferenceServiceList"),
        ("", "InferenceServiceList"),
        ("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", "PartialObjectMetadataList"),
        ("application/vnd.kubernetes.protobuf,application/json", "InferenceServiceList"),
    ],
)
async def test_a_list_comes_in_the_form_that_is_asked_for(api: ApiServer, accept: str, kind: str) -> None:
    async with api.client() as client:
        await client.post(SERVICES, json=service("one"))
        body = (await client.get(SERVICES, headers={"accept": accept})).json()
    assert body["kind"] == kind
    assert body["metadata"]["resourceVersion"] == str(api.store.version)
    assert len(body["rows" if kind == "Table" else "items"]) == 1


async def test_a_form_that_cannot_be_had_is_not_acceptable(api: ApiServer) -> None:
    async with api.client() as client:
        answer = await client.get(SERVICES, headers={"accept": "application/vnd.kubernetes.protobuf"})
    assert (answer.status_code, answer.json()["reason"]) == (406, "NotAcceptable")
