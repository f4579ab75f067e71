"""
Processors and memory of a running instance, when its spec asks for others (reference kubevirt-vm.md 8 and 9.2).

KubeVirt notes that a change is due in a condition, has the instance migrate, and plugs on the node where it arrives. Here the guest takes the new
size on where it is; whether that may happen is asked as KubeVirt asks it: the workload update strategy must allow live migration, and the
instance must be able to. Until then the condition stays.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from solovirt.controllers.virtual_machine_instance import conditions, sizes
from solovirt.kinds.kubevirt.cluster import Cluster
from solovirt.machinery import quantity
from solovirt.machinery.resource import Document
from solovirt.runtime.protocol import Guest, GuestError, GuestSize, Runtime, SupportsLiveUpdate

CPU_CHANGE, MEMORY_CHANGE = "HotVCPUChange", "HotMemoryChange"
_PARTS = ("sockets", "cores", "threads")
_MEMORY_FAILED = "Memory Hotplug Failed"
_NOT_SUPPORTED = "memory hotplug failed, the VM configuration is not supported"


class Refused(Exception):
    """The runtime does not give the guest another size; *what* failed is `failed to change vCPUs` or that of the memory."""

    def __init__(self, error: GuestError, what: str) -> None:
        super().__init__(str(error))
        self.what = what


def is_due(instance: Document) -> bool:
    """Whether the instance's conditions say that its guest should have another size."""
    return says(instance, CPU_CHANGE) or says(instance, MEMORY_CHANGE)


def is_allowed(instance: Document, cluster: Cluster) -> bool:
    """Whether the instance may be changed in ways for which KubeVirt would have it migrate."""
    return "LiveMigrate" in cluster.workload_updates and says(instance, "LiveMigratable")


def says(instance: Document, type: str) -> bool:
    """Whether the instance's condition of this type is True."""
    return _is_true((instance.get("status") or {}).get("conditions") or [], type)


async def carry_out(runtime: Runtime, instance: Document, guest: Guest, cluster: Cluster) -> bool:
    """
    Have the guest take on the size that the instance's conditions say is due; whether anything was done.

    Raises Refused.
    """
    cpu, memory = says(instance, CPU_CHANGE), says(instance, MEMORY_CHANGE)
    if not (cpu or memory) or guest.size is None or not isinstance(runtime, SupportsLiveUpdate):
        return False
    if not is_allowed(instance, cluster):
        return False
    wanted = GuestSize(
        sizes.vcpus(instance["spec"]) if cpu else guest.size.vcpus,
        sizes.guest_memory(instance["spec"]) if memory else guest.size.memory_bytes,
    )
    if wanted == guest.size:
        return False
    try:
        await runtime.resize(guest.id, wanted)
    except GuestError as error:
        raise Refused(error, "failed to update guest memory" if memory else "failed to change vCPUs") from error
    return True


def apply(instance: Document, guest: Guest, now: datetime, *, refused: bool = False) -> None:
    """
    Write into a running *instance* what is due and what has been done.

    With *refused*, the runtime has just said that it can't be done: of the memory that stays said, the processors are tried again.
    """
    status, spec = instance["status"], instance["spec"]
    listed = status["conditions"]
    _apply_cpu(spec, status, listed, guest, now)
    _apply_memory(spec, status, listed, guest, now, refused=refused)


def _apply_cpu(
    spec: Document, status: dict[str, Any], listed: conditions.Conditions, guest: Guest, now: datetime
) -> None:
    cpu, current = spec["domain"].get("cpu") or {}, status.get("currentCPUTopology")
    if current is None or not cpu.get("maxSockets"):
        return
    if _count(current) == _count(cpu):
        conditions.remove(listed, CPU_CHANGE)
    elif conditions.find(listed, CPU_CHANGE) is None:
        conditions.put(listed, CPU_CHANGE, "True", now=now)
    elif guest.size is not None and guest.size.vcpus == _count(cpu):
        status["currentCPUTopology"] = {part: cpu.get(part) or 1 for part in _PARTS}
        conditions.remove(listed, CPU_CHANGE)


def _apply_memory(
    spec: Document, status: dict[str, Any], listed: conditions.Conditions, guest: Guest, now: datetime, *, refused: bool
) -> None:
    asked, current = spec["domain"].get("memory") or {}, status.get("memory")
    if current is None or asked.get("guest") is None:
        return
    wanted = quantity.number(asked["guest"])
    if guest.size is not None and quantity.number(current.get("guestCurrent")) != guest.size.memory_bytes:
        is_as_asked = guest.size.memory_bytes == wanted
        current["guestCurrent"] = (
            quantity.text(asked["guest"]) if is_as_asked else quantity.binary_text(guest.size.memory_bytes)
        )
    if asked.get("maxGuest") is None or quantity.number(current.get("guestRequested")) == wanted:
        return
    known = conditions.find(listed, MEMORY_CHANGE)
    if known is None:
        conditions.put(listed, MEMORY_CHANGE, "True", now=now)
    elif refused and known["status"] == "True":
        conditions.put(listed, MEMORY_CHANGE, "False", now=now, reason=_MEMORY_FAILED, message=_NOT_SUPPORTED)
    elif known["status"] == "True" and guest.size is not None and guest.size.memory_bytes == wanted:
        current["guestRequested"] = quantity.text(asked["guest"])
        conditions.remove(listed, MEMORY_CHANGE)


def _count(topology: Document) -> int:
    count = 1
    for part in _PARTS:
        count *= int(topology.get(part) or 1)
    return count


def _is_true(listed: conditions.Conditions, type: str) -> bool:
    return (conditions.find(listed, type) or {}).get("status") == "True"
