"""The graphics card, and VNC on a Unix socket."""

from __future__ import annotations

from collections.abc import Iterator

from solovirt.runtime.libvirt.domain.blueprint import Blueprint
from solovirt.runtime.libvirt.domain.xml import Xml, element

_VRAM_KIB = 16384


def build(blueprint: Blueprint) -> Iterator[Xml]:
    """Both, or neither where no graphics device is wanted. Raises Unsupported for cards that the host's QEMU has not."""
    if blueprint.devices.get("autoattachGraphicsDevice") is False:
        # Said, because libvirt adds a card by itself to some machines.
        yield element("video", element("model", type="none"))
        return
    asked = (blueprint.devices.get("video") or {}).get("type")
    model = asked or _default(blueprint)
    field = "spec.domain.devices.video.type"
    blueprint.require("video", "modelType", model, field, f"this host's QEMU has no graphics card {model!r}")
    vram = _VRAM_KIB if model in ("vga", "cirrus", "vmvga") or asked else None
    yield element("video", element("model", type=model, heads=1, vram=vram))
    yield element("graphics", element("listen", type="socket", socket=str(blueprint.places.display_socket)), type="vnc")


def _default(blueprint: Blueprint) -> str:
    if blueprint.architecture != "amd64":
        return "virtio"
    return "bochs" if blueprint.uses_efi and blueprint.can.allows("video", "modelType", "bochs") else "vga"
