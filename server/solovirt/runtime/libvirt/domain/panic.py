"""Devices by which a guest tells that it has crashed."""

from __future__ import annotations

from collections.abc import Iterator

from solovirt.runtime.libvirt.domain.blueprint import Blueprint
from solovirt.runtime.libvirt.domain.unsupported import Unsupported
from solovirt.runtime.libvirt.domain.xml import Xml, element

_MODELS = ("hyperv", "isa", "pvpanic")


def build(blueprint: Blueprint) -> Iterator[Xml]:
    for index, device in enumerate(blueprint.devices.get("panicDevices") or ()):
        field = f"spec.domain.devices.panicDevices[{index}].model"
        model = device.get("model") or None
        if model is not None and model not in _MODELS:
            raise Unsupported(field, f"there is no panic device {model!r}")
        if model == "hyperv" and not (blueprint.is_kvm or blueprint.is_mock):
            raise Unsupported(field, f"it needs KVM, and this guest is emulated ({blueprint.domain_type})")
        if model == "pvpanic" and blueprint.host.libvirt_version < (9, 1, 0):
            raise Unsupported(field, "it needs libvirt 9.1 or newer")
        yield element("panic", model=model)
