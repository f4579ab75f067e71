"""Discovery, version, health, metrics (reference kubernetes-api.md 1.1, 1.2, 1.3)."""

from __future__ import annotations

import hashlib

import pytest

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


async def test_the_core_versions(http):
    reply = await http.get("/api")
    assert reply.json == {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [
            {"clientCIDR": "0.0.0.0/0", "serverAddress": f"{http.raw.host}:{http.raw.port}"}
        ],
    }


async def test_the_groups_have_preferred_versions_and_no_kinds(http):
    reply = await http.get("/apis")
    example = {
        "name": "example.com",
        "versions": [
            {"groupVersion": "example.com/v1", "version": "v1"},
            {"groupVersion": "example.com/v1beta1", "version": "v1beta1"},
        ],
        "preferredVersion": {"groupVersion": "example.com/v1", "version": "v1"},
    }
    assert list(reply.json) == ["kind", "apiVersion", "groups"]
    assert (reply.json["kind"], reply.json["apiVersion"]) == ("APIGroupList", "v1")
    assert reply.json["groups"][0] == example
    assert [group["name"] for group in reply.json["groups"]] == ["example.com", "authentication.k8s.io"]
    assert (await http.get("/apis/example.com")).json == {"kind": "APIGroup", "apiVersion": "v1", **example}


async def test_resources_of_the_core_group(http):
    reply = await http.get("/api/v1")
    assert list(reply.json) == ["kind", "groupVersion", "resources"]
    assert reply.json["groupVersion"] == "v1"
    names = [one["name"] for one in reply.json["resources"]]
    assert names == ["configmaps", "namespaces", "namespaces/finalize", "namespaces/status"]
    assert reply.json["resources"][0] == {
        "name": "configmaps",
        "singularName": "configmap",
        "namespaced": True,
        "kind": "ConfigMap",
        "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
        "shortNames": ["cm"],
        # Reference kubernetes-api.md 1.1 gives this very value.
        "storageVersionHash": "qFsyl6wFWjQ=",
    }
    assert reply.json["resources"][2] == {
        "name": "namespaces/finalize",
        "singularName": "",
        "namespaced": False,
        "kind": "Namespace",
        "verbs": ["update"],
    }


async def test_resources_of_a_custom_group(http):
    reply = await http.get("/apis/example.com/v1")
    assert reply.json["apiVersion"] == "v1"
    vms, *subresources = reply.json["resources"]
    assert vms["verbs"] == ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
    assert vms["categories"] == ["all"]
    status = next(one for one in subresources if one["name"] == "vms/status")
    assert status == {
        "name": "vms/status",
        "singularName": "",
        "namespaced": True,
        "kind": "VM",
        "verbs": ["get", "patch", "update"],
    }


@pytest.mark.parametrize(
    "path", ["/version/", "/api/", "/apis/", "/apis/example.com/", "/apis/example.com/v1/", "/api/v1/"]
)
async def test_a_trailing_slash_changes_nothing(http, path):
    assert (await http.get(path)).body == (await http.get(path.rstrip("/"))).body


async def test_the_root_lists_paths_in_order(http):
    reply = await http.get("/")
    paths = reply.json["paths"]
    assert paths == sorted(paths)
    assert {"/api", "/api/v1", "/apis", "/apis/example.com/v1", "/healthz", "/openapi/v3", "/version"} <= set(paths)


async def test_aggregated_discovery(http):
    for accept in (AGGREGATED, f"{AGGREGATED},application/json;g=apidiscovery.k8s.io;v=v2beta1;as=X,application/json"):
        reply = await http.get("/apis", headers={"Accept": accept})
        assert reply.headers["Content-Type"] == AGGREGATED
        assert reply.headers["ETag"] == f'"{hashlib.sha512(reply.body).hexdigest().upper()}"'
        assert reply.headers["Vary"] == "Accept"
        assert reply.headers["Cache-Control"] == "public"
        assert list(reply.json) == ["kind", "apiVersion", "metadata", "items"]
        assert reply.json["kind"] == "APIGroupDiscoveryList"
        assert reply.json["apiVersion"] == "apidiscovery.k8s.io/v2"
    example = reply.json["items"][0]
    assert example["metadata"] == {"name": "example.com"}
    assert [(one["version"], one["freshness"]) for one in example["versions"]] == [
        ("v1", "Current"),
        ("v1beta1", "Current"),
    ]
    vms = example["versions"][0]["resources"][0]
    assert {key: vms[key] for key in ("resource", "responseKind", "scope", "singularResource", "categories")} == {
        "resource": "vms",
        "responseKind": {"group": "", "version": "", "kind": "VM"},
        "scope": "Namespaced",
        "singularResource": "vm",
        "categories": ["all"],
    }
    assert {
        "subresource": "status",
        "responseKind": {"group": "", "version": "", "kind": "VM"},
        "verbs": ["get", "patch", "update"],
    } in vms["subresources"]
    core = (await http.get("/api", headers={"Accept": AGGREGATED})).json
    assert [item["metadata"] for item in core["items"]] == [{}]


async def test_older_kubectls_get_the_older_aggregated_form(http):
    accept = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
    reply = await http.get("/apis", headers={"Accept": accept})
    assert reply.headers["Content-Type"] == "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
    assert reply.json["apiVersion"] == "apidiscovery.k8s.io/v2beta1"


async def test_aggregated_discovery_that_is_known_is_not_sent_again(http, registry):
    first = await http.get("/apis", headers={"Accept": AGGREGATED})
    known = {"Accept": AGGREGATED, "If-None-Match": first.headers["ETag"]}
    again = await http.get("/apis", headers=known)
    assert (again.status, again.body) == (304, b"")
    # kubectl's cache would put it in the place of the type that it has.
    assert "Content-Type" not in again.headers
    registry.unregister(("example.com", "vms"))
    assert (await http.get("/apis", headers=known)).status == 200


async def test_the_version(http):
    assert (await http.get("/version?timeout=32s", user={})).json == {
        "major": "1",
        "minor": "36",
        "gitVersion": "v1.36.2",
    }


async def test_health_is_told_to_everyone(http, health):
    for path in ("/healthz", "/livez", "/readyz", "/readyz/ping", "/livez/ping", "/healthz/ping"):
        reply = await http.get(path, user={})
        assert (reply.status, reply.body, reply.headers["Content-Type"]) == (200, b"ok", "text/plain; charset=utf-8")
    reply = await http.get("/livez?verbose", user={})
    assert reply.body == b"[+]ping ok\nlivez check passed\n"


async def test_a_failing_check_fails_its_probe(http, health):
    health.add("database", lambda: "it is gone", ready_only=True)
    reply = await http.get("/readyz")
    assert reply.status == 500
    assert reply.body == b"[+]ping ok\n[-]database failed: reason withheld\n[+]shutdown ok\nreadyz check failed\n"
    assert (await http.get("/livez")).status == 200
    assert (await http.get("/readyz?exclude=database")).status == 200
    assert (await http.get("/readyz/database")).status == 500


async def test_a_server_that_shuts_down_is_not_ready(http, health):
    health.shut_down()
    assert (await http.get("/readyz")).status == 500
    assert (await http.get("/readyz/shutdown")).status == 500
    assert (await http.get("/livez")).status == 200


async def test_metrics_count_what_is_served_and_nothing_that_clients_make_up(http):
    await http.get("/api/v1/namespaces")
    await http.get("/apis/made.up/v1/names")
    body = (await http.get("/metrics")).body.decode()
    assert (
        'apiserver_request_total{code="200",group="",resource="namespaces",scope="cluster",subresource="",verb="LIST",version="v1"} 1.0'
        in body
    )
    assert "made.up" not in body
    assert 'apiserver_request_duration_seconds_count{group="",resource="namespaces"' in body
    assert "apiserver_current_watches 0.0" in body
