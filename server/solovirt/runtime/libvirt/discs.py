"""
Discs of files, as KubeVirt makes them: cloud-init's data, answers for the set-up of Windows, and the entries of ConfigMaps, Secrets, service accounts
and the downward API.

ISO 9660 with Rock Ridge and Joliet, so that Linux and Windows see the names as they are, and as large as KubeVirt's: padded to whole MiB.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from solovirt.runtime.libvirt import cloud_init
from solovirt.runtime.libvirt.domain import Unsupported, images
from solovirt.runtime.libvirt.domain.blueprint import Part
from solovirt.runtime.libvirt.domain.volumes import source_of
from solovirt.runtime.libvirt.places import GuestPlaces
from solovirt.runtime.protocol import GuestSpec

_DEFAULT_LABEL = "cfgdata"
_SYSPREP_LABEL = "unattendCD"
_ANSWERS = ("autounattend.xml", "unattend.xml")
_ALIGNMENT = 1 << 20
_LONGEST_LABEL = 32
_LONGEST_JOLIET_NAME = 64
_LABELLED = ("configMap", "secret", "downwardAPI")


@dataclass(frozen=True, slots=True)
class Disc:
    """What is on a disc."""

    label: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    """By path, with slashes: `openstack/latest/user_data`."""

    def image(self) -> bytes:
        """The bytes of the disc."""
        # Imported here: a server whose guests are of another kind needs no discs.
        from pycdlib import PyCdlib

        iso = PyCdlib()
        iso.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident=self.label)
        try:
            _Writer(iso).write(self.files)
            out = io.BytesIO()
            iso.write_fp(out)
        finally:
            iso.close()
        out.seek(0, io.SEEK_END)
        out.write(bytes(-out.tell() % _ALIGNMENT))
        return out.getvalue()


class _Writer:
    """Puts files on a disc. The names that only ISO 9660 itself sees are numbers: it has eight capital letters for them."""

    def __init__(self, iso: Any) -> None:
        self._iso = iso
        self._directories: dict[PurePosixPath, tuple[str, str | None]] = {PurePosixPath("."): ("", "")}
        self._made = 0

    def write(self, files: Mapping[str, bytes]) -> None:
        for path, content in sorted(files.items()):
            place = PurePosixPath(path)
            if place.is_absolute() or ".." in place.parts or not place.name:
                raise ValueError(f"{path!r} is no path on a disc")
            directory, joliet = self._directory(place.parent)
            self._made += 1
            self._iso.add_fp(
                io.BytesIO(content),
                len(content),
                f"{directory}/FILE{self._made:04}.;1",
                rr_name=place.name,
                joliet_path=_joliet(joliet, place.name),
            )

    def _directory(self, path: PurePosixPath) -> tuple[str, str | None]:
        """Its names for ISO 9660 and for Joliet; made if it is not there."""
        if (known := self._directories.get(path)) is not None:
            return known
        parent, joliet_parent = self._directory(path.parent)
        self._made += 1
        names = f"{parent}/DIR{self._made:05}", _joliet(joliet_parent, path.name)
        self._iso.add_directory(names[0], rr_name=path.name, joliet_path=names[1])
        self._directories[path] = names
        return names


def _joliet(parent: str | None, name: str) -> str | None:
    """The path for Windows; what is too long for it is there for others only."""
    return None if parent is None or len(name) > _LONGEST_JOLIET_NAME else f"{parent}/{name}"


def discs(spec: GuestSpec) -> Mapping[str, Disc]:
    """The discs of all volumes that are shown as such, by volume. Raises Unsupported for ones that can't be made."""
    instance: Part = spec.instance.get("spec") or {}
    shown = {disk["name"] for disk in (instance.get("domain", {}).get("devices") or {}).get("disks") or ()}
    out = {}
    for index, volume in enumerate(instance.get("volumes") or ()):
        if volume["name"] not in shown:
            continue
        made = _disc(spec, volume, f"spec.volumes[{index}]")
        if made is not None:
            out[str(volume["name"])] = made
    return out


def write(spec: GuestSpec, places: GuestPlaces) -> None:
    """Make the discs of *spec* at their places, readable for the owner alone. Blocks. Raises Unsupported and OSError."""
    shown = images(spec, places)
    for volume, disc in discs(spec).items():
        path = Path(shown[volume].path)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = path.with_suffix(".partial")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(disc.image())
        partial.replace(path)


def _disc(spec: GuestSpec, volume: Part, path: str) -> Disc | None:
    source = source_of(volume)
    given: Part = volume.get(source) or {}
    if source in ("cloudInitNoCloud", "cloudInitConfigDrive"):
        return Disc(*cloud_init.disc(spec, volume, f"{path}.{source}"))
    if source not in (*_LABELLED, "serviceAccount", "sysprep"):
        return None
    files = spec.contents.files.get(str(volume["name"]))
    if files is None:
        raise Unsupported(f"{path}.{source}", "what it refers to was not found")
    if source == "sysprep":
        if not any(name.lower() in _ANSWERS for name in files):
            text = f"Sysprep drive should contain {_ANSWERS[0]} or {_ANSWERS[1]} but neither were found."
            raise Unsupported(f"{path}.sysprep", text)
        return Disc(_SYSPREP_LABEL, files)
    label = (given.get("volumeLabel") if source in _LABELLED else None) or _DEFAULT_LABEL
    if len(label.encode()) > _LONGEST_LABEL:
        raise Unsupported(f"{path}.{source}.volumeLabel", f"a disc's label has {_LONGEST_LABEL} characters at most")
    return Disc(label, files)
