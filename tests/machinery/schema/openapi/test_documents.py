"""What clients read in the documents: reference kubernetes-api.md 1.4."""

import hashlib
import json

import pytest
from openapi_spec_validator import validate

from tests.machinery.schema.conftest import VM
from tests.machinery.schema.openapi.conftest import VMS

META = "io.k8s.apimachinery.pkg.apis.meta.v1."


def v3(openapi, path):
    return json.loads(openapi.v3(path).content)


def schemas(openapi, path):
    return v3(openapi, path)["components"]["schemas"]


def component(name):
    return {"$ref": f"#/components/schemas/{name}"}


def test_the_index_names_every_document_with_its_hash(openapi):
    paths = json.loads(openapi.v3_index().content)["paths"]
    assert sorted(paths) == ["api", "api/v1", "apis", "apis/example.com/v1", "version"]
    document = openapi.v3("apis/example.com/v1")
    digest = hashlib.sha512(document.content).hexdigest().upper()
    assert document.hash == digest
    assert paths["apis/example.com/v1"] == {"serverRelativeURL": f"/openapi/v3/apis/example.com/v1?hash={digest}"}


def test_an_unknown_document_is_none(openapi):
    assert openapi.v3("apis/example.com/v2") is None
    assert openapi.v3("") is None


@pytest.mark.parametrize("path", ["api", "api/v1", "apis", "apis/example.com/v1", "version"])
def test_v3_documents_are_valid(openapi, path):
    validate(v3(openapi, path))


def test_the_v2_document_is_valid(openapi):
    validate(json.loads(openapi.v2_json().content))


def test_kinds_and_lists_say_what_they_are(openapi):
    found = {
        name: schema["x-kubernetes-group-version-kind"]
        for path in ("api/v1", "apis/example.com/v1")
        for name, schema in schemas(openapi, path).items()
        if not name.startswith(META) and "x-kubernetes-group-version-kind" in schema
    }
    assert found == {
        "com.example.v1.VM": [{"group": "example.com", "version": "v1", "kind": "VM"}],
        "com.example.v1.VMList": [{"group": "example.com", "version": "v1", "kind": "VMList"}],
        "io.k8s.api.core.v1.Widget": [{"group": "", "version": "v1", "kind": "Widget"}],
        "io.k8s.api.core.v1.WidgetList": [{"group": "", "version": "v1", "kind": "WidgetList"}],
        "io.k8s.api.autoscaling.v1.Scale": [{"group": "autoscaling", "version": "v1", "kind": "Scale"}],
    }


@pytest.mark.parametrize(
    ("document", "path", "kind"),
    [
        ("api/v1", "/api/v1/namespaces/{namespace}/widgets/{name}", {"group": "", "version": "v1", "kind": "Widget"}),
        (
            "apis/example.com/v1",
            "/apis/example.com/v1/namespaces/{namespace}/vms/{name}",
            {"group": "example.com", "version": "v1", "kind": "VM"},
        ),
    ],
)
def test_patch_lists_what_kubectl_looks_for(openapi, document, path, kind):
    patch = v3(openapi, document)["paths"][path]["patch"]
    assert {parameter["name"] for parameter in patch["parameters"]} == {
        "dryRun",
        "fieldManager",
        "fieldValidation",
        "force",
    }
    assert patch["x-kubernetes-action"] == "patch"
    assert patch["x-kubernetes-group-version-kind"] == kind
    swagger = json.loads(openapi.v2_json().content)["paths"][path]["patch"]
    names = {parameter["name"] for parameter in swagger["parameters"] if parameter["in"] == "query"}
    assert names == {"dryRun", "fieldManager", "fieldValidation", "force"}


def test_every_operation_on_a_kind_has_an_action(openapi):
    actions = set()
    for document in ("api/v1", "apis/example.com/v1"):
        for path, item in v3(openapi, document)["paths"].items():
            if path.count("/") > 4 or "widgets" in path or "vms" in path:
                for method, operation in item.items():
                    if method != "parameters":
                        actions.add(operation["x-kubernetes-action"])
                        assert operation["x-kubernetes-group-version-kind"]["kind"]
    assert actions == {
        "get",
        "list",
        "post",
        "put",
        "patch",
        "delete",
        "deletecollection",
        "watch",
        "watchlist",
        "connect",
    }


def test_operations_are_named_as_kubernetes_names_them(openapi):
    paths = v3(openapi, "apis/example.com/v1")["paths"]
    item = paths["/apis/example.com/v1/namespaces/{namespace}/vms/{name}"]
    assert item["patch"]["operationId"] == "patchExampleComV1NamespacedVM"
    assert item["patch"]["tags"] == ["exampleCom_v1"]
    assert paths["/apis/example.com/v1/vms"]["get"]["operationId"] == "listExampleComV1VMForAllNamespaces"
    core = v3(openapi, "api/v1")["paths"]
    assert core["/api/v1/namespaces/{namespace}/widgets/{name}/status"]["get"]["operationId"] == (
        "readCoreV1NamespacedWidgetStatus"
    )
    assert core["/api/v1/watch/widgets"]["get"]["operationId"] == "watchCoreV1WidgetListForAllNamespaces"
    assert core["/api/v1/namespaces/{namespace}/widgets/{name}/exec"]["post"]["operationId"] == (
        "connectCoreV1PostNamespacedWidgetExec"
    )


def test_operation_ids_are_unique(openapi):
    names = [
        operation["operationId"]
        for item in json.loads(openapi.v2_json().content)["paths"].values()
        for method, operation in item.items()
        if method != "parameters"
    ]
    assert len(names) == len(set(names))


def test_custom_resources_get_the_envelope(openapi):
    vm = schemas(openapi, "apis/example.com/v1")["com.example.v1.VM"]
    assert set(vm["properties"]) == {"apiVersion", "kind", "metadata", "spec", "status"}
    assert vm["properties"]["metadata"]["allOf"] == [component(META + "ObjectMeta")]
    assert vm["properties"]["spec"] == VM["properties"]["spec"]


def test_built_in_kinds_refer_to_named_types(openapi):
    found = schemas(openapi, "api/v1")
    widget = found["io.k8s.api.core.v1.Widget"]
    assert widget["description"] == "A widget."
    assert widget["properties"]["metadata"] == component(META + "ObjectMeta")
    assert widget["properties"]["size"] == component("io.k8s.apimachinery.pkg.api.resource.Quantity")
    assert widget["properties"]["ports"] == {
        "type": "array",
        "items": component("io.k8s.api.core.v1.Port"),
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["number"],
        "x-kubernetes-patch-strategy": "merge",
        "x-kubernetes-patch-merge-key": "number",
    }
    time = found[META + "ObjectMeta"]["properties"]["creationTimestamp"]
    assert time["allOf"] == [component(META + "Time")]
    assert time["description"]
    assert found["io.k8s.apimachinery.pkg.util.intstr.IntOrString"]["oneOf"] == [
        {"type": "integer"},
        {"type": "string"},
    ]


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for child in value.values():
            yield from references(child)
    elif isinstance(value, list):
        for child in value:
            yield from references(child)


@pytest.mark.parametrize("path", ["api/v1", "apis/example.com/v1"])
def test_every_reference_leads_somewhere(openapi, path):
    document = v3(openapi, path)
    known = {component(name)["$ref"] for name in document["components"]["schemas"]}
    assert set(references(document)) <= known


def test_v2_says_only_what_swagger_can(openapi):
    document = json.loads(openapi.v2_json().content)
    spec = document["definitions"]["com.example.v1.VM"]["properties"]["spec"]["properties"]
    assert spec["mem"] == {"x-kubernetes-int-or-string": True}
    assert spec["cleared"] == {}
    assert "oneOf" not in spec["choice"]
    assert spec["half"] == {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    assert spec["cpu"] == {"type": "integer", "minimum": 1, "maximum": 8}
    assert document["definitions"]["io.k8s.apimachinery.pkg.api.resource.Quantity"]["type"] == "string"
    int_or_string = document["definitions"]["io.k8s.apimachinery.pkg.util.intstr.IntOrString"]
    assert (int_or_string["type"], int_or_string["format"]) == ("string", "int-or-string")
    assert not any(word in json.dumps(document) for word in ('"oneOf"', '"anyOf"', '"nullable"'))


def test_documents_follow_the_registry(openapi, registry):
    before = openapi.v3_index()
    assert openapi.v3_index() is before
    registry.unregister(VMS.group_resource)
    assert "apis/example.com/v1" not in json.loads(openapi.v3_index().content)["paths"]
    assert b"com.example.v1.VM" not in openapi.v2_json().content


def test_an_unrelated_change_keeps_a_documents_hash(openapi, registry):
    before = openapi.v3("apis/example.com/v1")
    registry.register(VMS)
    assert openapi.v3("apis/example.com/v1") == before
