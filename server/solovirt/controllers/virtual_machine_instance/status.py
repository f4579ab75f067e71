"""
What an instance's status says of its guest: a function of what was observed (reference kubevirt-vm.md 9.1 to 9.3).

`apply` changes a document in place and has no other effect, so that it runs inside the store's writer; the controller calls it on a copy
first and writes only if something changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from solovirt.controllers.virtual_machine_instance import (
    conditions,
    interfaces,
    launcher_pod,
    live_update,
    migratability,
    sizes,
    volumes,
)
from solovirt.kinds.kubevirt import names
from solovirt.kinds.kubevirt.cluster import STANDARD, Cluster
from solovirt.machinery import quantity
from solovirt.machinery.clock import timestamp
from solovirt.machinery.resource import Document
from solovirt.runtime.protocol import Guest, GuestInterface, GuestState

_ENDED = (GuestState.SHUT_OFF, GuestState.CRASHED)
_LIVE = (GuestState.RUNNING, GuestState.PAUSED, GuestState.SHUTTING_DOWN)
_TERMINATING = ("PodTerminating", "virt-launcher pod is terminating")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the last reconcile could not do its work: reason and message of the condition Synchronized."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything that the status depends on, as it is now."""

    now: datetime
    guest: Guest | None = None
    lost: bool = False
    """The guest, or what it needs, is gone for good: the instance has failed."""
    ready: bool = True
    """The guest passes its readiness probe, if it has one."""
    scheduled: bool = False
    """Its launcher pod is there."""
    unschedulable: str | None = None
    terminating: bool = False
    trouble: Trouble | None = None
    pod: Document | None = None
    volumes: volumes.Volumes = field(default_factory=volumes.Volumes)
    cluster: Cluster = STANDARD
    plugged: Sequence[Document] | None = None
    """The statuses of the volumes that are or were plugged in; None if that was not looked at."""
    resize_refused: bool = False
    """The guest can't take on the size that its instance asks for."""


def phase_of(instance: Document) -> str:
    return str((instance.get("status") or {}).get("phase") or "")


def is_final(instance: Document) -> bool:
    return phase_of(instance) in names.FINAL_PHASES


def transitions(phase: str, seen: Observation) -> list[str]:
    """The phases that the instance goes through from *phase* to where it is now, in order; empty if it stays."""
    if phase in names.FINAL_PHASES:
        return []
    way = ["Pending", "Scheduling", "Scheduled", "Running"]
    guest = seen.guest
    if guest is not None and guest.state is GuestState.UNKNOWN:
        return ["Unknown"] if phase in ("Scheduled", "Running") else []
    if guest is None:
        if seen.lost:
            return ["Failed"]
        reached, end = ("Scheduling" if seen.scheduled else "Pending"), None
    elif guest.state is GuestState.DEFINED:
        reached, end = "Scheduled", None
    elif guest.state in _LIVE:
        reached, end = "Running", None
    else:
        # One that came and went between two looks has run all the same; what counts starts has to know.
        reached = "Running" if guest.started_at is not None else "Scheduled"
        end = "Succeeded" if guest.state is GuestState.SHUT_OFF else "Failed"
    # From out of sight it comes back to where it is, and does not go all the way again.
    position = way.index(phase) if phase in way else way.index(reached) - 1 if phase == "Unknown" else -1
    passed = way[position + 1 : way.index(reached) + 1]
    return passed if end is None else [*passed, end]


def apply(instance: Document, seen: Observation) -> None:
    """Write what was observed into *instance*."""
    status: dict[str, Any] = instance.setdefault("status", {})
    for phase in transitions(phase_of(instance), seen):
        status["phase"] = phase
        status.setdefault("phaseTransitionTimestamps", []).append(
            {"phase": phase, "phaseTransitionTimestamp": timestamp(seen.now)}
        )
    if seen.guest is not None:
        _apply_guest(instance, status, seen.guest, seen)
    if seen.pod is not None:
        status["qosClass"] = (seen.pod.get("status") or {}).get("qosClass") or "Burstable"
        if node := seen.pod["spec"].get("nodeName"):
            status["activePods"] = {seen.pod["metadata"]["uid"]: node}
    listed = status.setdefault("conditions", [])
    _apply_ready(listed, phase_of(instance), seen)
    _apply_conditions(instance, listed, seen)


def _apply_guest(instance: Document, status: dict[str, Any], guest: Guest, seen: Observation) -> None:
    spec = instance["spec"]
    status["nodeName"] = guest.node
    instance["metadata"].setdefault("labels", {})[launcher_pod.NODE_NAME_LABEL] = guest.node
    _apply_launcher(instance, status, seen)
    status["migrationTransport"] = "Unix"
    status["migrationMethod"] = migratability.method(instance, seen.volumes.claims)
    memory = status.get("memory")
    if memory is not None:
        memory.setdefault("memoryOverhead", quantity.binary_text(sizes.overhead(spec)))
    live = guest.state in _LIVE
    if (spec.get("volumes") and "volumeStatus" not in status) or (live and _has_volumes(spec, status)):
        listed = volumes.statuses(spec, seen.volumes.claims, running=live)
        plugged = seen.plugged
        if plugged is None:
            plugged = [one for one in status.get("volumeStatus") or () if one.get("hotplugVolume") is not None]
        status["volumeStatus"] = sorted([*listed, *plugged], key=lambda one: str(one["name"]))
        if not status["volumeStatus"]:
            del status["volumeStatus"]
    if live:
        status["interfaces"] = [_interface(one, agent=guest.agent is not None) for one in guest.interfaces]
        status["machine"] = {"type": guest.machine_type}
        # What virt-handler writes where there is no SELinux.
        status["selinuxContext"] = "none"
        status["guestOSInfo"] = _os_info(guest)


def _apply_launcher(instance: Document, status: dict[str, Any], seen: Observation) -> None:
    """The image of the launcher, and a label on an instance whose launcher is not the one in use now."""
    pod = seen.pod
    image = pod["spec"]["containers"][0]["image"] if pod is not None else status.get("launcherContainerImageVersion")
    status["launcherContainerImageVersion"] = image = image or seen.cluster.launcher_image
    labels = instance["metadata"].setdefault("labels", {})
    if image == seen.cluster.launcher_image:
        labels.pop(names.OUTDATED_LAUNCHER_LABEL, None)
    else:
        labels[names.OUTDATED_LAUNCHER_LABEL] = ""


def _has_volumes(spec: Document, status: Mapping[str, Any]) -> bool:
    return bool(spec.get("volumes") or status.get("volumeStatus"))


def _interface(seen: GuestInterface, *, agent: bool) -> dict[str, Any]:
    out: dict[str, Any] = {
        "name": seen.name,
        "mac": seen.mac,
        "infoSource": "domain, guest-agent" if agent else "domain",
        "queueCount": 1,
        "linkState": "up" if seen.link_up else "down",
    }
    if seen.guest_name:
        out["interfaceName"] = seen.guest_name
    if seen.addresses:
        out["ipAddress"] = seen.addresses[0]
        out["ipAddresses"] = list(seen.addresses)
        # Only the interface on the pod network has addresses that the host knows of.
        out["podInterfaceName"] = "eth0"
    return out


def _os_info(guest: Guest) -> dict[str, str]:
    agent = guest.agent
    if agent is None:
        return {}
    told = {
        "id": agent.os_id,
        "name": agent.os_name,
        "prettyName": agent.os_pretty_name,
        "version": agent.os_version,
        "versionId": agent.os_version_id,
        "kernelRelease": agent.kernel_release,
        "kernelVersion": agent.kernel_version,
        "machine": agent.machine,
    }
    return {key: value for key, value in told.items() if value}


def _apply_ready(listed: conditions.Conditions, phase: str, seen: Observation) -> None:
    paused = seen.guest is not None and seen.guest.state is GuestState.PAUSED
    if seen.guest is not None and (seen.terminating or seen.guest.state in _ENDED):
        status, reason, message = "False", *_TERMINATING
    elif phase == "Running" and not seen.ready:
        status, (reason, message) = "False", launcher_pod.NOT_READY_BY_PROBE
    elif phase == "Running" and not paused:
        status, reason, message = "True", "", ""
    elif phase == "Running":
        status, (reason, message) = "False", launcher_pod.NOT_READY_WHILE_PAUSED
    elif not seen.scheduled:
        status, reason, message = "False", "PodNotExists", "virt-launcher pod has not yet been scheduled"
    else:
        status, reason, message = "False", "GuestNotRunning", "Guest VM is not reported as running"
    conditions.put(listed, "Ready", status, now=seen.now, reason=reason, message=message)


def _apply_conditions(instance: Document, listed: conditions.Conditions, seen: Observation) -> None:
    now, guest = seen.now, seen.guest
    if seen.trouble is not None:
        conditions.put(
            listed, "Synchronized", "False", now=now, reason=seen.trouble.reason, message=seen.trouble.message
        )
    else:
        conditions.remove(listed, "Synchronized")
    unschedulable = seen.unschedulable
    if unschedulable is None and seen.trouble is not None and seen.trouble.reason == "FailedPvcNotFound":
        # There is no pod to copy the condition from, but it would not be scheduled.
        unschedulable = seen.trouble.message
    if unschedulable is not None:
        conditions.put(listed, "PodScheduled", "False", now=now, reason="Unschedulable", message=unschedulable)
    else:
        conditions.remove(listed, "PodScheduled")
    if (instance.get("status") or {}).get("evacuationNodeName"):
        message = "VMI is marked for eviction"
        conditions.put(listed, "EvictionRequested", "True", now=now, reason="EvictionRequested", message=message)
    else:
        conditions.remove(listed, "EvictionRequested")
    _apply_volumes(listed, seen)
    if guest is None or guest.state in _ENDED:
        conditions.remove(listed, "Paused", "AgentConnected")
        return
    if guest.state is GuestState.PAUSED:
        conditions.put(listed, "Paused", "True", now=now, reason="PausedByUser", message="VMI was paused by user")
    else:
        conditions.remove(listed, "Paused")
    if guest.agent is not None:
        conditions.put(listed, "AgentConnected", "True", now=now)
    else:
        conditions.remove(listed, "AgentConnected")
    if guest.state in _LIVE:
        live_update.apply(instance, guest, now, refused=seen.resize_refused)
        interfaces.apply(instance, guest, now)
        for migratable, obstacle in (
            ("LiveMigratable", migratability.obstacle(instance, seen.volumes.claims, cluster=seen.cluster)),
            ("StorageLiveMigratable", migratability.storage_obstacle(instance, cluster=seen.cluster)),
        ):
            reason, message = obstacle or ("", "")
            conditions.put(listed, migratable, "False" if obstacle else "True", now=now, reason=reason, message=message)


def _apply_volumes(listed: conditions.Conditions, seen: Observation) -> None:
    behind = seen.volumes
    if behind.data_volumes:
        if behind.ready:
            message = "All of the VMI's DVs are bound and ready"
            conditions.put(listed, "DataVolumesReady", "True", now=seen.now, reason="AllDVsReady", message=message)
        else:
            message = "Not all of the VMI's DVs are ready"
            conditions.put(listed, "DataVolumesReady", "False", now=seen.now, reason="NotAllDVsReady", message=message)
    if seen.guest is None and behind.waiting_for_consumer:
        conditions.put(listed, "Provisioning", "True", now=seen.now)
    else:
        conditions.remove(listed, "Provisioning")


def condition(instance: Document, type: str) -> Mapping[str, Any] | None:
    """The instance's condition of this type."""
    listed: Sequence[dict[str, Any]] = (instance.get("status") or {}).get("conditions") or ()
    return conditions.find(list(listed), type)
