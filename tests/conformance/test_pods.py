"""Subresources of pods (reference kubernetes-api.md 8): what of them is HTTP, for no pod has a container here."""

from __future__ import annotations

import pytest

from tests.conformance.conftest import Client, Space
from tests.conformance.statuses import bad_request, check, not_found

pytestmark = pytest.mark.asyncio(loop_scope="module")

ONE = {"containers": [{"name": "c", "image": "i"}]}
TWO = {"containers": [{"name": "a", "image": "i"}, {"name": "b", "image": "i"}]}


async def test_logs(client: Client, space: Space):
    """§8 logs: several containers and none named, unscheduled, waiting to start"""
    pods = space.core("pods")
    await client.made(pods, {"metadata": {"name": "p"}, "spec": TWO})
    check(
        await client("GET", f"{pods}/p/log"),
        bad_request("a container name must be specified for pod p, choose one of: [a b]"),
    )
    check(await client("GET", f"{pods}/p/log?container=z"), bad_request("container z is not valid for pod p"))
    check(await client("GET", f"{pods}/nobody/log"), not_found("pods", "nobody"))
    reply = await client("GET", f"{pods}/p/log?container=a")
    assert (reply.status, reply.body) == (204, b"")
    await client.made(pods, {"metadata": {"name": "w"}, "spec": {**ONE, "nodeName": "nobodys"}})
    check(
        await client("GET", f"{pods}/w/log"),
        bad_request('container "c" in pod "w" is waiting to start: ContainerCreating'),
    )


async def test_logs_of_what_runs_are_text(client: Client, space: Space):
    """§8 logs: text/plain; the options are read as a real server reads them"""
    pods = space.core("pods")
    await client.made(pods, {"metadata": {"name": "r"}, "spec": {**ONE, "nodeName": "nobodys"}})
    running = {
        "phase": "Running",
        "containerStatuses": [
            {"name": "c", "image": "i", "imageID": "", "ready": True, "restartCount": 0, "state": {"running": {}}}
        ],
    }
    await client.merged(f"{pods}/r/status", {"status": running})
    reply = await client(
        "GET", f"{pods}/r/log?container=c&follow=false&timestamps=true&tailLines=5&limitBytes=100&previous=false"
    )
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/plain"
    for query, field in (
        ("tailLines=-1", "tailLines"),
        ("limitBytes=0", "limitBytes"),
        ("sinceSeconds=0", "sinceSeconds"),
    ):
        reply = await client("GET", f"{pods}/r/log?{query}")
        assert reply.status == 422, query
        assert reply.json["details"]["causes"][0]["field"] == field


@pytest.mark.parametrize("what", ["exec?command=x&stdout=1", "attach?stdout=1", "portforward"])
async def test_what_is_streamed_needs_a_node(client: Client, space: Space, what):
    """§8 exec on an unscheduled pod"""
    pods = space.core("pods")
    await client.made(pods, {"metadata": {"name": "p2"}, "spec": ONE})
    for method in ("GET", "POST"):
        check(await client(method, f"{pods}/p2/{what}"), bad_request("pod p2 does not have a host assigned"))
        check(await client(method, f"{pods}/nobody/{what}"), not_found("pods", "nobody"))


async def test_an_eviction_is_a_delete(client: Client, space: Space):
    """§1.1 pods/eviction: create, 201 with a Status"""
    pods = space.core("pods")
    await client.made(pods, {"metadata": {"name": "e"}, "spec": ONE})
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "e", "namespace": space.name}}
    tried = await client("POST", f"{pods}/e/eviction?dryRun=All", eviction)
    assert tried.status == 201, tried.body
    assert (await client("GET", f"{pods}/e")).status == 200
    older = {**eviction, "apiVersion": "policy/v1beta1"}
    assert (await client("POST", f"{pods}/e/eviction?dryRun=All", older)).status == 201
    assert (await client("POST", f"{pods}/e/eviction", {**eviction, "apiVersion": "policy/v9"})).status == 400
    reply = await client("POST", f"{pods}/e/eviction", eviction)
    assert (reply.status, reply.json["kind"], reply.json["status"]) == (201, "Status", "Success")
    await client.gone(f"{pods}/e")
    check(await client("POST", f"{pods}/e/eviction", eviction), not_found("pods", "e"))


async def test_an_eviction_respects_budgets(client: Client, space: Space):
    """§4 TooManyRequests: what a disruption budget does not allow"""
    pods = space.core("pods")
    await client.made(pods, {"metadata": {"name": "e", "labels": {"app": "x"}}, "spec": ONE})
    await client.merged(
        f"{pods}/e/status", {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    )
    budget = {"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "x"}}}}
    await client.made(space.of("policy", "poddisruptionbudgets"), budget)
    reply = await client("POST", f"{pods}/e/eviction", {"metadata": {"name": "e"}})
    assert (reply.status, reply.json["reason"]) == (429, "TooManyRequests")
    assert reply.message == "Cannot evict pod as it would violate the pod's disruption budget."
    (cause,) = reply.json["details"]["causes"]
    assert cause["reason"] == "DisruptionBudget"


async def test_a_binding_gives_a_pod_its_node(client: Client, space: Space):
    """§1.1 pods/binding: create"""
    pods = space.core("pods")
    await client.made(pods, {"metadata": {"name": "s"}, "spec": ONE})
    binding = {"metadata": {"name": "s"}, "target": {"apiVersion": "v1", "kind": "Node", "name": "node01"}}
    reply = await client("POST", f"{pods}/s/binding", binding)
    assert (reply.status, reply.json["status"]) == (201, "Success")
    assert (await client.get(f"{pods}/s"))["spec"]["nodeName"] == "node01"
    reply = await client("POST", f"{pods}/s/binding", binding)
    assert (reply.status, reply.json["reason"]) == (409, "Conflict")
    assert 'pod s is already assigned to node "node01"' in reply.message
