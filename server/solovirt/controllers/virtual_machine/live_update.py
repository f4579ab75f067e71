"""
Changes of a VirtualMachine's template that its running instance takes on: processors, memory and scheduling (reference kubevirt-vm.md 8).

`plan` looks at the template with instance type and preference applied, and at the instance. What it finds is written into the instance's spec by the
controller; from there the instance's own controller carries it out. A change that can't be made on the running guest asks for a restart, one that
can't be made just now is tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from solovirt.controllers.virtual_machine import printable_status
from solovirt.kinds.kubevirt.cluster import Cluster
from solovirt.kinds.kubevirt.rules import sizing
from solovirt.machinery import quantity
from solovirt.machinery.resource import Document

Edit = Callable[[Document], None]
_Look = Callable[[Document, Document, datetime], Iterator[Edit]]

_CPU, _MEMORY = "HotVCPUChange", "HotMemoryChange"
_MILLI = 1000
_MEMORY_UPDATED = "memory updated in template spec"
_CPU_FAILED = "Error encountered while handling CPU change request"
_SCHEDULING_FAILED = "Error encountered while handling node affinity change request"
_TOLERATIONS_FAILED = "Error encountered while handling tolerations change request"
_MEMORY_FAILED = "error encountered while handling memory hotplug requests"


class NotNow(Exception):
    """A change has to wait; *reason* is that of the condition Failure."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class Change:
    """Something of the instance that is to be edited; a refusal is told with *reason*, in a message that begins with *failed*."""

    edit: Edit
    reason: str
    failed: str


class _Wait(Exception):
    """A change that can't be made now; the text says why."""


class _Restart(Exception):
    """A change that takes a restart; the text is the condition's."""


@dataclass(slots=True)
class Plan:
    """What is to be done: *changes* of the instance, in their order. *restart* is the message of RestartRequired, if a change takes one."""

    changes: list[Change] = field(default_factory=list)
    restart: str | None = None
    not_now: NotNow | None = None
    """The changes after this one were not looked at."""


def plan(wanted: Document, instance: Document, cluster: Cluster, now: datetime) -> Plan:
    """Compare *wanted*, the spec of the template, with *instance*."""
    out = Plan()
    kinds: tuple[tuple[_Look, str, str], ...] = (
        (partial(_cpu, vcpus_per_cpu=cluster.cpu_allocation_ratio), "HotPlugCPUError", _CPU_FAILED),
        (_scheduling, "AffinityChangeError", _SCHEDULING_FAILED),
        (_tolerations, "TolerationsChangeError", _TOLERATIONS_FAILED),
        (_memory, "HotPlugMemoryError", _MEMORY_FAILED),
    )
    for look, reason, failed in kinds:
        try:
            out.changes += [Change(edit, reason, failed) for edit in look(wanted, instance, now)]
        except _Restart as needed:
            out.restart = out.restart or str(needed)
        except _Wait as why:
            out.not_now = NotNow(reason, f"{failed}: {why}")
            break
    return out


# Processors


def _cpu(wanted: Document, instance: Document, now: datetime, *, vcpus_per_cpu: int) -> Iterator[Edit]:
    asked, has = wanted["domain"].get("cpu"), instance["spec"]["domain"].get("cpu")
    if not asked or not has:
        return
    sockets, current = int(asked.get("sockets") or 0), int(has.get("sockets") or 1)
    if not sockets:
        # One where cores or threads are counted; as many as the instance was given where nothing is said of the topology.
        sockets = 1 if asked.get("cores") or asked.get("threads") else current
    if sockets == current:
        return
    if printable_status.condition(instance, _CPU).get("status") == "True":
        raise _Wait("another CPU hotplug is in progress")
    if printable_status.is_migrating(instance, now):
        raise _Wait("CPU hotplug is not allowed while VMI is migrating")
    if sockets > int(has.get("maxSockets") or 0):
        raise _Restart("CPU sockets updated in template spec to a value higher than what's available")
    if sockets < current:
        raise _Restart("Reduction of CPU socket count requires a restart")
    if wanted.get("architecture") == "arm64":
        raise _Restart("ARM doesn't support CPU hotplug")
    added = (sockets - current) * int(has.get("cores") or 1) * int(has.get("threads") or 1)
    delta = added * (_MILLI // vcpus_per_cpu)
    resources = wanted["domain"].get("resources") or {}

    def edit(document: Document) -> None:
        domain = document["spec"]["domain"]
        domain["cpu"]["sockets"] = sockets
        for kind in ("requests", "limits"):
            present = ((domain.get("resources") or {}).get(kind) or {}).get("cpu")
            if (resources.get(kind) or {}).get("cpu") is not None and present is not None:
                domain["resources"][kind]["cpu"] = quantity.milli_text(quantity.milli(present) + delta)

    yield edit


# Scheduling


def _scheduling(wanted: Document, instance: Document, now: datetime) -> Iterator[Edit]:
    fields = [name for name in ("affinity", "nodeSelector") if _differ(wanted, instance, name)]
    if fields and printable_status.is_migrating(instance, now):
        raise _Wait("Node affinity should not be changed during VMI migration")
    for name in fields:
        yield _copying(wanted, name)


def _tolerations(wanted: Document, instance: Document, now: datetime) -> Iterator[Edit]:
    if not _differ(wanted, instance, "tolerations"):
        return
    if printable_status.is_migrating(instance, now):
        raise _Wait("tolerations should not be changed during VMI migration")
    yield _copying(wanted, "tolerations")


def _differ(wanted: Document, instance: Document, name: str) -> bool:
    return (wanted.get(name) or None) != (instance["spec"].get(name) or None)


def _copying(wanted: Document, name: str) -> Edit:
    def edit(document: Document) -> None:
        if wanted.get(name):
            document["spec"][name] = wanted[name]
        else:
            document["spec"].pop(name, None)

    return edit


# Memory


def _memory(wanted: Document, instance: Document, now: datetime) -> Iterator[Edit]:
    guest = (wanted["domain"].get("memory") or {}).get("guest")
    has = instance["spec"]["domain"].get("memory") or {}
    seen = (instance.get("status") or {}).get("memory") or {}
    if guest is None or has.get("guest") is None or seen.get("guestCurrent") is None:
        return
    change = printable_status.condition(instance, _MEMORY).get("status")
    if change == "False":
        raise _Restart(f"{_MEMORY_UPDATED}. Memory-hotplug failed and is not available for this VM configuration")
    if quantity.number(guest) == quantity.number(has["guest"]):
        return
    if printable_status.condition(instance, "LiveMigratable").get("status") != "True":
        raise _Restart(f"{_MEMORY_UPDATED}. Memory-hotplug is only available for migratable VMs")
    if has.get("maxGuest") is None:
        raise _Restart(f"{_MEMORY_UPDATED}. Memory-hotplug is not available for this VM configuration")
    if change == "True":
        raise _Wait("another memory hotplug is in progress")
    if printable_status.is_migrating(instance, now):
        raise _Wait("memory hotplug is not allowed while VMI is migrating")
    if why := sizing.why_no_memory_hotplug(wanted, has["maxGuest"]):
        raise _Restart(f"memory hotplug not supported, {why}")
    if seen.get("guestAtBoot") is not None and quantity.number(guest) < quantity.number(seen["guestAtBoot"]):
        raise _Restart(f"{_MEMORY_UPDATED} to a value lower than what the VM started with")
    if quantity.number(guest) > quantity.number(has["maxGuest"]):
        raise _Restart(f"{_MEMORY_UPDATED} to a value higher than what's available")
    limits = (wanted["domain"].get("resources") or {}).get("limits") or {}
    yield _growing(
        guest, quantity.whole(guest) - quantity.whole(seen["guestCurrent"]), limited=bool(limits.get("memory"))
    )


def _growing(guest: Any, delta: int, *, limited: bool) -> Edit:
    def edit(document: Document) -> None:
        domain = document["spec"]["domain"]
        domain["memory"]["guest"] = guest
        resources = domain.get("resources") or {}
        more = delta
        if (present := (resources.get("requests") or {}).get("memory")) is not None:
            request = quantity.whole(present) + delta
            if request < quantity.whole(guest):
                # Not all memory that was taken away before need have come back.
                request, more = quantity.whole(guest), 0
            resources["requests"]["memory"] = quantity.binary_text(request)
        if limited and (present := (resources.get("limits") or {}).get("memory")) is not None:
            resources["limits"]["memory"] = quantity.binary_text(quantity.whole(present) + more)

    return edit
