"""
Network interfaces of a running instance, when its spec comes to name others (reference kubevirt-vm.md 8 and 9.2).

What goes, and the state of links, the node's agent does at once. What is new comes with a migration in KubeVirt: the condition MigrationRequired says so,
and here the guest gets it where it is, under the same conditions as another size (`live_update`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from solovirt.controllers.virtual_machine_instance import conditions, live_update
from solovirt.kinds.kubevirt.cluster import Cluster
from solovirt.machinery.resource import Document
from solovirt.runtime.protocol import Guest, Runtime, SupportsInterfaceHotplug

REQUIRED = "MigrationRequired"
_REASON = "AutoMigrationDueToLiveUpdate"


def is_due(instance: Document) -> bool:
    """Whether the instance's condition says that interfaces are still to come."""
    return live_update.says(instance, REQUIRED)


async def carry_out(runtime: Runtime, instance: Document, guest: Guest, cluster: Cluster) -> bool:
    """Give the guest the interfaces that it may have by now; whether anything was done. Raises GuestError."""
    if not isinstance(runtime, SupportsInterfaceHotplug):
        return False
    present = {one.name: one.link_up for one in guest.interfaces}
    may_come = is_due(instance) and live_update.is_allowed(instance, cluster)
    wanted = [one for one in _wanted(instance) if one["name"] in present or may_come]
    if {one["name"]: one.get("state") != "down" for one in wanted} == present:
        return False
    spec: dict[str, Any] = instance["spec"]
    devices = {**(spec["domain"].get("devices") or {}), "interfaces": wanted}
    spec = {**spec, "domain": {**spec["domain"], "devices": devices}}
    await runtime.set_interfaces(guest.id, {**instance, "spec": spec})
    return True


def apply(instance: Document, guest: Guest, now: datetime) -> None:
    """Write into a running *instance* whether interfaces are still to come."""
    listed = instance["status"]["conditions"]
    present = {one.name for one in guest.interfaces}
    if any(one["name"] not in present for one in _wanted(instance)):
        conditions.put(listed, REQUIRED, "True", now=now, reason=_REASON)
    else:
        conditions.remove(listed, REQUIRED)


def _wanted(instance: Document) -> list[Document]:
    devices = instance["spec"]["domain"].get("devices") or {}
    return [one for one in devices.get("interfaces") or () if one.get("state") != "absent"]
