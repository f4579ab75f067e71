"""
What a libvirt host can do, read from what libvirt says of it.

`getCapabilities()` tells of the machine (processors, memory, huge pages, NUMA), `getDomainCapabilities()` of the guests that its QEMU can run: one
document for each machine family, since firmware, CPU models and devices differ between them. Nothing is guessed: what libvirt does not list,
the host can't do. Both formats: https://libvirt.org/formatcaps.html and https://libvirt.org/formatdomaincaps.html
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

ARCHITECTURES: Mapping[str, str] = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "s390x": "s390x",
    "ppc64le": "ppc64le",
    "i686": "386",
}
"""libvirt's name of an architecture → Kubernetes'."""
LIBVIRT_ARCHITECTURES: Mapping[str, str] = {ours: theirs for theirs, ours in ARCHITECTURES.items()}

_UNITS = {"b": 1, "bytes": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}


class CapabilitiesError(ValueError):
    """What libvirt said is not what its documentation describes."""


@dataclass(frozen=True, slots=True)
class HugePages:
    """The huge pages of one size on one NUMA node."""

    size_bytes: int
    count: int


@dataclass(frozen=True, slots=True)
class NumaNode:
    """One cell of the host's topology."""

    id: int
    memory_bytes: int
    cpus: tuple[int, ...]
    """Numbers of the host's logical processors."""
    pages: tuple[HugePages, ...] = ()


@dataclass(frozen=True, slots=True)
class CpuModel:
    """A model that a guest's `<cpu mode='custom'>` may name."""

    name: str
    usable: bool
    """Whether the host (or the emulator) has everything that the model promises."""


@dataclass(frozen=True, slots=True)
class GuestCapabilities:
    """What guests of one machine family and domain type may have: one document of `getDomainCapabilities()`."""

    machine: str
    """The canonical machine type: pc-q35-7.2."""
    max_cpus: int = 0
    cpu_modes: frozenset[str] = frozenset()
    """host-passthrough, maximum, host-model, custom: those that are supported."""
    cpu_models: tuple[CpuModel, ...] = ()
    host_model: str = ""
    """What mode host-model resolves to."""
    host_features: frozenset[str] = frozenset()
    """Features that mode host-model requires on top of its model."""
    firmware: frozenset[str] = frozenset()
    """What `<os firmware=…>` may choose by itself: bios, efi. Empty where no descriptor of firmware is installed."""
    loaders: tuple[str, ...] = ()
    """Paths of firmware images that libvirt knows."""
    secure_loader: bool = False
    """Whether a loader may be secure='yes'."""
    devices: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    """Of each supported device, the values of its enums: devices["tpm"]["backendModel"] == {"passthrough"}."""
    memory_sources: frozenset[str] = frozenset()
    """memoryBacking's sourceType: file, anonymous, memfd."""
    features: frozenset[str] = frozenset()
    """gic, vmcoreinfo, genid, sev, sgx, hyperv …: those that are supported."""
    hyperv: frozenset[str] = frozenset()
    """Hyper-V enlightenments; empty where libvirt is too old to list them."""

    def allows(self, device: str, enum: str, value: str) -> bool:
        """Whether *device* is supported with *value* for *enum*, such as tpm with the backendModel emulator."""
        return value in self.devices.get(device, {}).get(enum, frozenset())


@dataclass(frozen=True, slots=True)
class HostCapabilities:
    """A host, and what guests of its own architecture may have."""

    uuid: str
    architecture: str
    """libvirt's name: x86_64."""
    cpus: int
    memory_bytes: int
    emulator: str
    """Path of the QEMU binary."""
    domain_types: frozenset[str]
    """qemu, kvm. That kvm is listed does not prove that guests run with it."""
    machines: Mapping[str, str]
    """Every machine type and alias → its canonical name: {"q35": "pc-q35-7.2", "pc-q35-7.2": "pc-q35-7.2"}."""
    domain_type: str = "qemu"
    """The type that `guests` was asked for."""
    guests: Mapping[str, GuestCapabilities] = field(default_factory=dict)
    """By the machine that was asked for: q35, pc, virt."""
    cpu_model: str = ""
    cpu_vendor: str = ""
    numa: tuple[NumaNode, ...] = ()
    libvirt_version: tuple[int, int, int] = (0, 0, 0)
    hypervisor_version: tuple[int, int, int] = (0, 0, 0)
    hostname: str = ""
    qemu_user: int | None = None
    """The user id that guests run as; None where libvirt does not tell."""

    @property
    def kubernetes_architecture(self) -> str:
        return ARCHITECTURES.get(self.architecture, self.architecture)

    @property
    def hugepages(self) -> Mapping[int, int]:
        """How many huge pages of each size (in bytes) there are on all NUMA nodes together."""
        out: dict[int, int] = {}
        for node in self.numa:
            for pages in node.pages:
                out[pages.size_bytes] = out.get(pages.size_bytes, 0) + pages.count
        return out

    def machine(self, asked: str) -> str | None:
        """The canonical type of the machine *asked* for, which may be an alias; None if this host has none such."""
        return self.machines.get(asked)

    def guest(self, asked: str) -> GuestCapabilities | None:
        """
        What a guest with the machine *asked* for may have: those of its family where that very type was not asked about.

        None if the host has no such machine.
        """
        canonical = self.machines.get(asked)
        if canonical is None:
            return None
        for key in (asked, canonical):
            if key in self.guests:
                return self.guests[key]
        family = _family(canonical)
        return next((one for one in self.guests.values() if _family(one.machine) == family), None)


def _family(machine: str) -> str:
    """pc-q35-7.2 → pc-q35; pc-i440fx-7.2 → pc-i440fx; virt-7.2 → virt."""
    head, dash, tail = machine.rpartition("-")
    return head if dash and tail[:1].isdigit() else machine


def machines_to_ask_about(architecture: str) -> tuple[str, ...]:
    """The machine families that KubeVirt's guests of *architecture* (libvirt's name) use."""
    return {"x86_64": ("q35", "pc"), "aarch64": ("virt",), "s390x": ("s390-ccw-virtio",)}.get(architecture, ())


def parse(
    capabilities: str,
    guests: Iterable[str] = (),
    *,
    domain_type: str = "qemu",
    memory_bytes: int | None = None,
    cpus: int | None = None,
    libvirt_version: int = 0,
    hypervisor_version: int = 0,
    hostname: str = "",
) -> HostCapabilities:
    """
    Read the XML of `getCapabilities()` and of any number of `getDomainCapabilities()`.

    *memory_bytes* and *cpus* are what `getInfo()` says, which some drivers tell instead of a topology. Versions are libvirt's numbers
    (9000000 is 9.0.0). Raises CapabilitiesError.
    """
    root = _root(capabilities, "capabilities")
    host = root.find("host")
    if host is None:
        raise CapabilitiesError("libvirt's capabilities tell of no host")
    architecture = host.findtext("cpu/arch") or ""
    numa = tuple(_numa_node(cell) for cell in host.iterfind("topology/cells/cell"))
    arch = next(
        (
            one
            for guest in root.iterfind("guest")
            if guest.findtext("os_type") == "hvm"
            for one in guest.iterfind("arch")
            if one.get("name") == architecture
        ),
        None,
    )
    parsed = [_guest(_root(text, "domainCapabilities")) for text in guests]
    machines = _machines(arch)
    by_name = {guest.machine: guest for guest in parsed}
    for alias, canonical in machines.items():
        if canonical in by_name:
            by_name.setdefault(alias, by_name[canonical])
    return HostCapabilities(
        uuid=host.findtext("uuid") or "",
        architecture=architecture,
        cpus=cpus if cpus is not None else sum(len(node.cpus) for node in numa),
        memory_bytes=memory_bytes if memory_bytes is not None else sum(node.memory_bytes for node in numa),
        emulator=(arch.findtext("emulator") if arch is not None else None) or "",
        domain_types=frozenset(_attributes(arch, "domain", "type")),
        machines=machines,
        domain_type=domain_type,
        guests=by_name,
        cpu_model=host.findtext("cpu/model") or "",
        cpu_vendor=host.findtext("cpu/vendor") or "",
        numa=numa,
        libvirt_version=_version(libvirt_version),
        hypervisor_version=_version(hypervisor_version),
        hostname=hostname,
        qemu_user=_qemu_user(host, domain_type),
    )


def _qemu_user(host: ET.Element, domain_type: str) -> int | None:
    """From the label that the security model `dac` gives guests: +64055:+64055."""
    for model in host.iterfind("secmodel"):
        if model.findtext("model") == "dac":
            label = next((one.text for one in model.iterfind("baselabel") if one.get("type") == domain_type), "") or ""
            user = label.partition(":")[0].removeprefix("+")
            return int(user) if user.isdigit() else None
    return None


def _root(text: str, tag: str) -> ET.Element:
    try:
        # libvirtd speaks with this process's own authority: a hostile one need not send XML.
        root = ET.fromstring(text)  # noqa: S314
    except ET.ParseError as error:
        raise CapabilitiesError(f"libvirt's {tag} can't be read: {error}") from error
    if root.tag != tag:
        raise CapabilitiesError(f"libvirt sent <{root.tag}> instead of <{tag}>")
    return root


def _attributes(element: ET.Element | None, path: str, attribute: str) -> list[str]:
    if element is None:
        return []
    return [value for one in element.iterfind(path) if (value := one.get(attribute))]


def _machines(arch: ET.Element | None) -> dict[str, str]:
    out: dict[str, str] = {}
    for machine in arch.iterfind("machine") if arch is not None else ():
        name = machine.text or ""
        out[name] = machine.get("canonical") or name
    return out


def _size(element: ET.Element, attribute: str | None = None) -> int:
    """A number with an attribute `unit` beside it, in bytes."""
    text = (element.get(attribute) if attribute else element.text) or "0"
    unit = (element.get("unit") or "KiB").lower()
    if unit not in _UNITS:
        raise CapabilitiesError(f"libvirt counts in {unit}, which is no unit known here")
    return int(text) * _UNITS[unit]


def _numa_node(cell: ET.Element) -> NumaNode:
    memory = cell.find("memory")
    pages = []
    for one in cell.iterfind("pages"):
        size = _size(one, "size")
        if size > 64 << 10:  # what is smaller is an ordinary page on one architecture or another
            pages.append(HugePages(size, int(one.text or 0)))
    return NumaNode(
        id=int(cell.get("id") or 0),
        memory_bytes=0 if memory is None else _size(memory),
        cpus=tuple(int(number) for number in _attributes(cell, "cpus/cpu", "id")),
        pages=tuple(pages),
    )


def _guest(root: ET.Element) -> GuestCapabilities:
    vcpu = root.find("vcpu")
    custom = root.find("cpu/mode[@name='custom']")
    host_model = root.find("cpu/mode[@name='host-model']")
    loader = root.find("os/loader")
    devices = {
        device.tag: _enums(device) for device in root.iterfind("devices/*") if device.get("supported", "yes") == "yes"
    }
    return GuestCapabilities(
        machine=root.findtext("machine") or "",
        max_cpus=int(vcpu.get("max") or 0) if vcpu is not None else 0,
        cpu_modes=frozenset(
            mode.get("name", "") for mode in root.iterfind("cpu/mode") if mode.get("supported") == "yes"
        ),
        cpu_models=tuple(
            CpuModel(model.text or "", usable=model.get("usable") == "yes")
            for model in (custom.iterfind("model") if custom is not None else ())
        ),
        host_model=(host_model.findtext("model") if host_model is not None else None) or "",
        host_features=frozenset(
            feature.get("name", "")
            for feature in (host_model.iterfind("feature") if host_model is not None else ())
            if feature.get("policy") == "require"
        ),
        firmware=_values(root.find("os/enum[@name='firmware']")),
        loaders=tuple(value.text or "" for value in (loader.iterfind("value") if loader is not None else ())),
        secure_loader="yes" in _values(loader.find("enum[@name='secure']") if loader is not None else None),
        devices=devices,
        memory_sources=_values(root.find("memoryBacking[@supported='yes']/enum[@name='sourceType']")),
        features=frozenset(one.tag for one in root.iterfind("features/*") if one.get("supported") == "yes"),
        hyperv=_values(root.find("features/hyperv[@supported='yes']/enum[@name='features']")),
    )


def _enums(device: ET.Element) -> dict[str, frozenset[str]]:
    return {enum.get("name", ""): _values(enum) for enum in device.iterfind("enum")}


def _values(enum: ET.Element | None) -> frozenset[str]:
    return frozenset(value.text or "" for value in enum.iterfind("value")) if enum is not None else frozenset()


def _version(number: int) -> tuple[int, int, int]:
    return number // 1_000_000, number // 1_000 % 1_000, number % 1_000
