"""What clients read before anything else: discovery, version, health and OpenAPI (reference kubernetes-api.md 1)."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import pytest

from tests.conformance.conftest import Client

pytestmark = pytest.mark.asyncio(loop_scope="module")

V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
V2BETA1 = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
ALL_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
SEMVER = re.compile(r"v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")


async def resources(client: Client, path: str) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in (await client.get(path))["resources"]}


async def test_the_legacy_versions_have_no_api_version(client: Client):
    """§1.1 /api"""
    found = await client.get("/api")
    assert list(found) == ["kind", "versions", "serverAddressByClientCIDRs"]
    assert (found["kind"], found["versions"]) == ("APIVersions", ["v1"])
    address = client.url.removeprefix("http://")
    assert found["serverAddressByClientCIDRs"] == [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]


async def test_groups_are_listed_without_kinds_and_without_the_core(client: Client):
    """§1.1 /apis"""
    found = await client.get("/apis")
    assert (found["kind"], found["apiVersion"]) == ("APIGroupList", "v1")
    for group in found["groups"]:
        assert list(group) == ["name", "versions", "preferredVersion"]
        assert group["name"]
        for one in group["versions"]:
            assert one == {"groupVersion": f"{group['name']}/{one['version']}", "version": one["version"]}
        assert group["preferredVersion"] in group["versions"]


async def test_a_group_is_as_in_the_list(client: Client):
    """§1.1 /apis/<g>"""
    for group in (await client.get("/apis"))["groups"]:
        one = await client.get(f"/apis/{group['name']}")
        assert one == {"kind": "APIGroup", "apiVersion": "v1", **group}


async def test_resource_lists_name_their_version_and_only_the_core_says_no_api_version(client: Client):
    """§1.1 /api/v1 and /apis/<g>/<v>"""
    core = await client.get("/api/v1")
    assert list(core) == ["kind", "groupVersion", "resources"]
    assert (core["kind"], core["groupVersion"]) == ("APIResourceList", "v1")
    for group in (await client.get("/apis"))["groups"]:
        for version in group["versions"]:
            found = await client.get(f"/apis/{version['groupVersion']}")
            assert list(found) == ["kind", "apiVersion", "groupVersion", "resources"]
            assert (found["kind"], found["apiVersion"]) == ("APIResourceList", "v1")
            assert found["groupVersion"] == version["groupVersion"]


async def test_the_root_lists_its_paths_in_order(client: Client):
    """§1.1 /"""
    found = await client.get("/")
    assert list(found) == ["paths"]
    assert found["paths"] == sorted(found["paths"])
    assert {"/api", "/apis", "/version", "/healthz", "/openapi/v2", "/openapi/v3", "/apis/apps/v1"} <= {*found["paths"]}


@pytest.mark.parametrize("path", ["/api", "/apis", "/apis/apps", "/api/v1", "/apis/apps/v1", "/version"])
async def test_a_slash_at_the_end_changes_nothing(client: Client, path):
    """§1.1: kr8s asks with it"""
    assert await client.get(f"{path}/") == await client.get(path)


async def test_two_slashes_lead_nowhere(client: Client):
    """§1.1"""
    reply = await client("GET", "//api")
    assert (reply.status, reply.body) == (404, b"404 page not found\n")
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"


async def test_every_resource_says_what_clients_need(client: Client, kinds):
    """§1.1 APIResource"""
    for path in {kind.root for kind in kinds.values()}:
        names = await resources(client, path)
        for name, one in names.items():
            assert isinstance(one["singularName"], str)
            assert isinstance(one["namespaced"], bool)
            if not path.startswith("/apis/subresources.kubevirt.io/"):
                # KubeVirt's own server lists names alone.
                assert one["kind"]
                assert one["verbs"], name
            if "/" in name:
                assert one["singularName"] == ""
                assert "storageVersionHash" not in one


async def test_built_in_lists_are_in_order(client: Client):
    """§1.1: by name, subresources as parent/sub"""
    for path in ("/api/v1", "/apis/apps/v1", "/apis/rbac.authorization.k8s.io/v1", "/apis/storage.k8s.io/v1"):
        names = list(await resources(client, path))
        assert names == sorted(names)


async def test_kinds_of_other_groups_say_which(client: Client):
    """§1.1: group and version only where the served kind lives in another group"""
    core, apps = await resources(client, "/api/v1"), await resources(client, "/apis/apps/v1")

    def gvk(one):
        return one["group"], one["version"], one["kind"]

    assert gvk(core["pods/eviction"]) == ("policy", "v1", "Eviction")
    assert gvk(core["serviceaccounts/token"]) == ("authentication.k8s.io", "v1", "TokenRequest")
    assert gvk(core["replicationcontrollers/scale"]) == ("autoscaling", "v1", "Scale")
    for parent in ("deployments", "replicasets", "statefulsets"):
        assert gvk(apps[f"{parent}/scale"]) == ("autoscaling", "v1", "Scale")
    for one in (core["pods"], core["pods/status"], core["namespaces/finalize"], core["pods/log"], apps["deployments"]):
        assert "group" not in one
        assert "version" not in one


async def test_verbs_of_the_core_kinds(client: Client):
    """§1.1 verb sets"""
    core = await resources(client, "/api/v1")
    for name in ("configmaps", "pods", "secrets", "nodes", "events", "services", "persistentvolumeclaims"):
        assert core[name]["verbs"] == ALL_VERBS, name
    assert core["namespaces"]["verbs"] == [verb for verb in ALL_VERBS if verb != "deletecollection"]
    for name in ("pods/status", "namespaces/status", "nodes/status", "replicationcontrollers/scale"):
        assert core[name]["verbs"] == ["get", "patch", "update"], name
    assert core["namespaces/finalize"]["verbs"] == ["update"]
    for name in ("pods/exec", "pods/attach", "pods/portforward"):
        assert core[name]["verbs"] == ["create", "get"], name
    assert core["pods/log"]["verbs"] == ["get"]
    for name in ("pods/eviction", "pods/binding", "serviceaccounts/token"):
        assert core[name]["verbs"] == ["create"], name
    assert core["componentstatuses"]["verbs"] == ["get", "list"]
    authorization = await resources(client, "/apis/authorization.k8s.io/v1")
    authentication = await resources(client, "/apis/authentication.k8s.io/v1")
    for one in {**authorization, **authentication}.values():
        assert one["verbs"] == ["create"]
    assert authorization["localsubjectaccessreviews"]["namespaced"]
    assert not authorization["selfsubjectaccessreviews"]["namespaced"]


async def test_verbs_of_a_custom_kind_come_in_their_own_order(client: Client, examples):
    """§1.1: CRD kinds"""
    found = await resources(client, "/apis/example.com/v1")
    vms = found["vms"]
    assert vms["verbs"] == ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
    assert (vms["kind"], vms["singularName"], vms["namespaced"]) == ("VM", "vm", True)
    assert (vms["shortNames"], vms["categories"]) == (["exvm"], ["all", "machines"])
    assert found["vms/status"]["verbs"] == found["vms/scale"]["verbs"] == ["get", "patch", "update"]
    scale = found["vms/scale"]
    assert (scale["group"], scale["version"], scale["kind"]) == ("autoscaling", "v1", "Scale")


async def test_the_hash_of_the_storage_version(client: Client):
    """§1.1 storageVersionHash: the first 8 bytes of SHA-256 of group/version/kind; qFsyl6wFWjQ= for ConfigMap"""
    core, apps = await resources(client, "/api/v1"), await resources(client, "/apis/apps/v1")
    assert core["configmaps"]["storageVersionHash"] == "qFsyl6wFWjQ="
    digest = hashlib.sha256(b"apps/v1/Deployment").digest()[:8]
    assert apps["deployments"]["storageVersionHash"] == base64.b64encode(digest).decode()


@pytest.mark.parametrize("path", ["/api", "/apis"])
async def test_aggregated_discovery_is_named_by_its_content_type(client: Client, examples, path):
    """§1.2 request, response, headers"""
    plain = await client("GET", path, Accept="application/json")
    assert plain.headers["Content-Type"] == "application/json"
    assert plain.headers["Cache-Control"] == "no-cache, private"
    assert "ETag" not in plain.headers
    for accept in (V2, f"{V2},{V2BETA1},application/json", f"{V2};profile=nopeer,application/json"):
        reply = await client("GET", path, Accept=accept)
        assert reply.status == 200
        assert reply.headers["Content-Type"] == V2
        assert re.fullmatch(r'"[0-9A-F]{128}"', reply.headers["ETag"])
        assert (reply.headers["Vary"], reply.headers["Cache-Control"]) == ("Accept", "public")
        document = reply.json
        assert (document["kind"], document["apiVersion"]) == ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2")
        assert document["metadata"] == {}
        again = await client("GET", path, Accept=accept, If_None_Match=reply.headers["ETag"])
        assert (again.status, again.body) == (304, b"")


async def test_aggregated_discovery_says_what_the_lists_say(client: Client, examples):
    """§1.2 document"""
    (core,) = (await client.get("/api", Accept=V2))["items"]
    assert core["metadata"] == {}
    items = (await client.get("/apis", Accept=V2))["items"]
    groups = (await client.get("/apis"))["groups"]
    assert [one["metadata"]["name"] for one in items] == [one["name"] for one in groups]
    for item in (core, *items):
        group = item["metadata"].get("name", "")
        for version in item["versions"]:
            assert version["freshness"] == "Current"
            path = f"/apis/{group}/{version['version']}" if group else f"/api/{version['version']}"
            listed = await resources(client, path)
            if group == "subresources.kubevirt.io":
                # An aggregated server's, which lists parent/sub alone.
                continue
            told = {}
            for one in version["resources"]:
                told[one["resource"]] = one
                assert one["scope"] == ("Namespaced" if listed[one["resource"]]["namespaced"] else "Cluster")
                assert one["singularResource"] == listed[one["resource"]]["singularName"]
                assert (
                    one["responseKind"] == {"group": "", "version": "", "kind": listed[one["resource"]]["kind"]}
                    or (one["responseKind"]["group"])
                )
                for key in ("shortNames", "categories"):
                    assert one.get(key) == listed[one["resource"]].get(key)
                for below in one.get("subresources", ()):
                    assert "/" not in below["subresource"].partition("/")[0]
                    told[f"{one['resource']}/{below['subresource']}"] = below
            for name, one in told.items():
                if name in listed:
                    assert one["verbs"] == listed[name]["verbs"], name
            assert listed.keys() == told.keys()
    versions = {group["name"]: [one["version"] for one in group["versions"]] for group in groups}
    for item in items:
        name = item["metadata"]["name"]
        assert [one["version"] for one in item["versions"]] == versions[name]


async def test_a_kind_that_is_brought_is_there_at_once_under_another_etag(client: Client):
    """§1.2 ETag, §7 CRD: discovery must include it once it is Established"""
    before = await client("GET", "/apis", Accept=V2)
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "ticks.tock.example"},
        "spec": {
            "group": "tock.example",
            "scope": "Cluster",
            "names": {"plural": "ticks", "kind": "Tick"},
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
            ],
        },
    }
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    await client.made(definitions, definition)
    await client.until("/apis/tock.example/v1/ticks", lambda reply: reply.status == 200)
    after = await client("GET", "/apis", Accept=V2, If_None_Match=before.headers["ETag"])
    assert after.status == 200
    assert after.headers["ETag"] != before.headers["ETag"]
    assert any(one["metadata"]["name"] == "tock.example" for one in after.json["items"])
    assert (await client("DELETE", f"{definitions}/ticks.tock.example")).status == 200
    await client.until("/apis/tock.example", lambda reply: reply.status == 404)


async def test_the_version_is_complete(client: Client):
    """§1.3 /version"""
    version = await client.get("/version")
    for key in ("major", "minor", "gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler"):
        assert isinstance(version[key], str), key
    for key in ("platform", "emulationMajor", "emulationMinor", "minCompatibilityMajor", "minCompatibilityMinor"):
        assert isinstance(version[key], str), key
    assert SEMVER.fullmatch(version["gitVersion"])
    assert version["gitVersion"].startswith(f"v{version['major']}.{version['minor']}.")
    assert await client.get("/version?timeout=32s") == version


@pytest.mark.parametrize("probe", ["healthz", "livez", "readyz"])
async def test_probes(client: Client, probe):
    """§1.3 health"""
    for path in (f"/{probe}", f"/{probe}/ping", f"/{probe}?exclude=ping"):
        reply = await client("GET", path)
        assert (reply.status, reply.body) == (200, b"ok")
        assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    lines = (await client("GET", f"/{probe}?verbose")).body.decode().splitlines()
    assert lines[0] == "[+]ping ok"
    assert lines[-1] == f"{probe} check passed"
    assert all(re.fullmatch(r"\[\+\]\S+ ok", line) for line in lines[:-1])
    reply = await client("GET", f"/{probe}/nothing")
    assert (reply.status, reply.body) == (404, b"404 page not found\n")


async def test_metrics_are_prometheus_text(client: Client):
    """§1.3 /metrics"""
    reply = await client("GET", "/metrics")
    assert (reply.status, reply.headers["Content-Type"].partition(";")[0]) == (200, "text/plain")
    assert b"\n# TYPE " in b"\n" + reply.body


async def test_openapi_v2_in_its_forms(client: Client):
    """§1.4 /openapi/v2"""
    protobuf = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
    reply = await client("GET", "/openapi/v2", Accept=protobuf)
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    for accept in ({}, {"Accept": "*/*"}, {"Accept": "application/json"}):
        plain = await client("GET", "/openapi/v2", **accept)
        assert (plain.status, plain.headers["Content-Type"]) == (200, "application/json")
        assert plain.json["swagger"] == "2.0"
    for one in (reply, plain):
        assert re.fullmatch(r'"[0-9A-F]{128}"', one.headers["ETag"])
        assert "Last-Modified" in one.headers
    again = await client("GET", "/openapi/v2", Accept=protobuf, If_None_Match=reply.headers["ETag"])
    assert (again.status, again.body) == (304, b"")
    assert (await client("GET", "/openapi/v2", Accept="application/xml")).status == 406


async def test_openapi_v3_index(client: Client, examples):
    """§1.4 /openapi/v3"""
    reply = await client("GET", "/openapi/v3")
    assert reply.headers["Content-Type"].partition(";")[0] in ("text/plain", "application/json")
    paths = reply.json["paths"]
    assert {"api", "api/v1", "apis", "apis/apps", "apis/apps/v1", "apis/example.com/v1", "version"} <= paths.keys()
    for path, one in paths.items():
        assert re.fullmatch(rf"/openapi/v3/{re.escape(path)}\?hash=[0-9A-F]+", one["serverRelativeURL"])


async def test_openapi_v3_documents_by_hash(client: Client, examples):
    """§1.4 /openapi/v3/apis/<g>/<v>?hash=H"""
    url = (await client.get("/openapi/v3"))["paths"]["apis/example.com/v1"]["serverRelativeURL"]
    path, _, digest = url.partition("?hash=")
    right = await client("GET", url)
    assert right.status == 200
    assert right.headers["Cache-Control"] == "public, immutable"
    assert right.headers["ETag"] == f'"{digest}"'
    assert "Expires" in right.headers
    assert right.json["openapi"].startswith("3.0")
    wrong = await client("GET", f"{path}?hash=ABC")
    assert (wrong.status, wrong.headers["Location"]) == (301, url)
    none = await client("GET", path)
    assert (none.status, none.headers["Cache-Control"]) == (200, "no-cache, private")
    unknown = await client("GET", "/openapi/v3/apis/nope.example/v1")
    assert (unknown.status, unknown.body) == (404, b"")
    protobuf = "application/com.github.proto-openapi.spec.v3@v1.0+protobuf"
    assert (await client("GET", url, Accept=f"{protobuf},application/json")).status == 200


async def test_openapi_says_what_clients_look_for(client: Client, examples):
    """§1.4: extensions of kinds, operations and lists; query parameters of PATCH; names"""
    paths = (await client.get("/openapi/v3"))["paths"]
    document = await client.get(paths["apis/example.com/v1"]["serverRelativeURL"])
    schemas = document["components"]["schemas"]
    assert schemas["com.example.v1.VM"]["x-kubernetes-group-version-kind"] == [
        {"group": "example.com", "version": "v1", "kind": "VM"}
    ]
    assert schemas["com.example.v1.VMList"]["x-kubernetes-group-version-kind"] == [
        {"group": "example.com", "version": "v1", "kind": "VMList"}
    ]
    properties = schemas["com.example.v1.VM"]["properties"]
    assert {"apiVersion", "kind", "metadata", "spec", "status"} == properties.keys()
    meta = "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
    assert properties["metadata"]["allOf"] == [{"$ref": meta}]
    vols = properties["spec"]["properties"]["vols"]
    assert (vols["x-kubernetes-list-type"], vols["x-kubernetes-list-map-keys"]) == ("map", ["name"])
    spec = properties["spec"]["properties"]
    assert spec["tags"]["x-kubernetes-list-type"] == "set"
    assert spec["atomic"]["x-kubernetes-map-type"] == "atomic"
    assert spec["mem"]["x-kubernetes-int-or-string"] is True
    assert spec["free"]["x-kubernetes-preserve-unknown-fields"] is True
    assert properties["spec"]["x-kubernetes-validations"] == [{"rule": "self.cpu != 7", "message": "no sevens"}]

    one = document["paths"]["/apis/example.com/v1/namespaces/{namespace}/vms/{name}"]
    assert one["patch"]["operationId"] == "patchExampleComV1NamespacedVM"
    assert one["patch"]["tags"] == ["exampleCom_v1"]
    parameters = {each["name"] for each in one["patch"]["parameters"] if each["in"] == "query"}
    assert {"fieldValidation", "dryRun", "fieldManager", "force"} <= parameters
    gvk = {"group": "example.com", "version": "v1", "kind": "VM"}
    actions = {}
    for path in (one, document["paths"]["/apis/example.com/v1/namespaces/{namespace}/vms"]):
        for method, operation in path.items():
            if isinstance(operation, dict):
                assert operation["x-kubernetes-group-version-kind"] == gvk
                actions[operation["x-kubernetes-action"]] = method
    assert actions == {
        "get": "get",
        "put": "put",
        "patch": "patch",
        "delete": "delete",
        "list": "get",
        "post": "post",
        "deletecollection": "delete",
    }

    core = await client.get(paths["api/v1"]["serverRelativeURL"])
    assert core["components"]["schemas"]["io.k8s.api.core.v1.Pod"]
    namespace = core["paths"]["/api/v1/namespaces/{name}"]["patch"]
    assert {"fieldValidation", "dryRun"} <= {each["name"] for each in namespace["parameters"]}
    containers = core["components"]["schemas"]["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert (containers["x-kubernetes-patch-merge-key"], containers["x-kubernetes-patch-strategy"]) == ("name", "merge")

    swagger = await client.get("/openapi/v2")
    assert "com.example.v1.VM" in swagger["definitions"]
    text = str(swagger["definitions"]["com.example.v1.VM"])
    for word in ("oneOf", "anyOf", "nullable"):
        assert f"'{word}'" not in text
    assert "type" not in swagger["definitions"]["com.example.v1.VM"]["properties"]["spec"]["properties"]["mem"]
    assert "x-kubernetes-action" in swagger["paths"]["/apis/example.com/v1/namespaces/{namespace}/vms/{name}"]["patch"]
