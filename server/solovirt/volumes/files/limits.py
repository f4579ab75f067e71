"""What a transfer may use. Times are real time, in seconds; sizes are bytes."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import timedelta

MEBIBYTE = 1 << 20
GIBIBYTE = 1 << 30

CHUNK = MEBIBYTE
"""How much of a transfer is in memory at a time."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The defaults suit a server; tests are less patient."""

    threads: int = field(default_factory=lambda: min(4, os.cpu_count() or 1))
    """Threads that hash, unpack and write. More than there are processors keep the event loop waiting for its turn."""
    conversions: int = 2
    """qemu-img processes at once."""
    fetches: int = 64
    """Transfers at once; others wait as scheduled."""
    connect_seconds: float = 30.0
    stall_seconds: float = 600.0
    """A server that sends nothing for so long is given up (reference cdi.md 4.6)."""
    keep_free: int = 256 * MEBIBYTE
    """Left free on the file system, for the database on it."""
    quota: int | None = None
    """What all volumes together may take up; None for what there is."""
    inspect_cpu_seconds: int = 30
    convert_cpu_seconds: int = 4 * 3600
    convert_seconds: float = 12 * 3600.0
    inspect_seconds: float = 300.0
    qemu_img_memory: int = 2 * GIBIBYTE
    """Address space of a qemu-img."""
    unused_images: timedelta = timedelta(days=7)
    """Disks of container images that nobody used for so long are deleted."""
    archive_members: int = 1_000_000
    redirects: int = 10
    first_back_off: timedelta = timedelta(seconds=10)
    """The kubelet's: doubled with each failure, up to the longest."""
    longest_back_off: timedelta = timedelta(seconds=300)

    def back_off(self, failures: int) -> timedelta:
        """How long to wait after that many failures."""
        return min(self.first_back_off * (1 << min(failures - 1, 16)), self.longest_back_off)
