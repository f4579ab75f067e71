"""What every builder of a part of a domain looks at."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from solovirt.machinery import quantity
from solovirt.runtime.libvirt.capabilities import GuestCapabilities, HostCapabilities
from solovirt.runtime.libvirt.domain.unsupported import Unsupported
from solovirt.runtime.libvirt.domain.xml import Xml, element
from solovirt.runtime.libvirt.places import GuestPlaces
from solovirt.runtime.protocol import GuestSpec

Part: TypeAlias = Mapping[str, Any]
"""A part of the instance's document."""

_ALIAS = re.compile(r"[A-Za-z0-9_.-]+")
_PCI_ADDRESS = re.compile(r"([0-9a-fA-F]{4}):([0-9a-fA-F]{2}):([0-9a-fA-F]{2})\.([0-7])")
# Where devices hang on PCI Express ports.
_PCI_EXPRESS = ("pc-q35", "q35", "virt")


@dataclass(frozen=True)
class Blueprint:
    """An instance that is to become a domain, and the host it is for."""

    spec: GuestSpec
    host: HostCapabilities
    places: GuestPlaces
    domain_type: str
    cpus: Sequence[int] = ()
    """Numbers of the host's processors that are set aside for this guest."""

    @cached_property
    def instance(self) -> Part:
        """The instance's spec."""
        return self.spec.instance.get("spec") or {}

    @cached_property
    def domain(self) -> Part:
        return self.instance.get("domain") or {}

    @cached_property
    def devices(self) -> Part:
        return self.domain.get("devices") or {}

    @cached_property
    def cpu(self) -> Part:
        return self.domain.get("cpu") or {}

    @property
    def architecture(self) -> str:
        """As Kubernetes calls it."""
        return str(self.instance.get("architecture") or self.host.kubernetes_architecture)

    @property
    def is_kvm(self) -> bool:
        return self.domain_type == "kvm"

    @property
    def is_mock(self) -> bool:
        """Whether this is libvirt's own simulation, which takes what it is given and lists nothing that it can do."""
        return self.domain_type == "test"

    @cached_property
    def machine(self) -> str:
        """The machine type that was asked for."""
        return str((self.domain.get("machine") or {}).get("type") or "") or _default_machine(self.architecture)

    @cached_property
    def can(self) -> GuestCapabilities:
        """What a guest with this machine may have."""
        found = self.host.guest(self.machine)
        return found if found is not None else GuestCapabilities(machine=self.machine)

    @property
    def is_pci_express(self) -> bool:
        return self.machine.startswith(_PCI_EXPRESS)

    @property
    def virtio_model(self) -> str:
        """The model of virtio devices."""
        if self.devices.get("useVirtioTransitional"):
            return "virtio-transitional"
        return "virtio" if self.architecture == "s390x" else "virtio-non-transitional"

    @property
    def uses_efi(self) -> bool:
        bootloader = (self.domain.get("firmware") or {}).get("bootloader") or {}
        return bootloader.get("efi") is not None

    @cached_property
    def memory_bytes(self) -> int:
        """The guest's memory. Raises Unsupported if the instance says nowhere how much that is."""
        memory, resources = self.domain.get("memory") or {}, self.domain.get("resources") or {}
        for amount in (
            memory.get("guest"),
            (resources.get("requests") or {}).get("memory"),
            (resources.get("limits") or {}).get("memory"),
        ):
            if amount is not None:
                return int(quantity.parse(amount))
        raise Unsupported("spec.domain.memory.guest", "it is not said how much memory the guest has")

    def require(self, device: str, enum: str, value: str, field: str, message: str) -> None:
        """Raise Unsupported unless this host's QEMU has *device* with *value* for *enum*."""
        if not self.is_mock and not self.can.allows(device, enum, value):
            raise Unsupported(field, message)


def is_on(feature: Part | None) -> bool:
    """Whether a feature that may be given as an empty object is on."""
    return feature is not None and feature.get("enabled") is not False


def alias(name: str, field: str) -> Xml:
    """The name by which a device is found again. Raises Unsupported for a name that can't be one."""
    if _ALIAS.fullmatch(name) is None:
        raise Unsupported(field, f"{name!r} can't be the name of a device: only letters, digits, '.', '_' and '-' can")
    return element("alias", name=f"ua-{name}")


def pci_address(text: str, field: str) -> Xml:
    """`0000:81:01.0` as an element. Raises Unsupported if it is no address."""
    match = _PCI_ADDRESS.fullmatch(text)
    if match is None:
        raise Unsupported(field, f"{text!r} is no PCI address")
    domain, bus, slot, function = match.groups()
    return element(
        "address", type="pci", domain=f"0x{domain}", bus=f"0x{bus}", slot=f"0x{slot}", function=f"0x{function}"
    )


def _default_machine(architecture: str) -> str:
    return {"arm64": "virt", "s390x": "s390-ccw-virtio"}.get(architecture, "q35")
