"""
A VirtualMachine's conditions (reference kubevirt-vm.md 4.2).

`Ready` is the instance's or says that there is none, `Failure` tells of the last reconcile, `RestartRequired` of a template that the running
instance was not made from; all others are the instance's, mirrored. A condition is replaced only if its status or reason changed, so
that a message that varies does not write forever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from solovirt.controllers.virtual_machine import restart_required
from solovirt.machinery.clock import timestamp
from solovirt.machinery.resource import Document

Condition = dict[str, Any]

_OWN = ("Ready", "Failure", "RestartRequired", "ManualRecoveryRequired")
"""Types that a VM has in its own right; they are not dropped when the instance lacks them."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a reconcile did not succeed; *reason* is one of the reference's, `FailedCreate` for example."""

    reason: str
    message: str


class SyncFailed(Exception):
    """A reconcile could not do what the VM wants; shown as condition Failure and tried again with back-off."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.failure = Failure(reason, message)


def conditions(
    vm: Document,
    instance: Document | None,
    *,
    now: datetime,
    failure: Failure | None = None,
    why_restart: str | None = None,
) -> list[Condition]:
    """The VM's conditions as they should be now. *why_restart* is the message of RestartRequired, None if that does not hold."""
    current: Sequence[Condition] = (vm.get("status") or {}).get("conditions") or []
    wanted = [_ready(instance, now)]
    if failure is not None:
        wanted.append(_made("Failure", "True", now, reason=failure.reason, message=failure.message))
    if why_restart is not None:
        wanted.append(_made("RestartRequired", "True", now, message=why_restart))
    if instance is None:
        # The last mirrored conditions stay after the instance is gone.
        wanted += [one for one in current if one["type"] not in _OWN]
    else:
        mirrored = (instance.get("status") or {}).get("conditions") or []
        wanted += [dict(one) for one in mirrored if one["type"] not in _OWN]
    wanted += [one for one in current if one["type"] == "ManualRecoveryRequired"]
    return _in_place(current, wanted)


def _ready(instance: Document | None, now: datetime) -> Condition:
    if instance is None:
        return _probed("VMINotExists", "VMI does not exist", now)
    of_instance = (instance.get("status") or {}).get("conditions") or []
    for one in of_instance:
        if one["type"] == "Ready":
            return dict(one)
    return _probed("VMIConditionMissing", "VMI is missing the Ready condition", now)


def _probed(reason: str, message: str, now: datetime) -> Condition:
    return _made("Ready", "False", now, reason=reason, message=message) | {"lastProbeTime": timestamp(now)}


def _made(type: str, status: str, now: datetime, *, reason: str | None = None, message: str | None = None) -> Condition:
    made: Condition = {"type": type, "status": status, "lastProbeTime": None, "lastTransitionTime": timestamp(now)}
    if reason is not None:
        made["reason"] = reason
    if message is not None:
        made["message"] = message
    return made


def _in_place(current: Sequence[Condition], wanted: Sequence[Condition]) -> list[Condition]:
    """*wanted*, with what only differs in message or times kept as it is, and in the order in which the conditions first came up."""
    by_type = {one["type"]: one for one in wanted}
    kept = []
    for old in current:
        new = by_type.pop(old["type"], None)
        if new is not None:
            is_same = old.get("status") == new.get("status") and old.get("reason") == new.get("reason")
            if old["type"] == "RestartRequired" and new.get("message") != restart_required.OTHER:
                # What is live is looked at anew each time; what is not only adds to what has been said.
                is_same = old.get("message") == new.get("message")
            kept.append(old if is_same else new)
    return kept + list(by_type.values())
