"""kubernetes-asyncio: as the official client, but with a Content-Type always and watches as asynchronous iterators (kubernetes-api.md 10)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from kubernetes_asyncio import client, config, dynamic, watch
from kubernetes_asyncio.client.exceptions import ApiException

from solovirt.testing import BackgroundControlPlane

VMS: dict[str, Any] = {"group": "kubevirt.io", "version": "v1", "namespace": "default", "plural": "virtualmachines"}


def machine(name: str, run: str = "Halted") -> dict[str, Any]:
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {"name": name},
        "spec": {"runStrategy": run, "template": {"spec": {"domain": {"devices": {}, "memory": {"guest": "64Mi"}}}}},
    }


@pytest.fixture
async def api(cluster: BackgroundControlPlane) -> AsyncIterator[client.ApiClient]:
    async with await config.new_client_from_config(cluster.kubeconfig) as api_client:
        yield api_client


async def test_typed_objects(api: client.ApiClient) -> None:
    core = client.CoreV1Api(api)
    assert [node.metadata.name for node in (await core.list_node()).items] == ["node01", "node02", "node03"]
    body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="async"), data={"a": "1"})
    created = await core.create_namespaced_config_map("default", body)
    patched = await core.patch_namespaced_config_map("async", "default", {"data": {"a": None, "b": "2"}})
    assert patched.data == {"b": "2"}
    created.data = {"c": "3"}
    with pytest.raises(ApiException) as conflict:
        await core.replace_namespaced_config_map("async", "default", created)
    assert conflict.value.status == 409
    dry = await core.delete_namespaced_config_map("async", "default", dry_run="All")
    assert dry.status == "Success"
    assert (await core.delete_namespaced_config_map("async", "default")).details.name == "async"
    with pytest.raises(ApiException) as missing:
        await core.read_namespaced_config_map("async", "default")
    assert (missing.value.status, missing.value.reason) == (404, "Not Found")


@pytest.mark.slow
async def test_a_watch_sees_a_machine_run_and_go(api: client.ApiClient) -> None:
    custom = client.CustomObjectsApi(api)
    seen: list[str] = []

    async def follow() -> None:
        listed = await custom.list_namespaced_custom_object(**VMS)
        revision = listed["metadata"]["resourceVersion"]
        async with watch.Watch().stream(
            custom.list_namespaced_custom_object, **VMS, resource_version=revision, timeout_seconds=30
        ) as stream:
            async for event in stream:
                seen.append(event["type"])
                if event["object"].get("status", {}).get("printableStatus") == "Running":
                    running.set()
                if event["type"] == "DELETED":
                    return

    running = asyncio.Event()
    following = asyncio.create_task(follow())
    await asyncio.sleep(0.1)  # not for the result: the machine may come before or after the list
    await custom.create_namespaced_custom_object(**VMS, body=machine("async", "Always"))
    await asyncio.wait_for(running.wait(), 30)
    await custom.delete_namespaced_custom_object(**VMS, name="async")
    await asyncio.wait_for(following, 30)
    assert seen[-1] == "DELETED"
    assert "MODIFIED" in seen


async def test_the_dynamic_client(api: client.ApiClient) -> None:
    dynamic_client = await dynamic.DynamicClient(api)
    machines = await dynamic_client.resources.get(api_version="kubevirt.io/v1", kind="VirtualMachine")
    created = await machines.create(body=machine("dynamic"), namespace="default")
    assert created.spec.runStrategy == "Halted"
    applied = await machines.server_side_apply(
        body={
            "apiVersion": "kubevirt.io/v1",
            "kind": "VirtualMachine",
            "metadata": {"name": "dynamic", "labels": {"by": "apply"}},
        },
        namespace="default",
        field_manager="tester",
    )
    assert applied.metadata.labels.by == "apply"
    listed = await machines.get(namespace="default", label_selector="by=apply")
    assert [item.metadata.name for item in listed.items] == ["dynamic"]
    await machines.delete(name="dynamic", namespace="default")
