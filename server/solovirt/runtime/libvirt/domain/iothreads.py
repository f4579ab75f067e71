"""Threads of QEMU that serve the disks, and which of them serves which disk."""

from __future__ import annotations

import math

from solovirt.machinery import quantity
from solovirt.runtime.libvirt.domain.blueprint import Blueprint, Part
from solovirt.runtime.libvirt.domain.unsupported import Unsupported
from solovirt.runtime.libvirt.domain.xml import Xml, element

_PER_PROCESSOR = 2
"""Threads that policy `auto` allows for each processor asked of the node."""


class IOThreads:
    """Hands out threads to the virtio disks: one of its own to each that asks for it, the shared ones in turn to the others."""

    def __init__(self, blueprint: Blueprint) -> None:
        disks = blueprint.devices.get("disks") or ()
        policy = blueprint.domain.get("ioThreadsPolicy")
        dedicated = sum(bool(disk.get("dedicatedIOThread")) for disk in disks)
        self._in_use = policy is not None or dedicated > 0
        if policy == "supplementalPool":
            raise Unsupported(
                "spec.domain.ioThreadsPolicy", "a pool of threads for each disk needs libvirt 10 or newer"
            )
        limit = _PER_PROCESSOR * _processors(blueprint) if policy == "auto" else 1
        shared = len(disks) - dedicated
        if shared + dedicated > limit:
            shared = max(limit - dedicated, 1)
        self._shared, self.count = shared, shared + dedicated
        self._next_shared, self._next_dedicated = 0, shared

    def element(self) -> Xml | None:
        return element("iothreads", text=self.count) if self._in_use else None

    def take(self, disk: Part, bus: str) -> int | None:
        """The number of the thread that serves *disk*; None where QEMU's main thread does."""
        if not self._in_use or bus != "virtio":
            return None
        if disk.get("dedicatedIOThread"):
            self._next_dedicated += 1
            return self._next_dedicated
        number = self._next_shared % max(self._shared, 1) + 1
        self._next_shared += 1
        return number


def _processors(blueprint: Blueprint) -> int:
    resources = blueprint.domain.get("resources") or {}
    for kind in ("requests", "limits"):
        if (asked := (resources.get(kind) or {}).get("cpu")) is not None:
            return max(math.ceil(quantity.parse(asked)), 1)
    return 1
