"""ResourceQuotas (reference kubernetes-api.md 7, as far as tools list them; k8s.io/kubernetes, pkg/quota/v1)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.conformance.conftest import Client, Space
from tests.conformance.statuses import check, status

pytestmark = pytest.mark.asyncio(loop_scope="module")

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def quota(**hard: str):
    return {"metadata": {"name": "q"}, "spec": {"hard": {name.replace("_", "/"): most for name, most in hard.items()}}}


async def used(client: Client, space: Space, expected: dict[str, str]) -> None:
    path = f"{space.core('resourcequotas')}/q"
    await client.until(path, lambda reply: reply.json.get("status", {}).get("used") == expected)


async def test_what_is_used_is_kept(client: Client, space: Space):
    """§7: status.hard and status.used follow what is there; §5 columns of resourcequotas"""
    hard = {
        "count_secrets": "5",
        "pods": "3",
        "requests.cpu": "2",
        "limits.memory": "4Gi",
        "services": "2",
        "services.nodeports": "1",
    }
    made = await client.made(space.core("resourcequotas"), quota(**hard))
    none = {
        "count/secrets": "0",
        "limits.memory": "0",
        "pods": "0",
        "requests.cpu": "0",
        "services": "0",
        "services.nodeports": "0",
    }
    await used(client, space, none)
    assert (await client.get(f"{space.core('resourcequotas')}/q"))["status"]["hard"] == made["spec"]["hard"]
    resources = {"requests": {"cpu": "250m", "memory": "1Gi"}, "limits": {"memory": "1536Mi"}}
    container = {"name": "c", "image": "i", "resources": resources}
    spec = {"containers": [container, {**container, "name": "d"}], "initContainers": [{**container, "name": "e"}]}
    await client.made(space.core("pods"), {"metadata": {"name": "p"}, "spec": spec})
    await client.made(space.core("secrets"), {"metadata": {"name": "s"}})
    await client.made(
        space.core("services"), {"metadata": {"name": "n"}, "spec": {"type": "NodePort", "ports": [{"port": 80}]}}
    )
    some = {
        "count/secrets": "1",
        "limits.memory": "3Gi",
        "pods": "1",
        "requests.cpu": "500m",
        "services": "1",
        "services.nodeports": "1",
    }
    await used(client, space, some)
    (row,) = (await client.get(space.core("resourcequotas"), Accept=TABLE))["rows"]
    assert "count/secrets: 1/5" in row["cells"][1]
    assert "limits.memory: 3Gi/4Gi" in row["cells"][2]
    await client("DELETE", f"{space.core('secrets')}/s")
    await client("DELETE", f"{space.core('pods')}/p")
    await client("DELETE", f"{space.core('services')}/n")
    await used(client, space, none)


async def test_claims_are_summed_by_class(client: Client, space: Space):
    """§7: requests.storage, and that of one class"""
    of_class = "gold.storageclass.storage.k8s.io/requests.storage"
    document = quota(**{"requests.storage": "10Gi", "persistentvolumeclaims": "3"})
    document["spec"]["hard"][of_class] = "5Gi"
    await client.made(space.core("resourcequotas"), document)
    for name, storage_class, size in (("a", "gold", "1Gi"), ("b", "", "512Mi")):
        spec = {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": storage_class,
            "resources": {"requests": {"storage": size}},
        }
        await client.made(space.core("persistentvolumeclaims"), {"metadata": {"name": name}, "spec": spec})
    await used(client, space, {of_class: "1Gi", "persistentvolumeclaims": "2", "requests.storage": "1536Mi"})


async def test_one_more_than_a_quota_allows_is_forbidden(client: Client, space: Space):
    """§4 Forbidden: exceeded quota, for every way to create"""
    await client.made(space.core("resourcequotas"), quota(secrets="2", count_secrets="2"))
    path = space.core("secrets")
    for name in "ab":
        await client.made(path, {"metadata": {"name": name}})
    message = (
        'secrets "c" is forbidden: exceeded quota: q, requested: count/secrets=1,secrets=1, used: count/secrets=2,secrets=2, '
        "limited: count/secrets=2,secrets=2"
    )
    expected = status(403, "Forbidden", message, {"name": "c", "kind": "secrets"})
    check(await client("POST", path, {"metadata": {"name": "c"}}), expected)
    check(await client("POST", f"{path}?dryRun=All", {"metadata": {"name": "c"}}), expected)
    document = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "c"}}
    check(await client.applied(f"{path}/c", document, "m"), expected)
    await client.merged(f"{path}/a", {"metadata": {"labels": {"x": "y"}}})
    await client("DELETE", f"{path}/a")
    await client.made(path, {"metadata": {"name": "c"}})


async def test_no_two_slip_through_together(client: Client, space: Space):
    """§4 Forbidden: of many at once just as many as fit are made"""
    await client.made(space.core("resourcequotas"), quota(secrets="3"))
    path = space.core("secrets")
    replies = await asyncio.gather(*(client("POST", path, {"metadata": {"name": f"s{n}"}}) for n in range(10)))
    assert sorted(reply.status for reply in replies) == [201] * 3 + [403] * 7
    await used(client, space, {"secrets": "3"})


SCOPES: list[tuple[dict[str, Any], set[str]]] = [
    ({"scopes": ["Terminating"]}, {"ending"}),
    ({"scopes": ["NotTerminating"]}, {"plain", "classy", "far"}),
    ({"scopes": ["BestEffort"]}, {"classy", "far"}),
    ({"scopes": ["NotBestEffort", "NotTerminating"]}, {"plain"}),
    ({"scopes": ["PriorityClass"]}, {"classy"}),
    ({"scopes": ["CrossNamespacePodAffinity"]}, {"far"}),
    ({"scopeSelector": ("PriorityClass", "In", ["system-cluster-critical"])}, {"classy"}),
    ({"scopeSelector": ("PriorityClass", "In", ["other"])}, set()),
    ({"scopeSelector": ("PriorityClass", "NotIn", ["system-cluster-critical"])}, {"plain", "ending", "far"}),
    ({"scopeSelector": ("PriorityClass", "DoesNotExist", [])}, {"plain", "ending", "far"}),
]


async def test_what_is_in_a_scope_is_charged_alone(client: Client, space: Space):
    """§7; pkg/quota/v1/evaluator/core/pods.go, podMatchesScopeFunc"""
    asks = {"resources": {"requests": {"cpu": "1"}}}
    term = {"topologyKey": "zone", "namespaceSelector": {}, "labelSelector": {"matchLabels": {"a": "b"}}}
    pods: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "plain": (asks, {}),
        "ending": (asks, {"activeDeadlineSeconds": 60}),
        "classy": ({}, {"priorityClassName": "system-cluster-critical"}),
        "far": ({}, {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}),
    }
    for name, (container, more) in pods.items():
        spec = {"containers": [{"name": "c", "image": "i", **container}], **more}
        await client.made(space.core("pods"), {"metadata": {"name": name}, "spec": spec})
    for number, (scope, expected) in enumerate(SCOPES):
        document = quota(pods="9", count_pods="9")
        document["metadata"]["name"] = f"q{number}"
        if "scopes" in scope:
            document["spec"]["scopes"] = scope["scopes"]
        else:
            selector = dict(zip(("scopeName", "operator", "values"), scope["scopeSelector"], strict=True))
            document["spec"]["scopeSelector"] = {"matchExpressions": [selector]}
        await client.made(space.core("resourcequotas"), document)
        path = f"{space.core('resourcequotas')}/q{number}"
        wanted = {"count/pods": str(len(expected)), "pods": str(len(expected))}
        reply = await client.until(path, lambda reply: "used" in reply.json.get("status", {}))
        assert reply.json["status"]["used"] == wanted, scope
