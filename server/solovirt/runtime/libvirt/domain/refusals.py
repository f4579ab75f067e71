"""What the libvirt runtime does not do at all: said at once, and never left out silently."""

from __future__ import annotations

from solovirt.runtime.libvirt.domain.blueprint import Blueprint
from solovirt.runtime.libvirt.domain.unsupported import Unsupported

_DEVICES = {
    "gpus": "graphics processors of the host are not passed through",
    "hostDevices": "devices of the host are not passed through",
    "filesystems": "directories are not shared with guests",
    "downwardMetrics": "figures of the host are not given to guests",
    "clientPassthrough": "USB devices of clients are not passed through",
}


def check(blueprint: Blueprint) -> None:
    """Raises Unsupported for the first of them that the instance asks for."""
    if blueprint.domain.get("launchSecurity") is not None:
        raise Unsupported(
            "spec.domain.launchSecurity", "encryption of the guest's memory is not implemented by the libvirt runtime"
        )
    for name, why in _DEVICES.items():
        asked = blueprint.devices.get(name)
        # An empty object asks for the device, an empty list for nothing.
        if asked is not None and asked != []:
            raise Unsupported(f"spec.domain.devices.{name}", f"{why} by the libvirt runtime")
