"""
Run strategies: what a VirtualMachine wants of its instance.

Pure functions over a VM and its (perhaps missing) instance, so that the table of KubeVirt's behaviour (reference kubevirt-vm.md 3) can be
tested cell by cell. The controller acts on the answer; nothing here reads a clock, a store or a runtime.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from solovirt.kinds.kubevirt import names
from solovirt.kinds.kubevirt.run_strategy import RunStrategy, effective
from solovirt.machinery.resource import Document


class Action(StrEnum):
    """What should happen to the instance now."""

    KEEP = "keep"
    START = "start"
    """Create it. Starts may still have to wait, for DataVolumes or for a back-off."""
    STOP = "stop"
    """Delete it; what should follow is decided when it is gone."""
    SWITCH_ON = "switch on"
    """Change the VM's spec to always running: a start request met a halted VM."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a VM wants. *waits_for_back_off*: a start has to wait until the crash-loop back-off is over."""

    action: Action
    waits_for_back_off: bool = False
    asks_to_start: bool = False
    """A start request has to be queued (durably) before the instance goes, or the restart would be forgotten with it."""


KEEP = Wish(Action.KEEP)


def is_final(instance: Document | None) -> bool:
    """Whether the instance has ended."""
    return instance is not None and phase(instance) in names.FINAL_PHASES


def is_deleting(instance: Document | None) -> bool:
    return instance is not None and bool(instance["metadata"].get("deletionTimestamp"))


def phase(instance: Document) -> str:
    return str((instance.get("status") or {}).get("phase") or "")


def first_request(vm: Document) -> dict[str, Any] | None:
    """The state change request that counts: the first (reference 3.2)."""
    requests = (vm.get("status") or {}).get("stateChangeRequests") or []
    return requests[0] if requests else None


def is_asked_to_start(vm: Document) -> bool:
    request = first_request(vm)
    return request is not None and request.get("action") == "Start"


def is_asked_to_stop(vm: Document, instance: Document) -> bool:
    """Whether the pending request is to stop this very instance."""
    request = first_request(vm)
    return (
        request is not None
        and request.get("action") == "Stop"
        and request.get("uid") == instance["metadata"].get("uid")
    )


def is_asked_to_start_paused(vm: Document) -> bool:
    """Whether the pending request is a start that wants the guest paused."""
    request = first_request(vm) or {}
    return request.get("action") == "Start" and (request.get("data") or {}).get("paused") == "true"


def done_requests(requests: list[Any], instance: Document | None) -> list[Any]:
    """
    What is left of the state change requests when the first has been carried out (reference 3.2).

    A stop is done when there is no instance, or another one than it names; a start when an instance is there that neither ends nor goes.
    """
    if not requests:
        return requests
    first = requests[0]
    if first.get("action") == "Stop":
        done = instance is None or not first.get("uid") or first["uid"] != instance["metadata"].get("uid")
    else:
        done = instance is not None and not is_deleting(instance) and not is_final(instance)
    return requests[1:] if done else requests


def wish(vm: Document, instance: Document | None) -> Wish:
    """
    Say what the VM wants of its instance, according to its strategy and its pending request.

    An instance that is being deleted is left alone: the answer is KEEP until it is gone.
    """
    if is_deleting(instance):
        return KEEP
    strategy = effective(vm["spec"])
    match strategy:
        case RunStrategy.ALWAYS:
            return _always(vm, instance)
        case RunStrategy.HALTED:
            return _halted(vm, instance)
        case RunStrategy.MANUAL:
            return _manual(vm, instance)
        case RunStrategy.RERUN_ON_FAILURE:
            return _rerun_on_failure(vm, instance)
        case RunStrategy.ONCE | RunStrategy.WAIT_AS_RECEIVER:
            return Wish(Action.START) if instance is None else KEEP


def _always(vm: Document, instance: Document | None) -> Wish:
    if instance is None:
        return Wish(Action.START, waits_for_back_off=True)
    return Wish(Action.STOP) if is_final(instance) or is_asked_to_stop(vm, instance) else KEEP


def _halted(vm: Document, instance: Document | None) -> Wish:
    if instance is not None:
        return Wish(Action.STOP)
    return Wish(Action.SWITCH_ON) if is_asked_to_start(vm) else KEEP


def _manual(vm: Document, instance: Document | None) -> Wish:
    if instance is None:
        return Wish(Action.START) if is_asked_to_start(vm) else KEEP
    return Wish(Action.STOP) if is_asked_to_stop(vm, instance) else KEEP


def _rerun_on_failure(vm: Document, instance: Document | None) -> Wish:
    if instance is None:
        # A VM that comes from another strategy (or is new) starts; one that already ran under this strategy ended on purpose.
        arrived = (vm.get("status") or {}).get("runStrategy") == RunStrategy.RERUN_ON_FAILURE
        if arrived and not is_asked_to_start(vm):
            return KEEP
        return Wish(Action.START, waits_for_back_off=True)
    if is_final(instance) or is_asked_to_stop(vm, instance):
        failed = phase(instance) == "Failed"
        return Wish(Action.STOP, asks_to_start=failed and not is_asked_to_start(vm))
    return KEEP
