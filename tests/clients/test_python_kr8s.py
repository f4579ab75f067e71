"""
kr8s: finds kinds by discovery with trailing slashes, lists in pages of 100, patches by merge, waits by watching (kubernetes-api.md 10).
"""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator
from typing import Any

import kr8s
import pytest
from kr8s.asyncio.objects import APIObject, ConfigMap, Secret, new_class

from solovirt.testing import BackgroundControlPlane

VirtualMachine = new_class(kind="VirtualMachine", version="kubevirt.io/v1", namespaced=True, asyncio=True)


def machine(name: str, run: str = "Halted") -> dict[str, object]:
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {"name": name, "namespace": "default", "labels": {"by": "kr8s"}},
        "spec": {"runStrategy": run, "template": {"spec": {"domain": {"devices": {}, "memory": {"guest": "64Mi"}}}}},
    }


@pytest.fixture
async def api(cluster: BackgroundControlPlane) -> AsyncIterator[kr8s.asyncio.Api]:
    with warnings.catch_warnings():
        # It knows Kubernetes up to 1.35 and says so of anything newer.
        warnings.filterwarnings("ignore", message=".*supported.*")
        api = await kr8s.asyncio.api(kubeconfig=cluster.kubeconfig)
        yield api
    if api._session is not None:  # it has no way of its own to close its connections
        await api._session.aclose()


async def test_discovery(api: Any) -> None:
    assert (await api.version())["gitVersion"].startswith("v1.36.2")
    resources = {(one["version"], one["name"]) for one in await api.api_resources()}
    assert {("v1", "configmaps"), ("kubevirt.io/v1", "virtualmachines"), ("apps/v1", "deployments")} <= resources
    assert await api.lookup_kind("vm") == ("virtualmachine.kubevirt.io/v1", "virtualmachines", True)
    nodes = [node.name async for node in api.get("nodes")]
    assert nodes == ["node01", "node02", "node03"]


async def test_objects_of_kubernetes_own(api: Any) -> None:
    settings = await ConfigMap({"metadata": {"name": "kr8s", "namespace": "default"}, "data": {"a": "1"}}, api=api)
    await settings.create()
    await settings.patch({"data": {"b": "2", "a": None}})
    assert settings.raw["data"] == {"b": "2"}
    await settings.label({"x": "y"})
    await settings.annotate(note="hello")
    again = await ConfigMap.get("kr8s", namespace="default", api=api)
    assert (again.labels, again.annotations) == ({"x": "y"}, {"note": "hello"})
    with pytest.raises(kr8s.ServerError, match='configmaps "kr8s" already exists'):
        await settings.create()
    await settings.delete()
    assert not await settings.exists()
    for number in range(3):
        secret = {"metadata": {"name": f"kr8s-{number}", "namespace": "default"}, "stringData": {"n": str(number)}}
        await (await Secret(secret, api=api)).create()
    assert [one.name async for one in api.get("secrets", namespace="default")][:3] == ["kr8s-0", "kr8s-1", "kr8s-2"]


@pytest.mark.slow
async def test_a_machine_is_awaited_and_watched(api: Any) -> None:
    vm = await VirtualMachine(machine("kr8s", "Always"), api=api)
    await vm.create()
    while "status" not in vm.raw:  # kr8s looks into it without asking
        await vm.refresh()
    await vm.wait("condition=Ready", timeout=30)
    await vm.refresh()
    assert vm.status.printableStatus == "Running"
    found: list[APIObject] = [one async for one in api.get("virtualmachines", label_selector={"by": "kr8s"})]
    assert [one.name for one in found] == ["kr8s"]
    seen = []
    await vm.patch({"spec": {"runStrategy": "Halted"}})
    async for kind, one in api.watch("virtualmachines", namespace="default"):
        seen.append(kind)
        if one.raw["status"].get("printableStatus") == "Stopped":
            break
    assert seen[0] == "ADDED"
    await vm.delete()
    await vm.wait("delete", timeout=30)
    assert not await vm.exists()
