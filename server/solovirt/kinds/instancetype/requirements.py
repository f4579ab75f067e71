"""Whether a machine is as large as its preference requires (reference kubevirt-flavor.md 6.3, kubevirt-validation.md rule 51)."""

from __future__ import annotations

from collections.abc import Sequence

from solovirt.kinds.instancetype import topology
from solovirt.machinery import quantity
from solovirt.machinery.resource import Document

_TEMPLATE = "spec.template.spec"
_CPU = f"{_TEMPLATE}.domain.cpu"
_SPREAD_OVER = {
    "SocketsCores": ("sockets", "cores"),
    "CoresThreads": ("cores", "threads"),
    "SocketsCoresThreads": ("sockets", "cores", "threads"),
}


class NotMet(ValueError):
    """A requirement is not met; *paths* are the fields that fall short."""

    def __init__(self, message: str, *paths: str) -> None:
        super().__init__(message)
        self.paths = paths


def check(instancetype: Document | None, preference: Document | None, spec: Document) -> None:
    """Hold *spec*, a template with everything applied and defaulted, against the requirements of a preference. Raises NotMet."""
    required = (preference or {}).get("requirements") or {}
    if required.get("cpu") is not None:
        _check_cpu(instancetype, preference or {}, spec, int(required["cpu"]["guest"]))
    if required.get("memory") is not None:
        _check_memory(instancetype, spec, required["memory"]["guest"])
    architecture = required.get("architecture")
    if architecture is not None and spec.get("architecture") != architecture:
        text = (
            f"preference requires architecture {architecture} but {spec.get('architecture') or ''} is being requested"
        )
        raise NotMet(text, f"{_TEMPLATE}.architecture")


def _check_cpu(instancetype: Document | None, preference: Document, spec: Document, required: int) -> None:
    if instancetype is not None:
        provided = int(instancetype["cpu"]["guest"])
        if provided < required:
            text = (
                f"insufficient CPU resources of {provided} vCPU provided by instance type, "
                f"preference requires {required} vCPU"
            )
            raise NotMet(text, "spec.instancetype")
        return
    cpu = (spec.get("domain") or {}).get("cpu")
    if cpu is None:
        raise NotMet(f"no CPU resources provided by VirtualMachine, preference requires {required} vCPU", _CPU)
    parts, shown = _counted(preference)
    provided = 1 if parts else 0
    for part in parts:
        provided *= int(cpu.get(part) or 0)
    if provided < required:
        text = (
            f"insufficient CPU resources of {provided} vCPU provided by VirtualMachine, "
            f"preference requires {required} vCPU provided as {shown}"
        )
        raise NotMet(text, *(f"{_CPU}.{part}" for part in parts))


def _counted(preference: Document) -> tuple[Sequence[str], str]:
    """Which parts of the topology count as vCPUs, and how a message calls them."""
    wanted = topology.preferred(preference)
    if wanted == "spread":
        across = topology.spread_of(preference).across
        return _SPREAD_OVER.get(across, ()), across
    if wanted == "any":
        return ("cores", "sockets", "threads"), "cores, sockets and threads"
    return (wanted,), wanted


def _check_memory(instancetype: Document | None, spec: Document, required: str) -> None:
    path, by = f"{_TEMPLATE}.domain.memory", "VirtualMachine"
    provided = "0"
    if instancetype is not None:
        path, by = "spec.instancetype", "instance type"
        provided = instancetype["memory"]["guest"]
    guest = ((spec.get("domain") or {}).get("memory") or {}).get("guest")
    if guest is not None:
        provided = guest
    if quantity.parse(provided) < quantity.parse(required):
        text = (
            f"insufficient Memory resources of {quantity.text(provided)} provided by {by}, "
            f"preference requires {quantity.text(required)}"
        )
        raise NotMet(text, path)
