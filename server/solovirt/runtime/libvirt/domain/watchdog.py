"""A device that acts when the guest hangs."""

from __future__ import annotations

from solovirt.runtime.libvirt.domain.blueprint import Blueprint, alias
from solovirt.runtime.libvirt.domain.unsupported import Unsupported
from solovirt.runtime.libvirt.domain.xml import Xml, element

_FIELD = "spec.domain.devices.watchdog"


def build(blueprint: Blueprint) -> Xml | None:
    watchdog = blueprint.devices.get("watchdog")
    if watchdog is None:
        return None
    for model in ("i6300esb", "diag288"):
        if (device := watchdog.get(model)) is not None:
            if (model == "diag288") != (blueprint.architecture == "s390x"):
                raise Unsupported(
                    f"{_FIELD}.{model}", f"machines of architecture {blueprint.architecture} have no such watchdog"
                )
            action = device.get("action") or "reset"
            return element("watchdog", alias(str(watchdog["name"]), f"{_FIELD}.name"), model=model, action=action)
    raise Unsupported(_FIELD, f"watchdog {watchdog['name']} can't be mapped, no watchdog type specified")
