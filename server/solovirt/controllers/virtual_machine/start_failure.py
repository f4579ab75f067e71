"""
The crash-loop back-off: `status.startFailure` of a VirtualMachine (reference kubevirt-vm.md 3.1).

An instance that ends without ever having run counts once, by its uid. The state is all in the VM's status, so a restart of the server
neither forgets a back-off nor counts a failure twice.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from solovirt.controllers.virtual_machine import run_strategy
from solovirt.kinds.kubevirt.run_strategy import RunStrategy, effective
from solovirt.machinery.clock import parse_timestamp, timestamp
from solovirt.machinery.resource import Document

MAX_DELAY_SECONDS = 300
_COUNTING = (RunStrategy.ALWAYS, RunStrategy.RERUN_ON_FAILURE, RunStrategy.ONCE)

Draw = Callable[[int, int], int]
"""A random integer between two bounds, both included (`random.randint`)."""


def delay_seconds(failures: int, draw: Draw = random.randint) -> int:
    """
    How long to wait after so many failures in a row: 10·n² and up to half of that more, at most five minutes.

    One failure waits 10 to 15 seconds, two 40 to 60, six and more always 300.
    """
    base = 10 * failures**2
    return min(MAX_DELAY_SECONDS, base + draw(0, base // 2))


def has_run(instance: Document | None) -> bool:
    """Whether the instance was ever Running."""
    transitions = ((instance or {}).get("status") or {}).get("phaseTransitionTimestamps") or []
    return any(transition.get("phase") == "Running" for transition in transitions)


def after(
    vm: Document, instance: Document | None, now: datetime, *, draw: Draw = random.randint
) -> dict[str, Any] | None:
    """What `status.startFailure` should be, given the instance as it is; the one there now if nothing has happened."""
    current: dict[str, Any] | None = (vm.get("status") or {}).get("startFailure")
    if has_run(instance) or effective(vm["spec"]) not in _COUNTING:
        return None
    if instance is None or not run_strategy.is_final(instance):
        return current
    uid = instance["metadata"]["uid"]
    if current is not None and current.get("lastFailedVMIUID") == uid:
        return current
    count = int(str((current or {}).get("consecutiveFailCount") or 0)) + 1
    return {
        "consecutiveFailCount": count,
        "lastFailedVMIUID": uid,
        "retryAfterTimestamp": timestamp(now + timedelta(seconds=delay_seconds(count, draw))),
    }


def time_left(vm: Document, now: datetime) -> timedelta:
    """How long a start still has to wait; zero or less if it need not."""
    failure = (vm.get("status") or {}).get("startFailure") or {}
    until = failure.get("retryAfterTimestamp")
    return parse_timestamp(until) - now if until else timedelta(0)
