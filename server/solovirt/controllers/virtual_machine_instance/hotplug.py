"""
Volumes that come and go while an instance runs: what is to be done, and what their status says (reference kubevirt-vm.md 9.3 and 11).

A volume that says `hotpluggable` is never part of the launcher pod: it is mounted by an attachment pod and plugged into the guest. On the way
it passes the phases Pending, Bound, AttachedToNode, MountedToPod and Ready, one with each look at it; when it is taken out of the spec, Ready,
UnMountedFromPod and Detaching, until its status is gone. A dump of memory is such a volume too; it is written instead of plugged in.

Functions of what there is. The phase that counts is the stored one, so that what is done to the guest follows what was told.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from solovirt.controllers.virtual_machine_instance import attachment_pod
from solovirt.controllers.virtual_machine_instance.volumes import Volumes, claim_info
from solovirt.kinds.kubevirt.rules.volumes import claim_name, is_hotplug
from solovirt.machinery.clock import timestamp
from solovirt.machinery.resource import Document
from solovirt.runtime.protocol import Guest, MemoryDump

Status = dict[str, Any]

_BEFORE_ATTACHMENT = ("", "Pending", "Bound")
_LEAVING = ("Detaching", "UnMountedFromPod")
_MOUNTED = ("Ready", "MountedToPod")
_DUMPING, _DUMPED, _DUMP_FAILED = "MemoryDumpInProgress", "MemoryDumpCompleted", "MemoryDumpFailed"


class Told(NamedTuple):
    """An event about the instance; from the node's agent or from the controller."""

    by_handler: bool
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Situation:
    """What there is. *pods* are the attachment pods, None if no pods are shown at all."""

    instance: Document
    behind: Volumes
    guest: Guest
    now: datetime
    pods: Sequence[Document] | None = ()
    failed_dumps: Mapping[str, str] = field(default_factory=dict)
    """Volumes that could not be written to at all, and why."""

    @property
    def wanted(self) -> list[Document]:
        """The volumes of the spec that are plugged in."""
        return [volume for volume in self.instance["spec"].get("volumes") or () if is_hotplug(volume)]

    @property
    def ready(self) -> list[Document]:
        """Those of them whose claim can be mounted."""
        return [volume for volume in self.wanted if claim_name(volume) not in self.behind.awaited]

    @property
    def known(self) -> dict[str, Status]:
        """The statuses of volumes that are or were plugged in, by name."""
        listed = (self.instance.get("status") or {}).get("volumeStatus") or ()
        return {one["name"]: one for one in listed if one.get("hotplugVolume") is not None}

    @property
    def targets(self) -> dict[str, str]:
        return {disk.volume: disk.target for disk in self.guest.disks}


# -- what is to be done


def to_attach(situation: Situation) -> list[Document]:
    """The disks to plug into the guest: those of mounted volumes that it does not see."""
    known, targets = situation.known, situation.targets
    names = {
        volume["name"]
        for volume in situation.wanted
        if volume.get("memoryDump") is None
        and volume["name"] not in targets
        and (known.get(volume["name"]) or {}).get("phase") in _MOUNTED
    }
    devices = situation.instance["spec"]["domain"].get("devices") or {}
    return [disk for disk in devices.get("disks") or () if disk["name"] in names]


def to_detach(situation: Situation) -> list[str]:
    """The volumes to pull out of the guest: those it sees that the spec does not have any more."""
    wanted = {volume["name"] for volume in situation.instance["spec"].get("volumes") or ()}
    return [name for name in situation.known if name in situation.targets and name not in wanted]


def to_dump(situation: Situation) -> list[tuple[str, str]]:
    """The volumes to dump the memory to, and the names of the files."""
    known = situation.known
    return [
        (volume["name"], status["memoryDumpVolume"]["targetFileName"])
        for volume in situation.wanted
        if (status := known.get(volume["name"])) is not None and status.get("phase") == _DUMPING
    ]


def active_pod(situation: Situation) -> Document | None:
    """The attachment pod that mounts exactly what can be mounted."""
    wanted = {volume["name"]: claim_name(volume) for volume in situation.ready}
    for pod in situation.pods or ():
        if attachment_pod.mounts(pod) == wanted and not pod["metadata"].get("deletionTimestamp"):
            return pod
    return None


def to_delete(situation: Situation) -> list[Document]:
    """The attachment pods that are not needed any more; one that still mounts what is used stays until its successor runs."""
    active, wanted = active_pod(situation), {volume["name"] for volume in situation.wanted}
    leaving = {name: one.get("phase") for name, one in situation.known.items() if name not in wanted}
    has_successor = (active is not None and attachment_pod.is_ready(active)) or not situation.ready
    gone = []
    for pod in situation.pods or ():
        if pod is active:
            continue
        mounted = attachment_pod.mounts(pod)
        is_in_use = any(leaving.get(name) in _MOUNTED for name in mounted)
        if not is_in_use and (has_successor or not any(name in wanted for name in mounted)):
            gone.append(pod)
    return gone


# -- what is told


def statuses(situation: Situation, deleted: Sequence[Document] = ()) -> tuple[list[Status], list[Told]]:
    """The statuses of all volumes that are or were plugged in, and the events that go with what is new in them."""
    known, told = situation.known, list[Told]()
    out = [_of_wanted(situation, volume, known.pop(volume["name"], None), told) for volume in situation.wanted]
    leaving = [_of_leaving(situation, status, deleted, told) for status in known.values()]
    return [*out, *(status for status in leaving if status is not None)], told


def _of_wanted(situation: Situation, volume: Document, known: Status | None, told: list[Told]) -> Status:
    name, claim = volume["name"], claim_name(volume) or ""
    status: Status = copy.deepcopy(known) if known is not None else {"name": name, "hotplugVolume": {}}
    status["target"] = situation.targets.get(name, "")
    if volume.get("memoryDump") is not None:
        status.setdefault("memoryDumpVolume", {"claimName": name})
    before = status.get("phase") or ""
    attached = _attach(situation, status)
    if status["target"]:
        _say(status, "Ready", "VolumeReady", f"Successfully attach hotplugged volume {name} to VM", told)
    elif not attached and before not in ("Ready", _DUMPING, _DUMPED, _DUMP_FAILED):
        _say_claim(status, situation, claim)
    elif before in _LEAVING:
        # It is back before it was gone.
        _say_claim(status, situation, claim)
    elif before in _BEFORE_ATTACHMENT:
        pod = status["hotplugVolume"].get("attachPodName", "")
        message = f"Created hotplug attachment pod {pod}, for volume {name}"
        _say(status, "AttachedToNode", "SuccessfulCreate", message, told, by_handler=False)
    elif before == "AttachedToNode" and (situation.pods is None or "attachPodUID" in status["hotplugVolume"]):
        message = f"Volume {name} has been mounted in virt-launcher pod"
        _say(status, "MountedToPod", "VolumeMountedToPod", message, told)
    elif volume.get("memoryDump") is not None:
        _dump(situation, status, told)
    if (found := situation.behind.claims.get(claim)) is not None:
        status["persistentVolumeClaimInfo"] = claim_info(found)
    return status


def _attach(situation: Situation, status: Status) -> bool:
    """Note which pod mounts the volume; whether one does."""
    plug: Status = status["hotplugVolume"]
    if situation.pods is None:
        return status["name"] in {volume["name"] for volume in situation.ready}
    pod = active_pod(situation)
    if pod is None or status["name"] not in attachment_pod.mounts(pod):
        if status.get("phase") != "Ready":
            plug.pop("attachPodUID", None)
        return False
    plug["attachPodName"] = pod["metadata"]["name"]
    if attachment_pod.is_ready(pod):
        plug["attachPodUID"] = pod["metadata"]["uid"]
    else:
        plug.pop("attachPodUID", None)
    return True


def _say_claim(status: Status, situation: Situation, claim: str) -> None:
    found = situation.behind.claims.get(claim)
    if found is None:
        phase, reason, message = "Pending", "FailedPvcNotFound", f"PVC {claim} not found"
    else:
        of_claim = (found.get("status") or {}).get("phase") or "Pending"
        said = {"Pending": "ClaimPending", "Bound": "Bound"}.get(of_claim, "Lost")
        phase = "Bound" if of_claim == "Bound" else "Pending"
        reason, message = "PVCNotReady", f"PVC is in phase {said}"
    status.update(phase=phase, reason=reason, message=message)


def _dump(situation: Situation, status: Status, told: list[Told]) -> None:
    name, info = status["name"], status["memoryDumpVolume"]
    if status["phase"] == "MountedToPod":
        moment = situation.now.strftime("%Y%m%d-%H%M%S")
        info["targetFileName"] = f"{situation.instance['metadata']['name']}-{name}-{moment}.memory.dump"
        message = f"Memory dump Volume {name} is attached, getting memory dump"
        _say(status, _DUMPING, "VolumeMountedToPod", message, told)
        return
    if status["phase"] != _DUMPING:
        return
    dump = situation.guest.memory_dump
    if (why := situation.failed_dumps.get(name)) is not None:
        dump = MemoryDump(info["targetFileName"], situation.now, situation.now, why)
    if dump is None or dump.file_name != info["targetFileName"]:
        return
    info["startTimestamp"] = timestamp(dump.started_at)
    if dump.ended_at is None:
        return
    info["endTimestamp"] = timestamp(dump.ended_at)
    if dump.error:
        message = f"Memory dump to pvc {name} failed: {dump.error}"
        _say(status, _DUMP_FAILED, status["reason"], message, told)
    else:
        message = f"Memory dump to Volume {name} has completed successfully"
        _say(status, _DUMPED, "VolumeReady", message, told)


def _of_leaving(situation: Situation, known: Status, deleted: Sequence[Document], told: list[Told]) -> Status | None:
    """The status of a volume that the spec does not have any more; None when it is gone."""
    status: Status = copy.deepcopy(known)
    name = status["name"]
    status["target"] = situation.targets.get(name, "")
    if status["target"]:
        return status
    if status.get("phase") in (*_MOUNTED, "AttachedToNode"):
        message = f"Volume {name} has been unmounted from virt-launcher pod"
        _say(status, "UnMountedFromPod", "VolumeUnMountedFromPod", message, told)
        return status
    pods = [pod for pod in situation.pods or () if name in attachment_pod.mounts(pod)]
    if not pods:
        return None
    pod, plug = pods[-1], status["hotplugVolume"]
    plug.update(attachPodName=pod["metadata"]["name"], attachPodUID=pod["metadata"]["uid"])
    status["phase"] = "Detaching"
    if any(pod is one for one in deleted):
        message = f"Deleted hotplug attachment pod {pod['metadata']['name']}, for volume {name}"
        status.update(message=message, reason="SuccessfulDelete")
        told.append(Told(False, "SuccessfulDelete", message))
    return status


def _say(status: Status, phase: str, reason: str, message: str, told: list[Told], *, by_handler: bool = True) -> None:
    if status.get("phase") != phase:
        told.append(Told(by_handler, reason, message))
    status.update(phase=phase, reason=reason, message=message)
