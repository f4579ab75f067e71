"""
What is behind a guest's disks.

`images` says for each volume which file or device its disk shows, and how that comes to be: it is there already, or it is made for the
guest (an overlay over an image that must not change, an empty disk, a disc of files). The driver makes what has to be made; the
domain names the same paths.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from solovirt.machinery import quantity
from solovirt.runtime.libvirt.domain.blueprint import Part
from solovirt.runtime.libvirt.domain.unsupported import Unsupported
from solovirt.runtime.libvirt.places import GuestPlaces
from solovirt.runtime.protocol import DiskImage, GuestSpec

DISCS = ("cloudInitNoCloud", "cloudInitConfigDrive", "sysprep", "configMap", "secret", "serviceAccount", "downwardAPI")
"""Sources of volumes that become a disc of files."""
_OVERLAID = ("containerDisk", "ephemeral")
"""Sources whose image the guest does not change: what it writes goes with the instance (reference kubevirt-vm.md, volumes)."""
_IN_PLACE = ("dataVolume", "persistentVolumeClaim")
_REFUSED = {
    "downwardMetrics": "figures of the host are not given to guests by the libvirt runtime",
    "containerPath": "there are no containers beside a guest",
    "memoryDump": "a memory dump is not shown to a guest",
}


@dataclass(frozen=True, slots=True)
class Image:
    """What a disk shows."""

    path: str
    format: str
    base: DiskImage | None = None
    """Of an overlay: what is under it."""
    size_bytes: int | None = None
    """Of an empty disk that has to be made if it is not there: its size."""
    is_disc: bool = False
    """It is a disc of files that has to be made."""
    read_only: bool = False

    @property
    def is_device(self) -> bool:
        """Whether it is a block device, and no file."""
        return is_device(self.path)


def is_device(path: str) -> bool:
    """Devices are known by where they are: a domain is described without looking at the host's files."""
    return Path(path).is_relative_to("/dev") and ".." not in Path(path).parts


def images(spec: GuestSpec, places: GuestPlaces) -> Mapping[str, Image]:
    """The image of each volume that a disk shows, by the volume's name. Raises Unsupported for sources that can't be shown."""
    instance: Part = spec.instance.get("spec") or {}
    shown = {disk["name"] for disk in (instance.get("domain", {}).get("devices") or {}).get("disks") or ()}
    given = {image.volume: image for image in spec.disks}
    return {
        volume["name"]: _image(volume, f"spec.volumes[{index}]", given.get(volume["name"]), places)
        for index, volume in enumerate(instance.get("volumes") or ())
        if volume["name"] in shown
    }


def source_of(volume: Part) -> str:
    """The kind of the volume's source: `containerDisk`. Empty if it has none."""
    return next((key for key, value in volume.items() if key != "name" and value is not None), "")


def _image(volume: Part, field: str, given: DiskImage | None, places: GuestPlaces) -> Image:
    name, source = str(volume["name"]), source_of(volume)
    if source in DISCS:
        return Image(str(places.made_iso(name)), "raw", is_disc=True)
    if source == "emptyDisk":
        size = int(quantity.parse(volume["emptyDisk"]["capacity"]))
        return Image(str(places.made_disk(name)), "qcow2", size_bytes=size)
    if source == "hostDisk":
        return _host_disk(volume["hostDisk"], field)
    if source in _OVERLAID:
        return Image(str(places.made_disk(name)), "qcow2", base=_there(given, field, source))
    if source in _IN_PLACE:
        image = _there(given, field, source)
        if image.ephemeral:
            return Image(str(places.made_disk(name)), "qcow2", base=image)
        return Image(image.path, image.format, read_only=image.read_only)
    text = _REFUSED.get(source, f"a volume of the kind {source or 'none'} can't be shown as a disk")
    raise Unsupported(f"{field}.{source}" if source else field, text)


def _host_disk(disk: Part, field: str) -> Image:
    path = str(disk["path"])
    if not path.startswith("/") or ".." in Path(path).parts:
        raise Unsupported(f"{field}.hostDisk.path", "it has to be an absolute path without '..'")
    size = int(quantity.parse(disk["capacity"])) if disk["type"] == "DiskOrCreate" and disk.get("capacity") else None
    return Image(path, "raw", size_bytes=size)


def _there(image: DiskImage | None, field: str, source: str) -> DiskImage:
    if image is None or not image.path.startswith("/"):
        raise Unsupported(f"{field}.{source}", "there is no file or device with its content on this host")
    return image
