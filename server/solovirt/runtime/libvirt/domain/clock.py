"""The guest's clock and the timers that keep it."""

from __future__ import annotations

from collections.abc import Iterator

from solovirt.runtime.libvirt.domain.blueprint import Blueprint, Part
from solovirt.runtime.libvirt.domain.unsupported import Unsupported
from solovirt.runtime.libvirt.domain.xml import Xml, element

_TIMERS = {"rtc": "rtc", "pit": "pit", "kvm": "kvmclock", "hpet": "hpet", "hyperv": "hypervclock"}
_OF_KVM = ("kvm", "hyperv")


def build(blueprint: Blueprint) -> Xml:
    """UTC if nothing else is said. Raises Unsupported for timers that need KVM where there is none."""
    clock: Part = blueprint.domain.get("clock") or {}
    timers = _timers(blueprint, clock.get("timer") or {})
    utc = clock.get("utc")
    if utc is None and clock.get("timezone"):
        return element("clock", *timers, offset="timezone", timezone=clock["timezone"])
    if utc is None:
        return element("clock", *timers, offset="utc")
    seconds = utc.get("offsetSeconds")
    return element("clock", *timers, offset="utc", adjustment="reset" if seconds is None else int(seconds))


def _timers(blueprint: Blueprint, timers: Part) -> Iterator[Xml]:
    for name, libvirt_name in _TIMERS.items():
        timer: Part | None = timers.get(name)
        if timer is None:
            continue
        present = timer.get("present") is not False
        if name in _OF_KVM and not (blueprint.is_kvm or blueprint.is_mock):
            if present:
                raise Unsupported(
                    f"spec.domain.clock.timer.{name}",
                    f"it needs KVM, and this guest is emulated ({blueprint.domain_type})",
                )
            continue
        yield element(
            "timer",
            name=libvirt_name,
            present=present,
            tickpolicy=timer.get("tickPolicy"),
            track=timer.get("track") if name == "rtc" else None,
        )
