"""
The volumes of an instance: may it start, and what does its status say of them.

Before anything is scheduled the claims must exist and be bound, and DataVolumes must have arrived (reference kubevirt-vm.md 7, Start gate).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from solovirt.kinds.cdi import names as cdi
from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt.rules import disks
from solovirt.kinds.kubevirt.rules.volumes import claim_name, is_hotplug
from solovirt.machinery.control.protocol import Objects
from solovirt.machinery.resource import Document, ObjectKey

_ISO_BYTES = 1 << 20
"""The size of a generated cloud-init disk."""
# A VM starts with a DataVolume that waits for its consumer, but the instance then waits until it has arrived: the claim may be bound
# before anybody has written that the phase is another.
_READY = ("Succeeded", "PendingPopulation")
_DEVICE_PREFIXES = {"virtio": "vd", "sata": "sd", "scsi": "sd", "usb": "sd"}
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(slots=True)
class Volumes:
    """The claims and DataVolumes behind an instance's volumes, as they are now."""

    claims: dict[str, Document] = field(default_factory=dict)
    missing: str | None = None
    """The first claim that does not exist."""
    failed: tuple[str, str] | None = None
    """A DataVolume that failed, and the volume that is made of it."""
    unbound: list[str] = field(default_factory=list)
    """Claims that are not bound yet."""
    waiting_for_consumer: list[str] = field(default_factory=list)
    """Those of them that will be bound once it is known which node wants them."""
    data_volumes: int = 0
    arriving: int = 0
    """DataVolumes that are not there yet."""
    awaited: list[str] = field(default_factory=list)
    """Names of all claims and DataVolumes whose change may let the instance start."""

    @property
    def ready(self) -> bool:
        return self.missing is None and self.failed is None and not self.unbound and not self.arriving


def look(objects: Objects, instance: Document) -> Volumes:
    """Find what is behind the volumes of *instance*."""
    namespace = instance["metadata"]["namespace"]
    out = Volumes()
    for volume in instance["spec"].get("volumes") or ():
        name = claim_name(volume)
        if name is None:
            continue
        key = ObjectKey(namespace, name)
        claim = objects.get(core.PERSISTENT_VOLUME_CLAIMS, key)
        if claim is not None:
            out.claims[name] = claim
        data_volume = objects.get(cdi.DATA_VOLUMES, key)
        if volume.get("dataVolume") is not None:
            out.data_volumes += 1
        _judge(out, volume, name, claim, data_volume, objects)
    return out


def _judge(
    out: Volumes,
    volume: Document,
    name: str,
    claim: Document | None,
    data_volume: Document | None,
    objects: Objects,
) -> None:
    settled = True
    if data_volume is not None:
        phase = (data_volume.get("status") or {}).get("phase") or ""
        if phase == "Failed" and out.failed is None:
            out.failed = (name, volume["name"])
        if phase not in _READY:
            out.arriving += 1
            settled = False
    if claim is None:
        if data_volume is None and out.missing is None:
            out.missing = name
        elif data_volume is not None and settled:
            out.arriving += 1
        settled = False
    elif (claim.get("status") or {}).get("phase") != "Bound":
        settled = False
        out.unbound.append(name)
        if _waits_for_consumer(objects, claim):
            out.waiting_for_consumer.append(name)
    if not settled:
        out.awaited.append(name)


def _waits_for_consumer(objects: Objects, claim: Document) -> bool:
    storage_class = (claim.get("spec") or {}).get("storageClassName")
    if not storage_class:
        return False
    found = objects.get(core.STORAGE_CLASSES, ObjectKey("", storage_class))
    return found is not None and found.get("volumeBindingMode") == "WaitForFirstConsumer"


def statuses(spec: Document, claims: dict[str, Document], *, running: bool) -> list[dict[str, Any]]:
    """`status.volumeStatus` of what is built in, by name (reference 9.3). Device names are known once the guest runs."""
    targets = _targets(spec) if running else {}
    out = []
    for volume in sorted(spec.get("volumes") or (), key=lambda volume: str(volume["name"])):
        if is_hotplug(volume):
            continue
        status: dict[str, Any] = {"name": volume["name"], "target": targets.get(volume["name"], "")}
        if volume.get("cloudInitNoCloud") is not None or volume.get("cloudInitConfigDrive") is not None:
            status["size"] = _ISO_BYTES
        claim = claims.get(claim_name(volume) or "")
        if claim is not None:
            status["persistentVolumeClaimInfo"] = claim_info(claim)
        out.append(status)
    return out


def _targets(spec: Document) -> dict[str, str]:
    """The guest's device of each disk: letters by bus, in the order of the disks."""
    counts: dict[str, int] = {}
    out = {}
    for disk in spec["domain"]["devices"].get("disks") or ():
        prefix = _DEVICE_PREFIXES.get(disks.target(disk)[1].get("bus") or "sata", "sd")
        index = counts.get(prefix, 0)
        counts[prefix] = index + 1
        out[disk["name"]] = prefix + _letters(index)
    return out


def _letters(index: int) -> str:
    """a, b … z, aa, ab: as Linux counts disks."""
    out = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, len(_LETTERS))
        out = _LETTERS[rest] + out
    return out


def claim_info(claim: Document) -> dict[str, Any]:
    """What the status of a volume says of its claim."""
    spec, status = claim.get("spec") or {}, claim.get("status") or {}
    info: dict[str, Any] = {
        "claimName": claim["metadata"]["name"],
        "accessModes": list(spec.get("accessModes") or ()),
        "volumeMode": spec.get("volumeMode") or "Filesystem",
        "filesystemOverhead": "0" if spec.get("volumeMode") == "Block" else "0.06",
    }
    if capacity := status.get("capacity"):
        info["capacity"] = capacity
    if requests := (spec.get("resources") or {}).get("requests"):
        info["requests"] = requests
    return info


def claims_of(instance: Document) -> Iterable[str]:
    """The names of all claims that the instance uses."""
    return (name for volume in instance["spec"].get("volumes") or () if (name := claim_name(volume)) is not None)
