"""What an instance asks of a node: the requests of its launcher pod."""

from __future__ import annotations

from dataclasses import dataclass

from solovirt.kinds.kubevirt.cluster import STANDARD, Cluster
from solovirt.machinery import quantity
from solovirt.machinery.resource import Document

_MIB = 1 << 20
# KubeVirt's estimate of what runs beside the guest's memory: launcher, its monitor, virtlogd, virtqemud, qemu, and 8 MiB for threads.
_PROCESSES = (100 + 25 + 25 + 40 + 30 + 8) * _MIB
_PER_VCPU = 8 * _MIB
_VIDEO = 32 * _MIB
_PAGE_TABLE_SHARE = 512
"""One byte of page tables for so many bytes of the guest."""


@dataclass(frozen=True, slots=True)
class Requests:
    """CPU in thousandths, memory in bytes."""

    milli_cpus: int
    memory: int


def vcpus(spec: Document) -> int:
    cpu = spec["domain"].get("cpu") or {}
    count = 1
    for part in ("sockets", "cores", "threads"):
        count *= cpu.get(part) or 1
    return count


def guest_memory(spec: Document) -> int:
    """Bytes that the guest sees."""
    domain = spec["domain"]
    resources = domain.get("resources") or {}
    given = (domain.get("memory") or {}).get("guest") or (resources.get("requests") or {}).get("memory")
    return quantity.whole(given)


def overhead(spec: Document) -> int:
    """Bytes that the guest costs beside its memory."""
    devices = spec["domain"].get("devices") or {}
    video = 0 if devices.get("autoattachGraphicsDevice") is False else _VIDEO
    return guest_memory(spec) // _PAGE_TABLE_SHARE + _PROCESSES + vcpus(spec) * _PER_VCPU + video


def requests(spec: Document, *, cluster: Cluster = STANDARD) -> Requests:
    """What the instance with this spec reserves on its node."""
    domain = spec["domain"]
    asked = (domain.get("resources") or {}).get("requests") or {}
    if asked.get("cpu") is not None:
        cpus = quantity.milli(asked["cpu"])
    elif (domain.get("cpu") or {}).get("dedicatedCpuPlacement"):
        cpus = vcpus(spec) * 1000
    else:
        cpus = vcpus(spec) * 1000 // cluster.cpu_allocation_ratio
    memory = quantity.whole(asked["memory"]) if asked.get("memory") is not None else guest_memory(spec)
    return Requests(cpus, memory + overhead(spec))
