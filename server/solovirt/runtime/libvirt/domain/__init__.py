"""
The libvirt domain of a VirtualMachineInstance: one device a module, put together by `assembly`.

A domain is made from the instance's document alone, the same each time. What the host can't do raises `Unsupported` with the path of
the field that asks for it.
"""

from solovirt.runtime.libvirt.domain.assembly import domain_xml
from solovirt.runtime.libvirt.domain.unsupported import Unsupported
from solovirt.runtime.libvirt.domain.volumes import Image, images

__all__ = ["Image", "Unsupported", "domain_xml", "images"]
