"""Hosts that domains are made for: what one with KVM and everything installed has, and what a machine that emulates has."""

from __future__ import annotations

from pathlib import Path

from solovirt.runtime.libvirt.capabilities import CpuModel, GuestCapabilities, HostCapabilities, HugePages, NumaNode
from solovirt.runtime.libvirt.places import GuestPlaces

_DISKS = {
    "diskDevice": frozenset({"disk", "cdrom", "floppy", "lun"}),
    "bus": frozenset({"ide", "fdc", "scsi", "virtio", "usb", "sata"}),
}
_CARDS = {"modelType": frozenset({"vga", "cirrus", "qxl", "virtio", "none", "bochs", "ramfb"})}
_RNG = {"model": frozenset({"virtio"}), "backendModel": frozenset({"random", "egd", "builtin"})}
_DEVICES = {"disk": _DISKS, "video": _CARDS, "rng": _RNG}
_TPM = {"model": frozenset({"tpm-tis", "tpm-crb"}), "backendModel": frozenset({"passthrough", "emulator"})}
_MODELS = (CpuModel("qemu64", usable=True), CpuModel("Haswell", usable=True), CpuModel("EPYC", usable=False))


def _guest(machine: str, *, kvm: bool) -> GuestCapabilities:
    return GuestCapabilities(
        machine=machine,
        max_cpus=288,
        cpu_modes=frozenset({"maximum", "host-model", "custom", *(["host-passthrough"] if kvm else [])}),
        cpu_models=_MODELS,
        firmware=frozenset({"bios", "efi"}) if kvm else frozenset(),
        secure_loader=kvm,
        devices={**_DEVICES, **({"tpm": _TPM} if kvm else {})},
        memory_sources=frozenset({"file", "anonymous", "memfd"}),
    )


def amd64(*, kvm: bool = False) -> HostCapabilities:
    """The machine of reference libvirt-here.md (libvirt 9.0, QEMU 7.2, no firmware but SeaBIOS), or with *kvm* a well-equipped one."""
    machines = {
        "q35": "pc-q35-7.2",
        "pc": "pc-i440fx-7.2",
        "pc-q35-7.2": "pc-q35-7.2",
        "pc-i440fx-7.2": "pc-i440fx-7.2",
    }
    pages = (HugePages(2 << 20, 512), HugePages(1 << 30, 4)) if kvm else ()
    numa = (NumaNode(0, 8 << 30, (0, 1, 2, 3), pages), NumaNode(1, 8 << 30, (4, 5, 6, 7), pages))
    return HostCapabilities(
        uuid="00000000-0000-0000-0000-000000000001",
        architecture="x86_64",
        cpus=8,
        memory_bytes=16 << 30,
        emulator="/usr/bin/qemu-system-x86_64",
        domain_types=frozenset({"qemu", "kvm"}),
        machines=machines,
        domain_type="kvm" if kvm else "qemu",
        guests={name: _guest(machines[name], kvm=kvm) for name in ("q35", "pc")},
        numa=numa,
        libvirt_version=(9, 0, 0),
        hypervisor_version=(7, 2, 22),
    )


def arm64() -> HostCapabilities:
    return HostCapabilities(
        uuid="00000000-0000-0000-0000-000000000002",
        architecture="aarch64",
        cpus=4,
        memory_bytes=8 << 30,
        emulator="/usr/bin/qemu-system-aarch64",
        domain_types=frozenset({"qemu", "kvm"}),
        machines={"virt": "virt-7.2", "virt-7.2": "virt-7.2"},
        domain_type="kvm",
        guests={"virt": _guest("virt-7.2", kvm=True)},
        libvirt_version=(9, 0, 0),
    )


PLACES = GuestPlaces(
    directory=Path("/data/libvirt/guests/uid"),
    serial_socket=Path("/data/libvirt/sockets/0123.serial"),
    display_socket=Path("/data/libvirt/sockets/0123.vnc"),
    agent_socket=Path("/data/libvirt/sockets/0123.agent"),
)
