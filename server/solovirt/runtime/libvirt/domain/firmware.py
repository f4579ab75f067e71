"""What the machine is and how it boots: `<os>` and `<sysinfo>`."""

from __future__ import annotations

from collections.abc import Iterator

from solovirt.runtime.libvirt import identity
from solovirt.runtime.libvirt.capabilities import LIBVIRT_ARCHITECTURES
from solovirt.runtime.libvirt.domain.blueprint import Blueprint, Part
from solovirt.runtime.libvirt.domain.unsupported import Unsupported
from solovirt.runtime.libvirt.domain.xml import Xml, container, element

_FIRMWARE = "spec.domain.firmware"
_EFI = f"{_FIRMWARE}.bootloader.efi"
_BOOT_MENU_MILLISECONDS = 10_000
"""Time to get into the firmware's menu of a guest that was started paused, as KubeVirt gives it."""
_SYSTEM = {"manufacturer": "KubeVirt", "product": "None", "family": "KubeVirt"}
"""KubeVirt's defaults: software in guests tells by them what it runs on."""
_CHASSIS = ("manufacturer", "version", "serial", "asset", "sku")


def check_machine(blueprint: Blueprint) -> None:
    """Raises Unsupported for architectures and machines that the host has not: of these it is not even known what else they may have."""
    architecture = blueprint.architecture
    if architecture != blueprint.host.kubernetes_architecture and not blueprint.is_mock:
        have = blueprint.host.kubernetes_architecture
        raise Unsupported("spec.architecture", f"this host runs guests of architecture {have}, not {architecture}")
    if blueprint.host.machine(blueprint.machine) is None and not blueprint.is_mock:
        raise Unsupported("spec.domain.machine.type", f"this host has no machine {blueprint.machine!r}")


def build(blueprint: Blueprint) -> Iterator[Xml | None]:
    """Raises Unsupported for firmware that the host has not."""
    architecture = blueprint.architecture
    firmware: Part = blueprint.domain.get("firmware") or {}
    shows_system = architecture in ("amd64", "arm64")
    attributes = {"firmware": "efi"} if blueprint.uses_efi else {}
    yield element(
        "os",
        element(
            "type",
            text="hvm",
            arch=LIBVIRT_ARCHITECTURES.get(architecture, architecture),
            machine=blueprint.machine,
        ),
        *(_efi(blueprint, firmware["bootloader"]["efi"]) if blueprint.uses_efi else ()),
        *_kernel(blueprint, firmware.get("kernelBoot") or {}),
        element("bootmenu", enable=True, timeout=_BOOT_MENU_MILLISECONDS) if blueprint.spec.start_paused else None,
        element("smbios", mode="sysinfo") if shows_system else None,
        _bios(blueprint, firmware),
        **attributes,
    )
    if firmware.get("acpi") is not None:
        raise Unsupported(f"{_FIRMWARE}.acpi", "ACPI tables of one's own are not implemented by the libvirt runtime")
    if shows_system:
        yield _system(blueprint, firmware)


def _efi(blueprint: Blueprint, efi: Part) -> Iterator[Xml]:
    # KubeVirt's default is a secure boot.
    secure = efi.get("secureBoot") is not False
    if efi.get("persistent"):
        raise Unsupported(f"{_EFI}.persistent", "variables are kept as long as the instance is there, and not beyond")
    if not blueprint.is_mock:
        if "efi" not in blueprint.can.firmware:
            raise Unsupported(_EFI, f"this host has no EFI firmware for the machine {blueprint.machine}")
        if secure and not blueprint.can.secure_loader:
            raise Unsupported(
                f"{_EFI}.secureBoot", "this host has no EFI firmware that boots securely; false asks for another"
            )
    # Which file it is is libvirt's choice, by the descriptors that firmware packages install.
    yield element(
        "firmware",
        element("feature", enabled=secure, name="secure-boot"),
        element("feature", enabled=secure, name="enrolled-keys"),
    )
    if secure:
        yield element("loader", secure=True)
    yield element("nvram", text=str(blueprint.places.nvram))


def _kernel(blueprint: Blueprint, kernel_boot: Part) -> Iterator[Xml]:
    contents = blueprint.spec.contents
    if wanted := kernel_boot.get("container"):
        for key, path, tag in (("kernelPath", contents.kernel, "kernel"), ("initrdPath", contents.initrd, "initrd")):
            if wanted.get(key):
                if not path:
                    raise Unsupported(
                        f"{_FIRMWARE}.kernelBoot.container.{key}", "the file was not fetched from its image"
                    )
                yield element(tag, text=path)
    if arguments := kernel_boot.get("kernelArgs"):
        yield element("cmdline", text=arguments)


def _bios(blueprint: Blueprint, firmware: Part) -> Xml | None:
    bios = (firmware.get("bootloader") or {}).get("bios") or {}
    if not bios.get("useSerial"):
        return None
    if blueprint.devices.get("autoattachSerialConsole") is False:
        raise Unsupported(f"{_FIRMWARE}.bootloader.bios.useSerial", "the guest has no serial port to show it on")
    return element("bios", useserial=True)


def _system(blueprint: Blueprint, firmware: Part) -> Xml:
    system = {"uuid": identity.domain_uuid(blueprint.spec), **_SYSTEM}
    if serial := firmware.get("serial"):
        system["serial"] = serial
    chassis: Part = blueprint.domain.get("chassis") or {}
    return element(
        "sysinfo",
        element("system", *(element("entry", text=value, name=name) for name, value in system.items())),
        container(
            "chassis", (element("entry", text=chassis[name], name=name) for name in _CHASSIS if chassis.get(name))
        ),
        type="smbios",
    )
