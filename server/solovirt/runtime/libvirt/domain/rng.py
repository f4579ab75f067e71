"""A source of random numbers."""

from __future__ import annotations

from solovirt.runtime.libvirt.domain.blueprint import Blueprint
from solovirt.runtime.libvirt.domain.xml import Xml, element


def build(blueprint: Blueprint) -> Xml | None:
    if blueprint.devices.get("rng") is None:
        return None
    field = "spec.domain.devices.rng"
    blueprint.require("rng", "backendModel", "random", field, "this host's QEMU has no random number device")
    return element("rng", element("backend", text="/dev/urandom", model="random"), model=blueprint.virtio_model)
