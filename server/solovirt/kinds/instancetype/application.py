"""
Instance types, applied to the instance that a VirtualMachine describes (reference kubevirt-flavor.md 6.3).

Where a flavor gives all of the CPU or nothing, an instance type and a template may each give parts; what both give is a conflict, named by field. The
preference comes after: it fills what is still unset, and never conflicts.
"""

from __future__ import annotations

import copy
import struct
from collections.abc import Iterator, Sequence
from typing import Any

from solovirt.kinds.instancetype import preference_application, topology
from solovirt.machinery import quantity
from solovirt.machinery.resource import Document

Spec = dict[str, Any]


class Conflicts(ValueError):
    """The template sets what the instance type would fill. *paths* are the fields, each from the root of the object."""

    def __init__(self, paths: Sequence[str]) -> None:
        super().__init__(message_of(", ".join(paths)))
        self.paths = tuple(paths)

    @property
    def listed(self) -> str:
        return ", ".join(self.paths)


def message_of(path: str) -> str:
    """What KubeVirt says of a conflict in the field at *path*."""
    return f"VM field(s) {path} conflicts with selected instance type"


def apply(instancetype: Document | None, preference: Document | None, spec: Spec, metadata: Spec, *, path: str) -> None:
    """
    Fill *spec* and *metadata* (of an instance, or of a VM's template) from the specs of an instance type and a preference, in place.

    *path* is where *spec* is in its object (`spec.template.spec`). Raises Conflicts, with nothing changed then.
    """
    if instancetype is not None:
        paths = list(_conflicts(instancetype, spec, metadata, path))
        if paths:
            raise Conflicts(paths)
        _fill(instancetype, preference, spec, metadata)
    if preference is not None:
        preference_application.apply(preference, spec, metadata)


def _conflicts(instancetype: Document, spec: Spec, metadata: Spec, path: str) -> Iterator[str]:
    """The paths of all fields that both give, in KubeVirt's order."""
    domain = spec.get("domain") or {}
    if instancetype.get("nodeSelector") is not None and spec.get("nodeSelector") is not None:
        yield f"{path}.nodeSelector"
    if instancetype.get("schedulerName") and spec.get("schedulerName"):
        yield f"{path}.schedulerName"
    for field in _cpu_conflicts(instancetype["cpu"], domain):
        yield f"{path}.domain.{field}"
    if (in_memory := _memory_conflict(instancetype["memory"], domain)) is not None:
        yield f"{path}.domain.{in_memory}"
    if _pool_threads(instancetype) is not None and _pool_threads(domain) is not None:
        yield f"{path}.domain.ioThreads.supplementalPoolThreadCount"
    for field in ("ioThreadsPolicy", "launchSecurity"):
        if instancetype.get(field) is not None and domain.get(field) is not None:
            yield f"{path}.domain.{field}"
    devices = domain.get("devices") or {}
    for field in ("gpus", "hostDevices"):
        if instancetype.get(field) and devices.get(field):
            yield f"{path}.domain.devices.{field}"
    annotations = _annotations(metadata)
    for key, value in (instancetype.get("annotations") or {}).items():
        if annotations.get(key, value) != value:
            yield f"annotations.{key}"


def _annotations(metadata: Spec) -> Spec:
    """Those that are there. A template's metadata has no schema, so they may be anything; what is none does not count."""
    found = metadata.get("annotations")
    return found if isinstance(found, dict) else {}


def _pool_threads(of: Document) -> int | None:
    found: int | None = (of.get("ioThreads") or {}).get("supplementalPoolThreadCount")
    return found


def _cpu_conflicts(cpu: Document, domain: Document) -> Iterator[str]:
    resources, given = domain.get("resources") or {}, domain.get("cpu") or {}
    for part in ("requests", "limits"):
        if "cpu" in (resources.get(part) or {}):
            yield f"resources.{part}.cpu"
    for part in ("sockets", "cores", "threads"):
        if given.get(part):
            yield f"cpu.{part}"
    if given.get("model") and cpu.get("model") is not None:
        yield "cpu.model"
    # A template spells one of these otherwise than an instance type, and than the message.
    for field, in_template in (
        ("dedicatedCPUPlacement", "dedicatedCpuPlacement"),
        ("isolateEmulatorThread", "isolateEmulatorThread"),
    ):
        if given.get(in_template) and cpu.get(field) is not None:
            yield f"cpu.{field}"
    for field in ("numa", "realtime"):
        if given.get(field) is not None and cpu.get(field) is not None:
            yield f"cpu.{field}"


def _memory_conflict(memory: Document, domain: Document) -> str | None:
    """The first only: KubeVirt stops there."""
    given, resources = domain.get("memory") or {}, domain.get("resources") or {}
    if given.get("guest") is not None:
        return "memory.guest"
    for field in ("hugepages", "maxGuest"):
        if given.get(field) is not None and memory.get(field) is not None:
            return f"memory.{field}"
    for part in ("requests", "limits"):
        if "memory" in (resources.get(part) or {}):
            return f"resources.{part}.memory"
    return None


def _fill(instancetype: Document, preference: Document | None, spec: Spec, metadata: Spec) -> None:
    instancetype = copy.deepcopy(instancetype)
    domain: Spec = spec.setdefault("domain", {})
    if instancetype.get("nodeSelector") is not None:
        spec["nodeSelector"] = instancetype["nodeSelector"]
    if instancetype.get("schedulerName"):
        spec["schedulerName"] = instancetype["schedulerName"]
    _fill_cpu(instancetype["cpu"], preference, domain)
    _fill_memory(instancetype["memory"], domain)
    if (threads := _pool_threads(instancetype)) is not None:
        domain["ioThreads"] = {**(domain.get("ioThreads") or {}), "supplementalPoolThreadCount": threads}
    for field in ("ioThreadsPolicy", "launchSecurity"):
        if instancetype.get(field) is not None:
            domain[field] = instancetype[field]
    for field in ("gpus", "hostDevices"):
        if instancetype.get(field):
            domain.setdefault("devices", {})[field] = instancetype[field]
    if instancetype.get("annotations"):
        metadata["annotations"] = {**_annotations(metadata), **instancetype["annotations"]}


def _fill_cpu(cpu: Document, preference: Document | None, domain: Spec) -> None:
    filled = domain["cpu"] = dict(domain.get("cpu") or {})
    for field, in_template in (
        ("model", "model"),
        ("dedicatedCPUPlacement", "dedicatedCpuPlacement"),
        ("isolateEmulatorThread", "isolateEmulatorThread"),
        ("numa", "numa"),
        ("realtime", "realtime"),
        ("maxSockets", "maxSockets"),
    ):
        if cpu.get(field) is not None:
            filled[in_template] = cpu[field]
    filled.update(topology.split(int(cpu["guest"]), preference))


def _fill_memory(memory: Document, domain: Spec) -> None:
    filled = domain["memory"] = dict(domain.get("memory") or {})
    filled["guest"] = quantity.text(memory["guest"])
    if percent := memory.get("overcommitPercent"):
        resources = dict(domain.get("resources") or {})
        request = _overcommitted(memory["guest"], int(percent))
        resources["requests"] = {**(resources.get("requests") or {}), "memory": request}
        domain["resources"] = resources
    if memory.get("hugepages") is not None:
        filled["hugepages"] = memory["hugepages"]
    if memory.get("maxGuest") is not None:
        filled["maxGuest"] = quantity.text(memory["maxGuest"])


def _overcommitted(guest: str, percent: int) -> str:
    """What of the guest's memory is asked of the node: computed in single precision, as KubeVirt does."""
    size = quantity.whole(guest)
    share = _single(1 - _single(percent / 100))
    asked = int(_single(_single(size) * share))
    return quantity.binary_text(asked) if str(guest).endswith("i") else quantity.text(str(asked))


def _single(number: float) -> float:
    found: float = struct.unpack("f", struct.pack("f", number))[0]
    return found
