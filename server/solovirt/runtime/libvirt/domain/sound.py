"""A sound card that nobody hears: there is nowhere on a server to play it."""

from __future__ import annotations

from collections.abc import Iterator

from solovirt.runtime.libvirt.domain.blueprint import Blueprint, alias
from solovirt.runtime.libvirt.domain.unsupported import Unsupported
from solovirt.runtime.libvirt.domain.xml import Xml, element

_FIELD = "spec.domain.devices.sound"


def build(blueprint: Blueprint) -> Iterator[Xml]:
    sound = blueprint.devices.get("sound")
    if sound is None:
        return
    model = sound.get("model") or "ich9"
    if model not in ("ich9", "ac97"):
        raise Unsupported(f"{_FIELD}.model", f"there is no sound card {model!r}")
    yield element("sound", alias(str(sound["name"]), f"{_FIELD}.name"), model=model)
    yield element("audio", id=1, type="none")
