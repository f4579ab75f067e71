"""How many virtual processors a guest has, and how they are arranged."""

from __future__ import annotations

import math
from dataclasses import dataclass

from solovirt.machinery import quantity
from solovirt.runtime.libvirt.domain.blueprint import Blueprint


@dataclass(frozen=True, slots=True)
class Topology:
    """Sockets, cores in each and threads in each of those; *max_sockets* can be reached while the guest runs."""

    sockets: int
    cores: int
    threads: int
    max_sockets: int

    @property
    def count(self) -> int:
        """Virtual processors at start."""
        return self.sockets * self.cores * self.threads

    @property
    def most(self) -> int:
        return self.max_sockets * self.cores * self.threads


def of(blueprint: Blueprint) -> Topology:
    """As the instance says, else one socket for each processor that it asks of its node."""
    cpu = blueprint.cpu
    sockets, cores, threads = (int(cpu.get(name) or 0) for name in ("sockets", "cores", "threads"))
    if not (sockets or cores or threads):
        resources = blueprint.domain.get("resources") or {}
        asked = (resources.get("limits") or {}).get("cpu") or (resources.get("requests") or {}).get("cpu") or 1
        sockets = math.ceil(quantity.parse(asked))
    sockets = max(sockets, 1)
    most = sockets
    # Processors are added to amd64 guests alone (reference kubevirt-vm.md 6.2), and not to ones that have their own physical ones.
    if blueprint.architecture == "amd64" and not cpu.get("dedicatedCpuPlacement"):
        most = max(sockets, int(cpu.get("maxSockets") or 0))
    return Topology(sockets, max(cores, 1), max(threads, 1), most)
