"""What hypervisor and chipset offer: `<features>`."""

from __future__ import annotations

from collections.abc import Iterator

from solovirt.runtime.libvirt.domain.blueprint import Blueprint, Part, is_on
from solovirt.runtime.libvirt.domain.unsupported import Unsupported
from solovirt.runtime.libvirt.domain.xml import Xml, element, switch

_FEATURES = "spec.domain.features"
_HYPERV = {
    "relaxed": "relaxed",
    "vapic": "vapic",
    "vpindex": "vpindex",
    "runtime": "runtime",
    "synic": "synic",
    "reset": "reset",
    "frequencies": "frequencies",
    "reenlightenment": "reenlightenment",
    "ipi": "ipi",
    "evmcs": "evmcs",
}
"""Enlightenments that are on or off: KubeVirt's name → libvirt's."""
_SPINLOCK_RETRIES = 4096


def build(blueprint: Blueprint) -> Xml:
    """Raises Unsupported for what needs KVM where there is none."""
    given: Part = blueprint.domain.get("features") or {}
    return element(
        "features",
        element("acpi") if is_on(given.get("acpi") or {}) else None,
        _apic(given.get("apic")),
        *_of_kvm(blueprint, given),
        switch("smm", on=True) if is_on(given.get("smm")) else None,
        switch("pmu", on=False) if blueprint.cpu.get("realtime") is not None else None,
        switch("vmport", on=False) if blueprint.architecture == "amd64" else None,
    )


def _apic(apic: Part | None) -> Xml | None:
    if not is_on(apic):
        return None
    return element("apic", eoi="on") if (apic or {}).get("endOfInterrupt") else element("apic")


def _of_kvm(blueprint: Blueprint, given: Part) -> Iterator[Xml]:
    wanted = {
        name: given[name]
        for name in ("hyperv", "hypervPassthrough", "pvspinlock", "kvm")
        if given.get(name) is not None
    }
    if not (blueprint.is_kvm or blueprint.is_mock):
        # An emulated guest can't tell that it runs on KVM, and has no spin locks of that kind, without anything being done.
        asked = [
            *(["hyperv"] if _any_on(wanted.get("hyperv")) else []),
            *(["hypervPassthrough"] if "hypervPassthrough" in wanted and is_on(wanted["hypervPassthrough"]) else []),
            *(["pvspinlock"] if "pvspinlock" in wanted and is_on(wanted["pvspinlock"]) else []),
        ]
        for name in asked:
            raise Unsupported(
                f"{_FEATURES}.{name}", f"it needs KVM, and this guest is emulated ({blueprint.domain_type})"
            )
        return
    if "hyperv" in wanted:
        yield _hyperv(wanted["hyperv"])
    elif is_on(wanted.get("hypervPassthrough")):
        yield element("hyperv", mode="passthrough")
    if "kvm" in wanted:
        yield element("kvm", switch("hidden", on=bool(wanted["kvm"].get("hidden"))))
    if "pvspinlock" in wanted:
        yield switch("pvspinlock", on=is_on(wanted["pvspinlock"]))


def _any_on(hyperv: Part | None) -> bool:
    return hyperv is not None and any(is_on(one) for one in hyperv.values() if one is not None)


def _hyperv(hyperv: Part) -> Xml:
    def extras(feature: Part, *names: str) -> Iterator[Xml]:
        for name in names:
            if feature.get(name) is not None:
                yield switch(name, on=is_on(feature[name]))

    parts = [switch(theirs, on=is_on(hyperv[ours])) for ours, theirs in _HYPERV.items() if hyperv.get(ours) is not None]
    if (spinlocks := hyperv.get("spinlocks")) is not None:
        # How often it is tried has no meaning for ones that are off.
        retries = (spinlocks.get("spinlocks") or _SPINLOCK_RETRIES) if is_on(spinlocks) else None
        parts.append(switch("spinlocks", on=is_on(spinlocks), retries=retries))
    if (vendor := hyperv.get("vendorid")) is not None:
        parts.append(switch("vendor_id", on=is_on(vendor), value=vendor.get("vendorid") if is_on(vendor) else None))
    if (timer := hyperv.get("synictimer")) is not None:
        parts.append(switch("stimer", *extras(timer, "direct"), on=is_on(timer)))
    if (flush := hyperv.get("tlbflush")) is not None:
        for name in ("direct", "extended"):
            if is_on(flush.get(name)):
                raise Unsupported(
                    f"{_FEATURES}.hyperv.tlbflush.{name}", "this version of libvirt has no such extension"
                )
        parts.append(switch("tlbflush", on=is_on(flush)))
    return element("hyperv", *parts)
