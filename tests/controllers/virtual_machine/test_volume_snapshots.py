"""Which volumes of a machine a snapshot could include (kubevirt-vm.md 4, volumeSnapshotStatuses)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from solovirt.controllers.virtual_machine import volume_snapshots
from solovirt.machinery.control.objects import NotServed
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from tests.controllers.conftest import machine


class Documents:
    """Objects by resource and name; VolumeSnapshotClasses are not served unless there are some."""

    def __init__(self, **found: list[Document]) -> None:
        self._found = found

    def get(self, resource: GroupResource, key: ObjectKey) -> Document | None:
        return next((one for one in self._found.get(resource.plural, ()) if one["metadata"]["name"] == key.name), None)

    def list(self, resource: GroupResource, namespace: str | None = None) -> Iterable[Document]:
        if resource.plural not in self._found:
            raise NotServed(str(resource))
        return self._found[resource.plural]


def named(name: str, **fields: Any) -> Document:
    annotations = fields.pop("annotations", {})
    return {"metadata": {"name": name, "annotations": annotations}, **fields}


def status(volume: Document, *, templates: Iterable[Document] = (), **found: list[Document]) -> Document:
    vm = machine(dataVolumeTemplates=list(templates))
    vm["spec"]["template"]["spec"]["volumes"] = [{"name": "root", **volume}]
    (one,) = volume_snapshots.statuses(vm, Documents(**found))  # type: ignore[arg-type]  # what is asked for is there
    return one


def refused(reason: str) -> Document:
    return {"name": "root", "enabled": False, "reason": reason}


ENABLED = {"name": "root", "enabled": True}
ON_CLAIM = {"persistentVolumeClaim": {"claimName": "data"}}
CLAIM = named("data", spec={"storageClassName": "fast"})
FAST = named("fast", provisioner="example.com/disks")
NOT_CONFIGURED = "No VolumeSnapshotClass: Volume snapshots are not configured for this StorageClass [fast] [root]"


def snapshot_class(name: str, **annotations: str) -> Document:
    return named(name, driver="example.com/disks", annotations=annotations)


@pytest.mark.parametrize("source", ["containerDisk", "cloudInitNoCloud", "emptyDisk", "configMap", "hostDisk"])
def test_only_claims_are_snapshotted(source):
    assert status({source: {}}) == refused("Snapshot is not supported for this volumeSource type [root]")


def test_the_claim_has_to_be_there():
    assert status(ON_CLAIM) == refused("PVC not found")


def test_its_storage_class_needs_a_snapshot_class():
    assert status(ON_CLAIM, persistentvolumeclaims=[CLAIM], storageclasses=[FAST]) == refused(NOT_CONFIGURED)
    other = named("other", driver="example.com/others")
    everything = {"persistentvolumeclaims": [CLAIM], "storageclasses": [FAST], "volumesnapshotclasses": [other]}
    assert status(ON_CLAIM, **everything) == refused(NOT_CONFIGURED)
    everything["volumesnapshotclasses"].append(snapshot_class("snap"))
    assert status(ON_CLAIM, **everything) == ENABLED
    assert status({"memoryDump": {"claimName": "data"}}, **everything) == ENABLED


def test_a_claim_without_storage_class_says_so():
    text = "No VolumeSnapshotClass: Volume snapshots are not configured for this StorageClass [] [root]"
    assert status(ON_CLAIM, persistentvolumeclaims=[named("data", spec={})]) == refused(text)


def test_of_several_snapshot_classes_one_has_to_be_the_default():
    found: dict[str, list[Document]] = {"persistentvolumeclaims": [CLAIM], "storageclasses": [FAST]}
    two = [snapshot_class("a"), snapshot_class("b")]
    assert status(ON_CLAIM, volumesnapshotclasses=two, **found) == refused("2 matching VolumeSnapshotClasses for fast")
    default = {"snapshot.storage.kubernetes.io/is-default-class": "true"}
    two.append(snapshot_class("c", **default))
    assert status(ON_CLAIM, volumesnapshotclasses=two, **found) == ENABLED


def test_the_storage_profile_decides_before_that():
    found: dict[str, list[Document]] = {"persistentvolumeclaims": [CLAIM], "storageclasses": [FAST]}
    found["storageprofiles"] = [named("fast", status={"snapshotClass": "a"})]
    classes = [snapshot_class("a"), snapshot_class("b")]
    assert status(ON_CLAIM, volumesnapshotclasses=classes, **found) == ENABLED
    assert status(ON_CLAIM, volumesnapshotclasses=classes[1:], **found) == refused(NOT_CONFIGURED)


def test_a_data_volume_names_its_storage_class():
    volume = {"dataVolume": {"name": "data"}}
    data_volume = named("data", spec={"pvc": {"storageClassName": "fast"}})
    found: dict[str, list[Document]] = {"storageclasses": [FAST], "volumesnapshotclasses": [snapshot_class("snap")]}
    assert status(volume, **found) == refused("PVC not found")
    assert status(volume, datavolumes=[data_volume], **found) == ENABLED
    bare = named("data", spec={"storage": {}})
    assert status(volume, datavolumes=[bare], persistentvolumeclaims=[CLAIM], **found) == ENABLED
    assert status(volume, datavolumes=[bare], templates=[data_volume], **found) == ENABLED
