"""The guest's memory, and what is under it."""

from __future__ import annotations

from collections.abc import Iterator

from solovirt.machinery import quantity
from solovirt.runtime.libvirt.domain.blueprint import Blueprint
from solovirt.runtime.libvirt.domain.unsupported import Unsupported
from solovirt.runtime.libvirt.domain.xml import Xml, container, element

_HUGEPAGES = "spec.domain.memory.hugepages.pageSize"


def build(blueprint: Blueprint) -> Iterator[Xml | None]:
    """Raises Unsupported for huge pages that the host has not."""
    yield element("memory", text=blueprint.memory_bytes, unit="b")
    parts: list[Xml] = []
    if (blueprint.domain.get("memory") or {}).get("hugepages") is not None:
        size = page_bytes(blueprint)
        if not blueprint.is_mock and size not in blueprint.host.hugepages:
            text = (blueprint.domain["memory"]["hugepages"]).get("pageSize")
            raise Unsupported(_HUGEPAGES, f"this host has no huge pages of {text}")
        parts.append(element("hugepages", element("page", size=size, unit="b")))
        if "memfd" in blueprint.can.memory_sources:
            parts.append(element("source", type="memfd"))
    if blueprint.cpu.get("realtime") is not None:
        parts += [element("nosharepages"), element("locked")]
    yield container("memoryBacking", parts)


def page_bytes(blueprint: Blueprint) -> int:
    """The size of the huge pages that were asked for."""
    hugepages = (blueprint.domain.get("memory") or {}).get("hugepages") or {}
    try:
        return int(quantity.parse(hugepages.get("pageSize") or "2Mi"))
    except quantity.QuantityError as error:
        raise Unsupported(_HUGEPAGES, str(error)) from error


def balloon(blueprint: Blueprint) -> Xml:
    """The device by which memory is taken back, and told of."""
    if blueprint.devices.get("autoattachMemBalloon") is False:
        return element("memballoon", model="none")
    reporting = "off" if blueprint.cpu.get("realtime") is not None else "on"
    return element("memballoon", element("stats", period=10), model=blueprint.virtio_model, freePageReporting=reporting)
