"""
What a simulated guest is made of, as far as it can change while the guest runs: its size, its disks, and the dump of its memory.

Like `Life`, facts only: every change has the time from which it shows, and what there is at some time follows from that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from solovirt.kinds.kubevirt.rules.disks import target as disk_target
from solovirt.machinery import quantity
from solovirt.runtime.protocol import GuestDisk, GuestSize, MemoryDump

_PREFIXES = {"virtio": "vd", "sata": "sd", "scsi": "sd", "usb": "sd"}
_DEFAULT_BUS = "sata"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk, or a drive (*is_drive*) that stays when its medium is gone."""

    volume: str
    target: str
    is_drive: bool = False
    since: datetime | None = None
    """When it comes; None: it was there from the start."""
    until: datetime | None = None
    """When it goes; a drive that starts empty has gone before it came."""

    def is_there(self, now: datetime) -> bool:
        return (self.since is None or self.since <= now) and (self.until is None or now < self.until)

    def comes_or_stays(self, now: datetime) -> bool:
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class Hardware:
    """Each command is a method that gives the hardware after it; *done_at* is when it will have taken effect."""

    vcpus: int = 1
    memory_bytes: int = 0
    next_vcpus: int = 1
    next_memory_bytes: int = 0
    resized_at: datetime | None = None
    """From when on the next size holds."""
    disks: tuple[Disk, ...] = ()
    dump: MemoryDump | None = None
    """With the end and the error that it will have."""

    # -- what follows

    def changes(self) -> Iterator[datetime]:
        """When something changes by itself, past and future."""
        if self.resized_at is not None:
            yield self.resized_at
        for disk in self.disks:
            yield from (time for time in (disk.since, disk.until) if time is not None)
        if self.dump is not None and self.dump.ended_at is not None:
            yield self.dump.ended_at

    def size(self, now: datetime) -> GuestSize:
        if self.resized_at is not None and self.resized_at <= now:
            return GuestSize(self.next_vcpus, self.next_memory_bytes)
        return GuestSize(self.vcpus, self.memory_bytes)

    def shown_disks(self, now: datetime) -> tuple[GuestDisk, ...]:
        return tuple(GuestDisk(disk.volume, disk.target) for disk in self.disks if disk.is_there(now))

    def shown_dump(self, now: datetime) -> MemoryDump | None:
        dump = self.dump
        if dump is None or (dump.ended_at is not None and dump.ended_at <= now):
            return dump
        return MemoryDump(dump.file_name, dump.started_at)

    # -- what is done to it

    def resize(self, size: GuestSize, now: datetime, done_at: datetime) -> Hardware:
        if size == GuestSize(self.next_vcpus, self.next_memory_bytes):
            return self
        present = self.size(now)
        return replace(
            self,
            vcpus=present.vcpus,
            memory_bytes=present.memory_bytes,
            next_vcpus=size.vcpus,
            next_memory_bytes=size.memory_bytes,
            resized_at=done_at,
        )

    def attach(self, disk: Mapping[str, Any], now: datetime, done_at: datetime) -> Hardware:
        name = disk["name"]
        kept = tuple(one for one in self.disks if one.is_drive or one.comes_or_stays(now))
        present = next((one for one in kept if one.volume == name), None)
        if present is not None:
            if present.comes_or_stays(now) and present.until is None:
                return self
            # Back before it was gone, or a new medium for the drive.
            again = replace(present, since=done_at, until=None)
            return replace(self, disks=tuple(again if one is present else one for one in kept))
        added = Disk(name, _free_target(kept, disk), is_drive=disk_target(disk)[0] == "cdrom", since=done_at)
        return replace(self, disks=(*kept, added))

    def detach(self, volume: str, done_at: datetime) -> Hardware:
        return replace(
            self,
            disks=tuple(
                replace(one, until=done_at) if one.volume == volume and one.until is None else one for one in self.disks
            ),
        )

    def start_dump(self, dump: MemoryDump) -> Hardware:
        if self.dump is not None and self.dump.file_name == dump.file_name:
            return self
        return replace(self, dump=dump)

    # -- as it comes from an instance and from the facts

    @classmethod
    def of(cls, spec: Mapping[str, Any], now: datetime) -> Hardware:
        """The hardware of an instance with this spec, which is defined *now*."""
        domain = spec.get("domain") or {}
        cpu = domain.get("cpu") or {}
        vcpus = 1
        for part in ("sockets", "cores", "threads"):
            vcpus *= int(cpu.get(part) or 1)
        requests = (domain.get("resources") or {}).get("requests") or {}
        memory = quantity.whole((domain.get("memory") or {}).get("guest") or requests.get("memory"))
        volumes = {volume.get("name") for volume in spec.get("volumes") or ()}
        disks: tuple[Disk, ...] = ()
        for disk in (domain.get("devices") or {}).get("disks") or ():
            is_drive = disk_target(disk)[0] == "cdrom"
            until = None if disk["name"] in volumes else now
            disks = (*disks, Disk(disk["name"], _free_target(disks, disk), is_drive=is_drive, until=until))
        return cls(vcpus, memory, vcpus, memory, disks=disks)

    @classmethod
    def decode(cls, raw: Mapping[str, Any]) -> Hardware:
        values = dict(raw)
        values["resized_at"] = _time(values["resized_at"])
        values["disks"] = tuple(
            Disk(**{**disk, "since": _time(disk["since"]), "until": _time(disk["until"])}) for disk in values["disks"]
        )
        if (dump := values["dump"]) is not None:
            values["dump"] = MemoryDump(
                dump["file_name"],
                datetime.fromisoformat(dump["started_at"]),
                _time(dump["ended_at"]),
                dump["error"],
            )
        return cls(**values)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _free_target(taken: tuple[Disk, ...], disk: Mapping[str, Any]) -> str:
    """The next name for a disk on its bus: letters as Linux counts them."""
    prefix = _PREFIXES.get(disk_target(disk)[1].get("bus") or _DEFAULT_BUS, "sd")
    names = {one.target for one in taken}
    index = 0
    while (name := prefix + _letters(index)) in names:
        index += 1
    return name


def _letters(index: int) -> str:
    out = ""
    index += 1
    while index:
        index, digit = divmod(index - 1, len(_LETTERS))
        out = _LETTERS[digit] + out
    return out
