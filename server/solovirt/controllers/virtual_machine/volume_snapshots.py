"""
`status.volumeSnapshotStatuses`: which of a VirtualMachine's volumes a snapshot could include (reference kubevirt-vm.md 4).

KubeVirt's snapshot controller says so; here it comes with the rest of the status. A volume can be included if its claim's storage class has a
VolumeSnapshotClass of the same driver.
"""

from __future__ import annotations

from typing import Any

from solovirt.kinds.cdi import names as cdi
from solovirt.kinds.core import names as core
from solovirt.machinery.control.objects import NotServed
from solovirt.machinery.control.protocol import Objects
from solovirt.machinery.resource import Document, GroupResource, ObjectKey

SNAPSHOT_CLASSES = GroupResource("snapshot.storage.k8s.io", "volumesnapshotclasses")
_DEFAULT_ANNOTATION = "snapshot.storage.kubernetes.io/is-default-class"


class _Unknown(Exception):
    """It can't be told; the text is the reason."""


def statuses(vm: Document, objects: Objects) -> list[dict[str, Any]]:
    """One for each volume of the template, in their order."""
    volumes = vm["spec"]["template"]["spec"].get("volumes") or ()
    return [_status(vm, volume, objects) for volume in volumes]


def _status(vm: Document, volume: Document, objects: Objects) -> dict[str, Any]:
    name = volume["name"]
    try:
        storage_class = _storage_class(vm, volume, objects)
        if storage_class is None:
            raise _Unknown(f"Snapshot is not supported for this volumeSource type [{name}]")
        if not _snapshot_class(storage_class, objects):
            text = "No VolumeSnapshotClass: Volume snapshots are not configured for this StorageClass"
            raise _Unknown(f"{text} [{storage_class}] [{name}]")
    except _Unknown as why:
        return {"name": name, "enabled": False, "reason": str(why)}
    return {"name": name, "enabled": True}


def _storage_class(vm: Document, volume: Document, objects: Objects) -> str | None:
    """The storage class of the volume's claim, empty if it has none; None for a volume without claim. Raises _Unknown."""
    if (claim := volume.get("persistentVolumeClaim") or volume.get("memoryDump")) is not None:
        return _of_claim(vm, claim.get("claimName") or "", objects)
    if (source := volume.get("dataVolume")) is None:
        return None
    name = source.get("name") or ""
    key = ObjectKey(vm["metadata"]["namespace"], name)
    declared = [objects.get(cdi.DATA_VOLUMES, key)]
    if declared[0] is not None:
        templates = vm["spec"].get("dataVolumeTemplates") or ()
        declared += [one for one in templates if (one.get("metadata") or {}).get("name") == name]
    for one in declared:
        if found := (((one or {}).get("spec") or {}).get("pvc") or {}).get("storageClassName"):
            return str(found)
    return _of_claim(vm, name, objects)


def _of_claim(vm: Document, name: str, objects: Objects) -> str:
    claim = objects.get(core.PERSISTENT_VOLUME_CLAIMS, ObjectKey(vm["metadata"]["namespace"], name))
    if claim is None:
        raise _Unknown("PVC not found")
    return str((claim.get("spec") or {}).get("storageClassName") or "")


def _snapshot_class(storage_class: str, objects: Objects) -> str:
    """The VolumeSnapshotClass for the storage class, empty if there is none. Raises _Unknown if there are several."""
    found = objects.get(core.STORAGE_CLASSES, ObjectKey("", storage_class))
    if found is None:
        return ""
    try:
        classes = list(objects.list(SNAPSHOT_CLASSES))
    except NotServed:
        return ""
    profile = objects.get(cdi.STORAGE_PROFILES, ObjectKey("", storage_class)) or {}
    names = [one["metadata"]["name"] for one in classes]
    if preferred := (profile.get("status") or {}).get("snapshotClass"):
        return preferred if preferred in names else ""
    matching = [one["metadata"] for one in classes if one.get("driver") == found.get("provisioner")]
    if len(matching) < 2:
        return "".join(one["name"] for one in matching)
    for one in matching:
        if _DEFAULT_ANNOTATION in (one.get("annotations") or {}):
            return str(one["name"])
    raise _Unknown(f"{len(matching)} matching VolumeSnapshotClasses for {storage_class}")
