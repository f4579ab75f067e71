"""What lists and tables say of objects that leave fields out, or are over (reference kubernetes-api.md 2.4, 5)."""

from __future__ import annotations

import pytest

from tests.conformance.conftest import Client

pytestmark = pytest.mark.asyncio(loop_scope="module")

PODS = "/api/v1/namespaces/default/pods"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
SPEC = {"containers": [{"name": "c", "image": "i"}]}


async def names(client: Client, path: str) -> set[str]:
    reply = await client("GET", path)
    assert reply.status == 200, reply.body
    return {one["metadata"]["name"] for one in reply.json["items"]}


async def test_booleans_and_numbers_that_are_not_set_are_selected_by_their_zeros(client: Client):
    """Kubernetes makes the fields of a selector out of Go structs, where what is not set is `false` or `0`."""
    for name, spec in (("plain", {}), ("host", {"hostNetwork": True})):
        reply = await client("POST", PODS, {"metadata": {"name": name}, "spec": {**SPEC, **spec}})
        assert reply.status == 201, reply.body
    assert await names(client, f"{PODS}?fieldSelector=spec.hostNetwork%3Dfalse") == {"plain"}
    assert await names(client, f"{PODS}?fieldSelector=spec.hostNetwork!%3Dfalse") == {"host"}
    assert await names(client, f"{PODS}?fieldSelector=spec.hostNetwork%3Dtrue") == {"host"}
    assert await names(client, f"{PODS}?fieldSelector=spec.nodeName%3D") == {"plain", "host"}

    everywhere = await names(client, "/api/v1/nodes")
    assert everywhere
    assert await names(client, "/api/v1/nodes?fieldSelector=spec.unschedulable%3Dfalse") == everywhere
    assert await names(client, "/api/v1/nodes?fieldSelector=spec.unschedulable%3Dtrue") == set()

    template = {"metadata": {"labels": {"a": "b"}}, "spec": SPEC}
    sets = "/apis/apps/v1/namespaces/default/replicasets"
    body = {"metadata": {"name": "r"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}}
    assert (await client("POST", sets, body)).status == 201
    assert await names(client, f"{sets}?fieldSelector=status.replicas%3D0") == {"r"}


async def test_a_pod_that_is_over_has_a_row_that_says_so(client: Client):
    """As `kubectl get pods` of a server-side table can tell what has completed (reference 5: pods only)."""
    for name, phase in (("going", "Running"), ("done", "Succeeded"), ("lost", "Failed")):
        assert (await client("POST", PODS, {"metadata": {"name": name}, "spec": SPEC})).status == 201
        reply = await client(
            "PATCH", f"{PODS}/{name}/status", {"status": {"phase": phase}}, Content_Type="application/merge-patch+json"
        )
        assert reply.status == 200, reply.body

    async def row(name: str):
        (found,) = (await client("GET", f"{PODS}/{name}", Accept=TABLE)).json["rows"]
        return found

    assert "conditions" not in await row("going")
    done = {
        "type": "Completed",
        "status": "True",
        "reason": "Succeeded",
        "message": "The pod has completed successfully.",
    }
    assert (await row("done"))["conditions"] == [done]
    assert (await row("lost"))["conditions"] == [{**done, "reason": "Failed", "message": "The pod failed."}]
    assert list(await row("done")) == ["cells", "conditions", "object"]


async def test_a_workload_that_names_no_replicas_has_one_and_can_be_scaled(client: Client):
    """Kubernetes' own kinds are defaulted to one replica."""
    template = {"metadata": {"labels": {"w": "x"}}, "spec": SPEC}
    for collection, selector in (
        ("/apis/apps/v1/namespaces/default/deployments", {"matchLabels": {"w": "x"}}),
        ("/apis/apps/v1/namespaces/default/replicasets", {"matchLabels": {"w": "x"}}),
        ("/apis/apps/v1/namespaces/default/statefulsets", {"matchLabels": {"w": "x"}}),
        ("/api/v1/namespaces/default/replicationcontrollers", {"w": "x"}),
    ):
        body = {"metadata": {"name": "w"}, "spec": {"selector": selector, "template": template}}
        made = await client("POST", collection, body)
        assert (made.status, made.json["spec"]["replicas"]) == (201, 1), made.body
        reply = await client("GET", f"{collection}/w/scale")
        assert (reply.status, reply.json["spec"]) == (200, {"replicas": 1}), reply.body
