"""
Presets: settings that instances get by their labels as they are created (reference kubevirt-validation.md 6, rule 200).

A preset fills whole sections of a domain that the instance leaves out. Where both say something the instance keeps its own; where two presets say
different things, no instance that both are for can be created.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from solovirt.kinds.kubevirt import names
from solovirt.machinery import selectors
from solovirt.machinery.admission import Admission
from solovirt.machinery.errors import BadRequest, StatusError, go_value
from solovirt.machinery.resource import Document

EXCLUDE = "virtualmachineinstancepresets.admission.kubevirt.io/exclude"
"""The annotation, with the value `true`, by which an instance wants no presets."""
APPLIED_PREFIX = "virtualmachinepreset.kubevirt.io/"
"""Annotations of an instance that begin with it name the presets it got."""

_SECTIONS = ("cpu", "firmware", "features", "ioThreadsPolicy")


class Conflicting(StatusError):
    """Presets contradict each other: 422 with a text alone."""

    reason, code = None, 422


def apply(domain: Document, metadata: Mapping[str, Any], admission: Admission, *, webhook: str) -> dict[str, str]:
    """
    Fill *domain*, in place, from the presets that are for an instance with *metadata*.

    Returns the annotations that name those which had something to give. Raises the denial by *webhook* (its full name) of rule 200.
    """
    if (metadata.get("annotations") or {}).get(EXCLUDE) == "true":
        return {}
    found = list(_matching(metadata.get("labels") or {}, admission))
    if not found:
        return {}
    if conflicts := list(_conflicts_between(found)):
        text = f"VirtualMachinePresets cannot be applied due to conflicts: {_aggregate(conflicts)}"
        raise Conflicting(f'admission webhook "{webhook}" denied the request: {text}')
    return {
        f"{APPLIED_PREFIX}{preset['metadata']['name']}": names.API_VERSION
        for preset in found
        if _merge(preset["spec"].get("domain") or {}, domain)
    }


def _matching(labels: Mapping[str, str], admission: Admission) -> Iterator[Document]:
    lookup, namespace = admission.lookup, admission.key.namespace
    if next(lookup.records(names.VIRTUAL_MACHINE_INSTANCE_PRESETS, namespace), None) is None:
        return
    for preset in lookup.list(names.VIRTUAL_MACHINE_INSTANCE_PRESETS, namespace):
        try:
            selector = selectors.from_label_selector((preset.get("spec") or {}).get("selector") or {})
        except BadRequest:
            # Its author was told at its creation; other people's instances are not to fail for it.
            continue
        if selector.matches(labels):
            yield preset


def _conflicts_between(presets: Sequence[Document]) -> Iterator[str]:
    for index, preset in enumerate(presets):
        for other in presets[:index]:
            ours, theirs = (one["spec"].get("domain") or {} for one in (preset, other))
            if found := list(_conflicts(ours, theirs)):
                both = f"presets '{preset['metadata']['name']}' and '{other['metadata']['name']}'"
                yield f"{both} conflict: {_aggregate(found)}"


def _aggregate(texts: Sequence[str]) -> str:
    distinct = list(dict.fromkeys(texts))
    return distinct[0] if len(distinct) == 1 else f"[{', '.join(distinct)}]"


def _parts(domain: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What presets are about, with the names that KubeVirt has for it in its messages."""
    for key, amount in ((domain.get("resources") or {}).get("requests") or {}).items():
        yield f"spec.resources.requests[{key}]", amount
    yield "spec.cpu", domain.get("cpu")
    yield "spec.firmware", domain.get("firmware")
    clock = domain.get("clock")
    if clock is not None:
        yield "spec.clock.clockoffset", {key: value for key, value in clock.items() if key != "timer"}
        yield "spec.clock.timer", clock.get("timer")
    yield "spec.features", domain.get("features")
    yield "spec.devices.watchdog", (domain.get("devices") or {}).get("watchdog")
    yield "spec.ioThreadsPolicy", domain.get("ioThreadsPolicy")


def _conflicts(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    others = dict(_parts(theirs))
    for name, value in _parts(ours):
        other = others.get(name)
        if value is not None and other is not None and value != other:
            yield f"{name}: {_shown(value)} != {_shown(other)}"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else go_value(value)


def _merge(preset: Mapping[str, Any], domain: Document) -> bool:
    """Whether the preset gave anything, or the instance had just that already."""
    applied = False
    if requests := (preset.get("resources") or {}).get("requests"):
        resources = domain.get("resources") or {}
        if not resources.get("requests"):
            resources = domain["resources"] = {**resources, "requests": dict(requests)}
        applied = resources["requests"] == requests
    for section in _SECTIONS:
        if (value := preset.get(section)) is not None:
            applied |= domain.setdefault(section, value) == value
    if (clock := preset.get("clock")) is not None:
        mine = domain.setdefault("clock", {key: value for key, value in clock.items() if key != "timer"})
        applied |= mine == clock
        if (timer := clock.get("timer")) is not None:
            applied |= mine.setdefault("timer", timer) == timer
    if (watchdog := (preset.get("devices") or {}).get("watchdog")) is not None:
        applied |= domain["devices"].setdefault("watchdog", watchdog) == watchdog
    return applied
