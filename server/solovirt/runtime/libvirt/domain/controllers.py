"""Controllers that devices hang on, and the free ports that more can be plugged into."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from solovirt.runtime.libvirt.domain.blueprint import Blueprint
from solovirt.runtime.libvirt.domain.disks import kind_of
from solovirt.runtime.libvirt.domain.xml import Xml, element

SPARE_PORTS = 8
"""PCI Express ports left for devices that are added while the guest runs; each takes one."""
_ON_PCI = ("interface", "memballoon", "rng", "vsock", "watchdog")


def build(blueprint: Blueprint, devices: Sequence[Xml]) -> Iterator[Xml]:
    """What *devices*, all others of the guest, need."""
    model = blueprint.virtio_model
    needed = [_usb(devices)]
    if _wants_scsi(blueprint):
        # libvirt calls virtio's plain SCSI controller by a name of its own.
        needed.append(element("controller", type="scsi", index=0, model="virtio-scsi" if model == "virtio" else model))
    needed.append(element("controller", type="virtio-serial", index=0, model=None if model == "virtio" else model))
    if blueprint.is_pci_express:
        # Ports are refused unless what they hang on is named first.
        yield element("controller", type="pci", index=0, model="pcie-root")
        for _ in range(
            _on_pci(devices) + len(needed) + (0 if blueprint.devices.get("disableHotplug") else SPARE_PORTS)
        ):
            yield element("controller", type="pci", model="pcie-root-port")
    yield from needed


def _usb(devices: Sequence[Xml]) -> Xml:
    wanted = any(
        one.get("bus") == "usb" or (one.tag == "disk" and one.find("target[@bus='usb']") is not None) for one in devices
    )
    return element("controller", type="usb", index=0, model="qemu-xhci" if wanted else "none")


def _wants_scsi(blueprint: Blueprint) -> bool:
    if not blueprint.devices.get("disableHotplug"):
        return True
    return any(kind_of(disk)[1].get("bus") == "scsi" for disk in blueprint.devices.get("disks") or ())


def _on_pci(devices: Sequence[Xml]) -> int:
    """How many of the devices take a port of their own."""
    return sum(
        one.tag in _ON_PCI
        or (one.tag == "disk" and one.find("target[@bus='virtio']") is not None)
        or (one.tag == "input" and one.get("bus") == "virtio")
        for one in devices
    )
