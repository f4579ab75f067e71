"""
The official Python client: typed, custom objects, dynamic, watches and leader election (reference kubernetes-api.md 10).

It sends POST and DELETE without a Content-Type, picks a patch's type by its body, and knows its types: what it reads must fit them.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config, dynamic, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock

from solovirt.testing import BackgroundControlPlane

VMS: dict[str, Any] = {
    "group": "kubevirt.io",
    "version": "v1",
    "namespace": "default",
    "plural": "virtualmachines",
}


# The APIs go by Any in annotations: every field of their models may be None as far as a type checker can tell.


def machine(name: str, run: str = "Halted") -> dict[str, Any]:
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {"name": name, "labels": {"test": name}},
        "spec": {
            "runStrategy": run,
            "template": {"spec": {"domain": {"devices": {}, "memory": {"guest": "64Mi"}}}},
        },
    }


@pytest.fixture(scope="module")
def api(cluster: BackgroundControlPlane) -> Iterator[client.ApiClient]:
    with config.new_client_from_config(cluster.kubeconfig) as api_client:
        yield api_client


@pytest.fixture(scope="module")
def core(api: client.ApiClient) -> Any:
    return client.CoreV1Api(api)


@pytest.fixture(scope="module")
def custom(api: client.ApiClient) -> Any:
    return client.CustomObjectsApi(api)


def test_what_every_cluster_has_is_typed(api: client.ApiClient, core: Any) -> None:
    assert client.VersionApi(api).get_code().git_version.startswith("v1.36.2")
    nodes = core.list_node().items
    assert [node.metadata.name for node in nodes] == ["node01", "node02", "node03"]
    ready = [condition.status for condition in nodes[0].status.conditions if condition.type == "Ready"]
    assert ready == ["True"]
    assert nodes[0].status.node_info.kubelet_version == "v1.36.2"
    assert core.read_namespaced_service("kubernetes", "default").spec.ports[0].port == 443
    assert core.read_namespaced_config_map("kube-root-ca.crt", "default").data["ca.crt"].startswith("-----BEGIN")
    classes: Any = client.StorageV1Api(api).list_storage_class().items
    assert [one.metadata.name for one in classes] == ["local"]
    groups = {group.name for group in client.ApisApi(api).get_api_versions().groups}
    assert {"apps", "kubevirt.io", "cdi.kubevirt.io"} <= groups


def test_a_config_map_from_creation_to_deletion(core: Any) -> None:
    body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="typed", labels={"a": "b"}), data={"x": "1"})
    created = core.create_namespaced_config_map("default", body)
    assert created.metadata.uid
    with pytest.raises(ApiException) as refused:
        core.create_namespaced_config_map("default", body)
    assert (refused.value.status, refused.value.reason) == (409, "Conflict")
    assert '"message":"configmaps \\"typed\\" already exists","reason":"AlreadyExists"' in str(refused.value.body)

    merged = core.patch_namespaced_config_map("typed", "default", {"data": {"y": "2", "x": None}})
    assert merged.data == {"y": "2"}
    listed = core.patch_namespaced_config_map("typed", "default", [{"op": "add", "path": "/data/z", "value": "3"}])
    assert listed.data == {"y": "2", "z": "3"}

    created.data = {"stale": "yes"}
    with pytest.raises(ApiException) as conflict:
        core.replace_namespaced_config_map("typed", "default", created)
    assert conflict.value.status == 409
    assert "the object has been modified; please apply your changes to the latest version" in str(conflict.value.body)
    listed.data = {"fresh": "yes"}
    assert core.replace_namespaced_config_map("typed", "default", listed).data == {"fresh": "yes"}

    status = core.delete_namespaced_config_map("typed", "default")
    assert status["status"] == "Success"
    assert status["details"] == {"name": "typed", "kind": "configmaps", "uid": created.metadata.uid}
    with pytest.raises(ApiException) as missing:
        core.read_namespaced_config_map("typed", "default")
    assert missing.value.status == 404


def test_a_list_in_pages(core: Any) -> None:
    for number in range(5):
        meta = client.V1ObjectMeta(name=f"page-{number}", labels={"paged": "yes"})
        core.create_namespaced_secret("default", client.V1Secret(metadata=meta, string_data={"n": str(number)}))
    seen, token, revisions = [], None, set()
    while True:
        page = core.list_namespaced_secret("default", label_selector="paged=yes", limit=2, _continue=token)
        seen += [(item.metadata.name, base64.b64decode(item.data["n"]).decode()) for item in page.items]
        revisions.add(page.metadata.resource_version)
        token = page.metadata._continue
        if not token:
            break
    assert seen == [(f"page-{number}", str(number)) for number in range(5)]
    assert len(revisions) == 1
    deleted = core.delete_collection_namespaced_secret("default", label_selector="paged=yes")
    # The client takes any answer here for a Status; what came is the list of what went.
    assert deleted.kind == "SecretList"
    assert core.list_namespaced_secret("default", label_selector="paged=yes").items == []


def test_an_event_of_ones_own(core: Any) -> None:
    about = client.V1ObjectReference(kind="Node", name="node01", api_version="v1")
    meta = client.V1ObjectMeta(name="mine")
    event = core.create_namespaced_event(
        "default",
        client.CoreV1Event(metadata=meta, involved_object=about, reason="Tested", message="hello", type="Normal"),
    )
    assert event.reason == "Tested"
    found = core.list_namespaced_event("default", field_selector="involvedObject.name=node01,reason=Tested")
    assert [one.message for one in found.items] == ["hello"]


def test_a_machine_by_custom_objects(custom: Any) -> None:
    created = custom.create_namespaced_custom_object(**VMS, body=machine("custom"))
    assert created["metadata"]["generation"] == 1
    patched = custom.patch_namespaced_custom_object(**VMS, name="custom", body={"spec": {"runStrategy": "Manual"}})
    assert patched["spec"]["runStrategy"] == "Manual"
    got = custom.get_namespaced_custom_object(**VMS, name="custom")
    assert got["spec"]["template"]["spec"]["domain"]["memory"] == {"guest": "64Mi"}
    every = custom.list_cluster_custom_object("kubevirt.io", "v1", "virtualmachines", label_selector="test=custom")
    assert [item["metadata"]["name"] for item in every["items"]] == ["custom"]
    wrong = machine("wrong")
    del wrong["spec"]["template"]
    with pytest.raises(ApiException) as refused:
        custom.create_namespaced_custom_object(**VMS, body=wrong)
    assert refused.value.status == 422
    custom.delete_namespaced_custom_object(**VMS, name="custom")


@pytest.mark.slow
def test_a_watch_sees_the_machine_run_and_go(custom: Any) -> None:
    before = custom.list_namespaced_custom_object(**VMS)["metadata"]["resourceVersion"]
    custom.create_namespaced_custom_object(**VMS, body=machine("watched", "Always"))
    seen: list[tuple[str, str]] = []
    stream = watch.Watch()
    for event in stream.stream(
        custom.list_namespaced_custom_object,
        **VMS,
        label_selector="test=watched",
        resource_version=before,
        timeout_seconds=30,
    ):
        status = event["object"].get("status", {}).get("printableStatus", "")
        seen.append((event["type"], status))
        if status == "Running" and ("DELETE", "") not in seen:
            seen.append(("DELETE", ""))
            custom.delete_namespaced_custom_object(**VMS, name="watched")
        if event["type"] == "DELETED":
            stream.stop()
    assert seen[0][0] == "ADDED"
    assert ("MODIFIED", "Running") in seen
    assert seen[-1][0] == "DELETED"


@pytest.mark.slow
def test_a_typed_watch_ends_in_time_and_goes_on_where_it_was(core: Any) -> None:
    meta = client.V1ObjectMeta(name="watched", labels={"watched": "typed"})
    core.create_namespaced_config_map("default", client.V1ConfigMap(metadata=meta))
    stream = watch.Watch()
    arguments: dict[str, Any] = {"label_selector": "watched=typed", "timeout_seconds": 1}
    first = list(stream.stream(core.list_namespaced_config_map, "default", **arguments))
    assert [(event["type"], event["object"].metadata.name) for event in first] == [("ADDED", "watched")]
    core.patch_namespaced_config_map("watched", "default", {"data": {"a": "1"}})
    core.delete_namespaced_config_map("watched", "default")
    then = watch.Watch()
    revision = first[-1]["object"].metadata.resource_version
    later = list(then.stream(core.list_namespaced_config_map, "default", resource_version=revision, **arguments))
    assert [event["type"] for event in later] == ["MODIFIED", "DELETED"]
    assert isinstance(later[0]["object"], client.V1ConfigMap)


def test_the_dynamic_client(api: client.ApiClient, tmp_path: Path) -> None:
    dynamic_client = dynamic.DynamicClient(api, cache_file=str(tmp_path / "cache.json"))
    machines = dynamic_client.resources.get(api_version="kubevirt.io/v1", kind="VirtualMachine")
    assert (machines.name, machines.singular_name, machines.namespaced) == ("virtualmachines", "virtualmachine", True)
    assert (
        dynamic_client.resources.get(kind="DataVolume", name="datavolumes").group_version == "cdi.kubevirt.io/v1beta1"
    )
    created = machines.create(body=machine("dynamic"), namespace="default")
    assert created.spec.runStrategy == "Halted"
    patched = machines.patch(
        body={"metadata": {"name": "dynamic", "labels": {"more": "yes"}}},
        namespace="default",
        content_type="application/merge-patch+json",
    )
    assert patched.metadata.labels.to_dict() == {"test": "dynamic", "more": "yes"}
    mine = {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {"name": "dynamic", "annotations": {"note": "applied"}},
    }
    with pytest.raises(dynamic.exceptions.DynamicApiError):
        machines.server_side_apply(
            body={**mine, "spec": {"runStrategy": "Manual"}}, namespace="default", field_manager="x"
        )
    applied = machines.server_side_apply(body=mine, namespace="default", field_manager="tester")
    assert applied.metadata.annotations.note == "applied"
    events = machines.watch(namespace="default", name="dynamic", timeout=1)
    assert [(event["type"], event["object"].metadata.name) for event in events] == [("ADDED", "dynamic")]
    assert machines.get(namespace="default", label_selector="more=yes").items[0].metadata.name == "dynamic"
    machines.delete(name="dynamic", namespace="default")
    with pytest.raises(dynamic.exceptions.NotFoundError):
        machines.get(name="nope", namespace="default")


@pytest.mark.slow
def test_one_of_two_leads_and_the_other_follows(cluster: BackgroundControlPlane) -> None:
    """By Lease: PUT with a stale resourceVersion must be refused (3.3)."""
    config.load_kube_config(cluster.kubeconfig)
    told: list[str] = []
    second_started = threading.Event()

    def candidate(name: str) -> leaderelection.LeaderElection:
        def lead() -> None:
            told.append(f"{name} leads")
            if name == "second":
                second_started.set()

        return leaderelection.LeaderElection(
            electionconfig.Config(
                LeaseLock("election", "default", name),
                lease_duration=3,
                renew_deadline=2,
                retry_period=1,
                onstarted_leading=lead,
                onstopped_leading=lambda: told.append(f"{name} stops"),
            )
        )

    first, second = candidate("first"), candidate("second")
    assert first.acquire() is True
    follower = threading.Thread(target=second.acquire, daemon=True)
    follower.start()
    follower.join(1.5)
    assert follower.is_alive()  # the first one's lease lasts
    leases: Any = client.CoordinationV1Api()
    assert leases.read_namespaced_lease("election", "default").spec.holder_identity == "first"
    follower.join(20)  # the first does not renew
    assert leases.read_namespaced_lease("election", "default").spec.holder_identity == "second"
    stale = leases.read_namespaced_lease("election", "default")
    second.try_acquire_or_renew()
    with pytest.raises(ApiException) as refused:
        leases.replace_namespaced_lease("election", "default", stale)
    assert refused.value.status == 409
