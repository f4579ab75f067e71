"""The serial console: a Unix socket that QEMU serves, and a log of everything that the guest wrote."""

from __future__ import annotations

from solovirt.runtime.libvirt.domain.blueprint import Blueprint
from solovirt.runtime.libvirt.domain.xml import Xml, element


def build(blueprint: Blueprint) -> Xml | None:
    if blueprint.devices.get("autoattachSerialConsole") is False:
        return None
    return element(
        "serial",
        element("source", mode="bind", path=str(blueprint.places.serial_socket)),
        element("log", file=str(blueprint.places.console_log), append="off"),
        element("target", port=0),
        type="unix",
    )
