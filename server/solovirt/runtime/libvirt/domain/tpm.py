"""A trusted platform module."""

from __future__ import annotations

from solovirt.runtime.libvirt.domain.blueprint import Blueprint, is_on
from solovirt.runtime.libvirt.domain.unsupported import Unsupported
from solovirt.runtime.libvirt.domain.xml import Xml, element

_FIELD = "spec.domain.devices.tpm"


def build(blueprint: Blueprint) -> Xml | None:
    """An emulated TPM 2.0, whose state goes with the instance."""
    tpm = blueprint.devices.get("tpm")
    if not is_on(tpm):
        return None
    if (tpm or {}).get("persistent"):
        raise Unsupported(f"{_FIELD}.persistent", "its state is kept as long as the instance is there, and not beyond")
    blueprint.require("tpm", "backendModel", "emulator", _FIELD, "this host has no TPM emulator (swtpm)")
    model = "tpm-tis" if blueprint.can.allows("tpm", "model", "tpm-tis") or blueprint.is_mock else "tpm-crb"
    return element("tpm", element("backend", type="emulator", version="2.0"), model=model)
