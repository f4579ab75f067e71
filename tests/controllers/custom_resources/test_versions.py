"""Versions of a kind that differ in more than their name, over HTTP (Kubernetes: "Versions in CustomResourceDefinitions", KEP-555)."""

from __future__ import annotations

from typing import Any

from tests.controllers.custom_resources.conftest import SCHEMA, Server, a_definition, a_version, a_widget

V1 = "/apis/example.com/v1/namespaces/default/widgets"
V2 = "/apis/example.com/v2/namespaces/default/widgets"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PATHS = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}


async def test_each_version_has_its_own_subresources_columns_and_selectable_fields(server: Server) -> None:
    first = a_version(
        "v1",
        subresources={"status": {}},
        additionalPrinterColumns=[{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
        selectableFields=[{"jsonPath": ".spec.colour"}],
    )
    second = a_version(
        "v2", storage=False, subresources={"scale": PATHS}, selectableFields=[{"jsonPath": ".spec.size"}]
    )
    await server.define(a_definition(first, second))
    names = {
        version: [one["name"] for one in (await server.get(f"/apis/example.com/{version}"))["resources"]]
        for version in ("v1", "v2")
    }
    assert names == {"v1": ["widgets", "widgets/status"], "v2": ["widgets", "widgets/scale"]}
    made = await server("POST", V1, {**a_widget(replicas=1, colour="red"), "status": {"phase": "x"}})
    # In the one the status is apart, in the other it is not.
    assert "status" not in made.body
    assert (await server("GET", f"{V1}/a/scale")).status == 404
    assert (await server("GET", f"{V2}/a/status")).status == 404
    assert (await server("GET", f"{V2}/a/scale")).body["spec"] == {"replicas": 1}
    put = await server("PATCH", f"{V2}/a", {"status": {"phase": "y"}})
    assert put.body["status"] == {"phase": "y"}
    columns = {
        path: [one["name"] for one in (await server.get(path, Accept=TABLE))["columnDefinitions"]] for path in (V1, V2)
    }
    assert columns == {V1: ["Name", "Size"], V2: ["Name", "Age"]}
    found = await server.get(f"{V1}?fieldSelector=spec.colour=red")
    assert [one["metadata"]["name"] for one in found["items"]] == ["a"]
    found = await server.get(f"{V2}?fieldSelector=spec.size=1")
    assert [one["metadata"]["name"] for one in found["items"]] == ["a"]
    for path, field in ((V1, "spec.size"), (V2, "spec.colour")):
        refused = await server("GET", f"{path}?fieldSelector={field}=1")
        assert (refused.status, refused.body["message"]) == (400, f"field label not supported: {field}")
    openapi = await server.get("/openapi/v3/apis/example.com/v2")
    assert "/apis/example.com/v2/namespaces/{namespace}/widgets/{name}/status" not in openapi["paths"]


def listing(kind: str) -> dict[str, Any]:
    items = {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string"}, "n": {"type": "integer"}},
    }
    parts = {"type": "array", "items": items, "x-kubernetes-list-type": kind}
    if kind == "map":
        parts["x-kubernetes-list-map-keys"] = ["name"]
    return {"type": "object", "properties": {"spec": {"type": "object", "properties": {"parts": parts}}}}


async def test_fields_are_owned_by_the_names_of_the_version_that_they_were_applied_in(server: Server) -> None:
    """The list is one field in v1, and one for each item in v2."""
    versions = [a_version("v1", listing("atomic")), a_version("v2", listing("map"), storage=False)]
    await server.define(a_definition(*versions))

    async def apply(path: str, manager: str, *parts: dict[str, Any]) -> Any:
        body = {
            "apiVersion": path.split("/")[2] + "/" + path.split("/")[3],
            "kind": "Widget",
            "metadata": {"name": "a"},
            "spec": {"parts": list(parts)},
        }
        url = f"{path}/a?fieldManager={manager}"
        return await server("PATCH", url, body, Content_Type="application/apply-patch+yaml")

    made = await apply(V1, "one", {"name": "x", "n": 1})
    assert made.status == 201
    # Another item is a change of the whole list to the one who applied it as a whole.
    refused = await apply(V2, "two", {"name": "y", "n": 2})
    assert (refused.status, refused.body["message"]) == (
        409,
        'Apply failed with 1 conflict: conflict with "one": .spec.parts',
    )
    moved = await apply(V2, "one", {"name": "x", "n": 1})
    entry = moved.body["metadata"]["managedFields"][0]
    assert (entry["apiVersion"], entry["fieldsV1"]["f:spec"]["f:parts"]) == (
        "example.com/v2",
        {'k:{"name":"x"}': {".": {}, "f:n": {}, "f:name": {}}},
    )
    added = await apply(V2, "two", {"name": "y", "n": 2})
    assert [one["name"] for one in added.body["spec"]["parts"]] == ["x", "y"]
    # Whoever writes by v1 takes the items that change from those who own them in v2.
    patched = await server("PATCH", f"{V1}/a?fieldManager=three", {"spec": {"parts": [{"name": "x", "n": 5}]}})
    owners = {one["manager"]: one["fieldsV1"].get("f:spec") for one in patched.body["metadata"]["managedFields"]}
    assert owners["three"] == {"f:parts": {}}
    assert owners["one"] == {"f:parts": {'k:{"name":"x"}': {".": {}, "f:name": {}}}}
    assert "two" not in owners


async def test_entries_of_a_version_that_is_no_more_go_with_the_next_write(server: Server) -> None:
    await server.define(a_definition(a_version("v1"), a_version("v2", storage=False)))
    await server("POST", f"{V2}?fieldManager=old", a_widget(version="v2", colour="red"))
    name = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com"
    changed = await server("PATCH", name, {"spec": {"versions": [a_version("v1")]}})
    assert changed.status == 200
    await server.settle()
    kept = await server("PATCH", f"{V1}/a?fieldManager=new", {"metadata": {"labels": {"a": "b"}}})
    assert {one["manager"] for one in kept.body["metadata"]["managedFields"]} >= {"new"}


async def test_a_scope_stays_and_unknown_formats_are_warned_of(server: Server) -> None:
    await server.define(a_definition())
    name = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com"
    refused = await server("PATCH", name, {"spec": {"scope": "Cluster"}})
    assert (refused.status, refused.body["message"]) == (
        422,
        (
            'CustomResourceDefinition.apiextensions.k8s.io "widgets.example.com" is invalid: spec.scope: Invalid value: "Cluster": '
            "field is immutable"
        ),
    )
    properties = {"spec": {"type": "object", "properties": {"a": {"type": "string", "format": "zip"}}}}
    schema = {**SCHEMA, "properties": properties}
    warned = await server("PATCH", name, {"spec": {"versions": [a_version(schema=schema)]}})
    assert (warned.status, warned.warnings) == (200, ['299 - "unrecognized format \\"zip\\""'])


async def test_stored_versions_can_be_forgotten_once_nothing_is_left_in_them(server: Server) -> None:
    await server.define(a_definition(a_version("v1", storage=False), a_version("v2")))
    name = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com"
    both = [a_version("v1"), a_version("v2", storage=False)]
    assert (await server("PATCH", name, {"spec": {"versions": both}})).body["status"]["storedVersions"] == ["v2", "v1"]
    without = await server("PATCH", name, {"spec": {"versions": [a_version("v1")]}})
    assert without.body["details"]["causes"][0]["field"] == "status.storedVersions[0]"
    migrated = await server("PATCH", f"{name}/status", {"status": {"storedVersions": ["v1"]}})
    assert (migrated.status, migrated.body["status"]["storedVersions"]) == (200, ["v1"])
    assert (await server("PATCH", name, {"spec": {"versions": [a_version("v1")]}})).status == 200
