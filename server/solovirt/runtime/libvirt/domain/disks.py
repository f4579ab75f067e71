"""Disks, CD-ROMs and LUNs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import ascii_lowercase

from solovirt.runtime.libvirt.domain import topology
from solovirt.runtime.libvirt.domain.blueprint import Blueprint, Part, alias, is_on, pci_address
from solovirt.runtime.libvirt.domain.iothreads import IOThreads
from solovirt.runtime.libvirt.domain.unsupported import Unsupported
from solovirt.runtime.libvirt.domain.volumes import Image, images, is_device
from solovirt.runtime.libvirt.domain.xml import Xml, element

_PREFIXES = {"virtio": "vd", "sata": "sd", "scsi": "sd", "usb": "sd", "ide": "hd"}
_POLICIES = ("stop", "ignore", "report", "enospace")
_UNCACHED = ("none", "directsync")
_SERIAL = re.compile(r"[A-Za-z0-9_.+ -]+")
_GRANULARITY_SINCE = (11, 6, 0)


def build(blueprint: Blueprint, threads: IOThreads) -> Iterator[Xml]:
    """In the instance's order. Raises Unsupported for what the host can't show, or not in that way."""
    found = images(blueprint.spec, blueprint.places)
    counts: dict[str, int] = {}
    for index, disk in enumerate(blueprint.devices.get("disks") or ()):
        field = f"spec.domain.devices.disks[{index}]"
        kind, target = kind_of(disk)
        bus = str(target.get("bus") or "sata")
        prefix = _PREFIXES.get(bus)
        if prefix is None:
            raise Unsupported(f"{field}.{kind}.bus", f"there is no bus {bus!r}")
        number = counts.get(prefix, 0)
        counts[prefix] = number + 1
        yield _Disk(blueprint, disk, field, kind, target, bus).build(
            prefix + letters(number), number, found, threads.take(disk, bus)
        )


def kind_of(disk: Part) -> tuple[str, Part]:
    """`disk`, `cdrom` or `lun`, and what is said of it."""
    for kind in ("lun", "cdrom", "disk"):
        if disk.get(kind) is not None:
            return kind, disk[kind]
    return "disk", {}


def letters(number: int) -> str:
    """a, b … z, aa, ab: as Linux counts disks."""
    out = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, len(ascii_lowercase))
        out = ascii_lowercase[rest] + out
    return out


class _Disk:
    """One of them."""

    def __init__(self, blueprint: Blueprint, disk: Part, field: str, kind: str, target: Part, bus: str) -> None:
        self._blueprint = blueprint
        self._disk = disk
        self._field = field
        self._kind = kind
        self._target = target
        self._bus = bus

    def build(self, device: str, number: int, found: Mapping[str, Image], thread: int | None) -> Xml:
        name = str(self._disk["name"])
        image = found.get(name)
        if image is None and self._kind != "cdrom":
            raise Unsupported(f"{self._field}.name", f"there is no volume {name!r}")
        blueprint, kind, bus = self._blueprint, self._kind, self._bus
        blueprint.require("disk", "diskDevice", kind, f"{self._field}.{kind}", f"this host's QEMU has no {kind}")
        blueprint.require(
            "disk", "bus", bus, f"{self._field}.{kind}.bus", f"this host's QEMU has no disks on the bus {bus}"
        )
        self._refuse()
        is_block = image is not None and image.is_device
        if kind == "lun" and not is_block:
            raise Unsupported(f"{self._field}.lun", "a LUN needs a block device behind it, and this volume is a file")
        return element(
            "disk",
            self._driver(image, thread),
            None
            if image is None
            else element("source", dev=image.path)
            if is_block
            else element("source", file=image.path),
            None if image is None else _backing(image),
            element("target", dev=device, bus=bus, tray=self._target.get("tray") if kind == "cdrom" else None),
            self._block_sizes(image),
            element("readonly") if self._is_read_only(image) else None,
            element("shareable") if self._disk.get("shareable") and kind == "disk" else None,
            element("boot", order=int(self._disk["bootOrder"])) if self._disk.get("bootOrder") else None,
            self._serial(),
            alias(name, f"{self._field}.name"),
            self._address(number),
            type="block" if is_block else "file",
            device=kind,
            model=blueprint.virtio_model if bus == "virtio" else None,
        )

    def _refuse(self) -> None:
        if self._disk.get("changedBlockTracking"):
            raise Unsupported(
                f"{self._field}.changedBlockTracking", "incremental backups are not implemented by the libvirt runtime"
            )
        if self._target.get("reservation"):
            raise Unsupported(f"{self._field}.lun.reservation", "there is no helper for persistent reservations")

    def _serial(self) -> Xml | None:
        serial = str(self._disk.get("serial") or "")
        if not serial or self._kind != "disk":
            return None
        if _SERIAL.fullmatch(serial) is None:
            raise Unsupported(f"{self._field}.serial", f"{serial!r} has characters that a serial number can't have")
        return element("serial", text=serial)

    def _is_read_only(self, image: Image | None) -> bool:
        asked = self._target.get("readonly")
        if self._kind == "cdrom":
            return asked is not False
        return bool(asked) or (image is not None and image.read_only)

    def _driver(self, image: Image | None, thread: int | None) -> Xml:
        policy = self._disk.get("errorPolicy") or "stop"
        if policy not in _POLICIES:
            raise Unsupported(f"{self._field}.errorPolicy", f"there is no error policy {policy!r}")
        queues = topology.of(self._blueprint).count if self._blueprint.devices.get("blockMultiQueue") else None
        return element(
            "driver",
            name="qemu",
            type="raw" if image is None else image.format,
            cache=self._cache(),
            error_policy=policy,
            io=self._disk.get("io") or None,
            discard=None if self._kind == "cdrom" else "unmap",
            iothread=thread,
            queues=queues if self._bus == "virtio" else None,
        )

    def _cache(self) -> str | None:
        cache: str | None = self._disk.get("cache") or None
        if self._disk.get("shareable") and self._kind == "disk":
            if cache not in (None, "none"):
                raise Unsupported(f"{self._field}.cache", f"a sharable disk requires cache = none got: {cache}")
            return "none"
        if self._disk.get("io") == "native":
            if cache not in (None, *_UNCACHED):
                raise Unsupported(f"{self._field}.io", f"native input and output needs cache = none got: {cache}")
            return cache or "none"
        return cache

    def _block_sizes(self, image: Image | None) -> Xml | None:
        wanted = self._disk.get("blockSize") or {}
        if (custom := wanted.get("custom")) is not None:
            granularity = custom.get("discardGranularity")
            if granularity is not None and self._blueprint.host.libvirt_version < _GRANULARITY_SINCE:
                field = f"{self._field}.blockSize.custom.discardGranularity"
                raise Unsupported(field, "it needs libvirt 11.6 or newer")
            return element(
                "blockio",
                logical_block_size=custom.get("logical"),
                physical_block_size=custom.get("physical"),
                discard_granularity=granularity,
            )
        if is_on(wanted.get("matchVolume")) and image is not None:
            logical, physical = self._sizes_of(image.base.path if image.base is not None else image.path)
            return element("blockio", logical_block_size=logical, physical_block_size=physical)
        return None

    def _sizes_of(self, path: str) -> tuple[int, int]:
        """The block sizes of what holds the image: of the device, else of the file system."""
        try:
            if is_device(path):
                number = Path(path).stat().st_rdev
                queue = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/queue")
                return int((queue / "logical_block_size").read_text()), int((queue / "physical_block_size").read_text())
            size = os.statvfs(path).f_bsize
        except OSError as error:
            raise Unsupported(
                f"{self._field}.blockSize.matchVolume", f"the block size can't be read: {error.strerror}"
            ) from error
        return size, size

    def _address(self, number: int) -> Xml | None:
        if text := self._target.get("pciAddress"):
            if self._bus != "virtio":
                raise Unsupported(f"{self._field}.disk.pciAddress", "disks on the bus virtio alone have a PCI address")
            return pci_address(text, f"{self._field}.disk.pciAddress")
        if self._bus == "scsi":
            # Left to itself, libvirt takes the controller from the letter and adds ones that guests don't expect.
            return element("address", type="drive", controller=0, bus=0, target=0, unit=number)
        return None


def _backing(image: Image) -> Xml:
    """
    What is under the image, down to the end of the chain.

    Spelled out, so that QEMU does not open what the header of an image somebody uploaded names.
    """
    end = element("backingStore")
    if image.base is None:
        return end
    path = image.base.path
    block = is_device(path)
    return element(
        "backingStore",
        element("format", type=image.base.format),
        element("source", dev=path) if block else element("source", file=path),
        end,
        type="block" if block else "file",
    )
