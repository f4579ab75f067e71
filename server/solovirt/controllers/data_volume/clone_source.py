"""Whether a clone's source can be copied now (reference cdi.md 9.1): bound, filled, and not in use."""

from __future__ import annotations

from solovirt.controllers.data_volume.status import Event
from solovirt.controllers.persistent_volume_claim import claims_of_pod
from solovirt.controllers.volume_snapshot import bound_content
from solovirt.kinds.cdi import names
from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt import bootstrap
from solovirt.kinds.volume_snapshots.names import handle_of
from solovirt.machinery import quantity
from solovirt.machinery.control.protocol import Objects
from solovirt.machinery.resource import Document, ObjectKey

_ENDED = ("Succeeded", "Failed")


def hindrance(objects: Objects, source: Document) -> Event | None:
    """What a clone of the claim *source* has to wait for, as an event about it; None if it can begin."""
    metadata = source["metadata"]
    key = ObjectKey(metadata["namespace"], metadata["name"])
    if (source.get("status") or {}).get("phase") != "Bound" or not _is_filled(objects, source, key):
        return Event("Normal", "ImportPVCNotReady", "The source PVC is not fully imported")
    for pod in objects.list(core.PODS, key.namespace):
        if (pod.get("status") or {}).get("phase") not in _ENDED and key.name in claims_of_pod(pod):
            name = f"{key.namespace}/{pod['metadata']['name']}"
            return Event("Warning", "CloneSourceInUse", f"pod {name} using PersistentVolumeClaim {key.name}")
    return None


def snapshot_hindrance(objects: Objects, snapshot: Document) -> Event | None:
    """As `hindrance`, of a VolumeSnapshot (reference cdi.md 9.1)."""
    status = snapshot.get("status")
    if not status:
        return _invalid("no status on source snapshot yet")
    if error := status.get("error"):
        return _invalid(f"snapshot in error state with msg: {error.get('message') or ''}")
    if not status.get("readyToUse") or not handle(objects, snapshot):
        return Event("Normal", "SnapshotNotReady", "The source snapshot is not ready to use")
    return None


def handle(objects: Objects, snapshot: Document) -> str:
    """What the storage calls a snapshot that is ready; empty if it is not, or none that is kept here."""
    content = bound_content(objects, snapshot)
    if content is None or content["spec"]["driver"] != bootstrap.PROVISIONER:
        return ""
    return handle_of(content) if (content.get("status") or {}).get("readyToUse") else ""


def snapshot_mismatch(snapshot: Document, data_volume: Document) -> Event | None:
    """Why *snapshot* can't be restored into what *data_volume* asks for; None if it can, or that is not known yet (reference cdi.md 9.1)."""
    spec = data_volume["spec"]
    asked = _requested(spec.get("pvc") or spec.get("storage") or {})
    size = (snapshot.get("status") or {}).get("restoreSize")
    if size is None:
        return None if asked is not None else _invalid("snapshot has no restore size")
    least = int(quantity.whole(size))
    if spec.get("pvc") is not None and asked is not None and asked < least:
        return _invalid(f"target resources requests storage size is smaller than the source {asked} < {least}")
    return None


def mismatch(source: Document, data_volume: Document) -> Event | None:
    """Why the claim *source* can't be cloned into what *data_volume* asks for; None if it can."""
    spec = data_volume["spec"]
    annotations = source["metadata"].get("annotations") or {}
    of_source, wanted = annotations.get(names.CONTENT_TYPE) or "kubevirt", spec.get("contentType") or "kubevirt"
    if of_source != wanted:
        return _invalid(f"Source contentType ({of_source}) and target contentType ({wanted}) do not match")
    asked = _requested(spec.get("pvc") or spec.get("storage") or {})
    size = _requested(source["spec"])
    # What `storage` asks for is measured against the disk in the source, which is known when it is copied.
    is_exact = spec.get("pvc") is not None or source["spec"].get("volumeMode") == "Block"
    if is_exact and asked is not None and size is not None and asked < size:
        return _invalid(f"target resources requests storage size is smaller than the source {asked} < {size}")
    return None


def _invalid(why: str) -> Event:
    return Event("Warning", "CloneValidationFailed", f"The clone doesn't meet the validation requirements: {why}")


def _requested(spec: Document) -> int | None:
    asked = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    return None if asked is None else int(quantity.whole(asked))


def _is_filled(objects: Objects, source: Document, key: ObjectKey) -> bool:
    owner = next((one for one in source["metadata"].get("ownerReferences") or () if one.get("controller")), None)
    if owner is None or owner.get("kind") != "DataVolume":
        return True
    data_volume = objects.get(names.DATA_VOLUMES, key)
    return data_volume is None or (data_volume.get("status") or {}).get("phase") == "Succeeded"
