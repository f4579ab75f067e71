"""Tablets and keyboards."""

from __future__ import annotations

from collections.abc import Iterator

from solovirt.runtime.libvirt.domain.blueprint import Blueprint, alias
from solovirt.runtime.libvirt.domain.unsupported import Unsupported
from solovirt.runtime.libvirt.domain.xml import Xml, element


def build(blueprint: Blueprint) -> Iterator[Xml]:
    """Those of the instance, and those without which a guest of its architecture shows a screen that can't be used."""
    given = blueprint.devices.get("inputs") or ()
    for index, device in enumerate(given):
        field = f"spec.domain.devices.inputs[{index}]"
        bus = device.get("bus") or "usb"
        if device.get("type") != "tablet":
            raise Unsupported(f"{field}.type", f"input contains unsupported type {device.get('type')}")
        if bus not in ("usb", "virtio"):
            raise Unsupported(f"{field}.bus", f"input contains unsupported bus {bus}")
        yield element("input", alias(str(device["name"]), f"{field}.name"), type="tablet", bus=bus)
    if blueprint.devices.get("autoattachGraphicsDevice") is False:
        return
    if blueprint.architecture == "arm64":
        if not given:
            yield element("input", type="tablet", bus="usb")
        yield element("input", type="keyboard", bus="usb")
    elif blueprint.architecture == "s390x":
        yield element("input", type="keyboard", bus="virtio")
