"""A socket between host and guest."""

from __future__ import annotations

from solovirt.runtime.libvirt.domain.blueprint import Blueprint
from solovirt.runtime.libvirt.domain.xml import Xml, element


def build(blueprint: Blueprint) -> Xml | None:
    """With the context id of the instance's status, else one that libvirt picks."""
    if not blueprint.devices.get("autoattachVSOCK"):
        return None
    number = (blueprint.spec.instance.get("status") or {}).get("VSOCKCID")
    cid = element("cid", auto=True) if number is None else element("cid", auto=False, address=int(number))
    # Hosts' vhost speaks version 1 alone.
    model = "virtio" if blueprint.architecture == "s390x" else "virtio-non-transitional"
    return element("vsock", cid, model=model)
