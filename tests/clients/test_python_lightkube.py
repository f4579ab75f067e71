"""lightkube: no discovery, typed models, generic resources, apply and strategic patches by default (kubernetes-api.md 10)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lightkube import ApiError, Client, KubeConfig
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, Node, Secret, ServiceAccount
from lightkube.types import PatchType

from solovirt.testing import BackgroundControlPlane

VirtualMachine = create_namespaced_resource("kubevirt.io", "v1", "VirtualMachine", "virtualmachines")
SPEC: dict[str, Any] = {
    "runStrategy": "Halted",
    "template": {"spec": {"domain": {"devices": {}, "memory": {"guest": "64Mi"}}}},
}


@pytest.fixture(scope="module")
def lightkube(cluster: BackgroundControlPlane) -> Iterator[Any]:
    """A client; not by its type, of whose models every field may be None."""
    settings = KubeConfig.from_file(Path(cluster.kubeconfig))
    with Client(config=settings, namespace="default", field_manager="tester") as client:
        yield client


def test_typed_objects(lightkube: Any) -> None:
    assert [node.metadata.name for node in lightkube.list(Node)] == ["node01", "node02", "node03"]
    created = lightkube.create(ConfigMap(metadata=ObjectMeta(name="light", labels={"a": "b"}), data={"x": "1"}))
    assert created.metadata.managedFields[0].manager == "tester"
    patched = lightkube.patch(ConfigMap, "light", {"data": {"y": "2", "x": None}})
    assert patched.data == {"y": "2"}
    operations = [{"op": "test", "path": "/data/y", "value": "2"}, {"op": "remove", "path": "/data/y"}]
    assert not lightkube.patch(ConfigMap, "light", operations, patch_type=PatchType.JSON).data
    with pytest.raises(ApiError) as failed:
        lightkube.patch(ConfigMap, "light", operations, patch_type=PatchType.JSON)
    assert (failed.value.status.code, failed.value.status.reason) == (422, "Invalid")
    created.data = {"stale": "yes"}
    with pytest.raises(ApiError) as conflict:
        lightkube.replace(created)
    assert (conflict.value.status.code, conflict.value.status.reason) == (409, "Conflict")
    assert [one.metadata.name for one in lightkube.list(ConfigMap, labels={"a": "b"})] == ["light"]
    lightkube.delete(ConfigMap, "light")
    with pytest.raises(ApiError) as missing:
        lightkube.get(ConfigMap, "light")
    assert missing.value.status.message == 'configmaps "light" not found'


def test_apply(lightkube: Any) -> None:
    applied = lightkube.apply(ConfigMap(metadata=ObjectMeta(name="applied"), data={"a": "1", "b": "2"}))
    assert applied.data == {"a": "1", "b": "2"}
    rival = ConfigMap(metadata=ObjectMeta(name="applied"), data={"b": "3"})
    with pytest.raises(ApiError) as conflict:
        lightkube.apply(rival, field_manager="rival")
    assert conflict.value.status.message == 'Apply failed with 1 conflict: conflict with "tester": .data.b'
    assert lightkube.apply(rival, field_manager="rival", force=True).data == {"a": "1", "b": "3"}
    assert lightkube.apply(ConfigMap(metadata=ObjectMeta(name="applied"))).data == {"b": "3"}
    lightkube.delete(ConfigMap, "applied")


def test_machines_as_generic_resources(lightkube: Any) -> None:
    created = lightkube.create(VirtualMachine(metadata=ObjectMeta(name="light"), spec=SPEC))
    assert created["spec"]["runStrategy"] == "Halted"
    merged = lightkube.patch(VirtualMachine, "light", {"spec": {"runStrategy": "Manual"}}, patch_type=PatchType.MERGE)
    assert merged["spec"]["runStrategy"] == "Manual"
    with pytest.raises(ApiError) as unsupported:
        lightkube.patch(VirtualMachine, "light", {"spec": {"runStrategy": "Manual"}})
    assert unsupported.value.status.code == 415
    applied = lightkube.apply(VirtualMachine(metadata=ObjectMeta(name="light", labels={"by": "apply"})))
    assert applied.metadata.labels == {"by": "apply"}
    lightkube.delete(VirtualMachine, "light")


def test_a_watch_goes_on_from_where_it_was(lightkube: Any) -> None:
    lightkube.create(ServiceAccount(metadata=ObjectMeta(name="seen", labels={"w": "1"})))
    for kind, one in lightkube.watch(ServiceAccount, labels={"w": "1"}, server_timeout=20):
        assert (kind, one.metadata.name) == ("ADDED", "seen")
        revision = one.metadata.resourceVersion
        break
    lightkube.patch(ServiceAccount, "seen", {"metadata": {"labels": {"w": "2"}}})
    lightkube.delete(ServiceAccount, "seen")
    for kind, one in lightkube.watch(ServiceAccount, labels={"w": "1"}, resource_version=revision, server_timeout=20):
        # It left the selection: the last that belonged to it is what is shown (2.5).
        assert (kind, one.metadata.labels) == ("DELETED", {"w": "1"})
        break


@pytest.mark.slow
def test_waiting_for_a_condition(lightkube: Any) -> None:
    lightkube.create(VirtualMachine(metadata=ObjectMeta(name="ready"), spec={**SPEC, "runStrategy": "Always"}))
    ready = lightkube.wait(VirtualMachine, "ready", for_conditions=["Ready"])
    assert ready["status"]["printableStatus"] == "Running"
    lightkube.delete(VirtualMachine, "ready")
    lightkube.create(Secret(metadata=ObjectMeta(generateName="drawn-"), stringData={"a": "b"}))
    assert [one.metadata.name[:6] for one in lightkube.list(Secret)] == ["drawn-"]
