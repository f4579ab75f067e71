"""
Whether a running instance lacks what its VirtualMachine's template now says (reference kubevirt-vm.md 8).

The comparison is with the spec that the last start used, as its ControllerRevision keeps it. Nothing is changed on a running guest here,
so every difference in the template's spec asks for a restart; strategies, labels and dataVolumeTemplates never do.
"""

from __future__ import annotations

from typing import Any

from solovirt.machinery.resource import Document

_OTHER = "a non-live-updatable field was changed in the template spec"
_FEWER_SOCKETS = "Reduction of CPU socket count requires a restart"
_TOO_MANY_SOCKETS = "CPU sockets updated in template spec to a value higher than what's available"


def message(started_with: Document, wanted: Document, instance: Document) -> str | None:
    """
    The message of the RestartRequired condition, None if there is no difference.

    *started_with* and *wanted* are VM specs, *instance* is what runs.
    """
    before = _template_spec(started_with)
    after = _template_spec(wanted)
    if before == after:
        return None
    if _without_sockets(before) == _without_sockets(after):
        old, new = _sockets(before), _sockets(after)
        if new < old:
            return _FEWER_SOCKETS
        ceiling = ((instance["spec"].get("domain") or {}).get("cpu") or {}).get("maxSockets")
        if ceiling is not None and new > ceiling:
            return _TOO_MANY_SOCKETS
    return _OTHER


def _template_spec(spec: Document) -> Document:
    template: Document = (spec.get("template") or {}).get("spec") or {}
    return template


def _sockets(spec: Document) -> int:
    cpu: dict[str, Any] = (spec.get("domain") or {}).get("cpu") or {}
    return int(cpu.get("sockets") or 1)


def _without_sockets(spec: Document) -> Document:
    domain = dict(spec.get("domain") or {})
    domain["cpu"] = {key: value for key, value in (domain.get("cpu") or {}).items() if key != "sockets"}
    return {**spec, "domain": domain}
