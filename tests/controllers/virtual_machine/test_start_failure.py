"""The crash-loop back-off of reference kubevirt-vm.md 3.1."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from solovirt.controllers.virtual_machine import start_failure

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def low(least: int, most: int) -> int:
    return least


def high(least: int, most: int) -> int:
    return most


def machine(strategy: str = "Always", **failure: Any) -> dict[str, Any]:
    return {"spec": {"runStrategy": strategy}, "status": {"startFailure": failure} if failure else {}}


def failed(uid: str = "a", *, ran: bool = False) -> dict[str, Any]:
    phases = ["Pending", "Scheduling", *(["Running"] if ran else []), "Failed"]
    return {
        "metadata": {"uid": uid},
        "status": {"phase": "Failed", "phaseTransitionTimestamps": [{"phase": phase} for phase in phases]},
    }


@pytest.mark.parametrize(
    ("failures", "least", "most"),
    [(1, 10, 15), (2, 40, 60), (3, 90, 135), (4, 160, 240), (5, 250, 300), (6, 300, 300), (50, 300, 300)],
)
def test_delays_grow_with_the_square_and_end_at_five_minutes(failures, least, most):
    assert (start_failure.delay_seconds(failures, low), start_failure.delay_seconds(failures, high)) == (least, most)


def test_an_instance_that_never_ran_counts_once():
    first = start_failure.after(machine(), failed("a"), NOW, draw=low)
    assert first == {
        "consecutiveFailCount": 1,
        "lastFailedVMIUID": "a",
        "retryAfterTimestamp": "2026-01-01T00:00:10Z",
    }
    assert start_failure.after(machine(**first), failed("a"), NOW + timedelta(seconds=5), draw=low) == first
    second = start_failure.after(machine(**first), failed("b"), NOW, draw=low)
    assert second is not None
    assert (second["consecutiveFailCount"], second["retryAfterTimestamp"]) == (2, "2026-01-01T00:00:40Z")


def test_having_run_clears_the_count():
    assert start_failure.after(machine(consecutiveFailCount=3), failed(ran=True), NOW) is None


@pytest.mark.parametrize(
    ("strategy", "kept"),
    [("Always", True), ("RerunOnFailure", True), ("Once", True), ("Manual", False), ("Halted", False)],
)
def test_strategies_that_do_not_restart_clear_the_count(strategy, kept):
    found = start_failure.after(machine(strategy, consecutiveFailCount=3), None, NOW)
    assert found == ({"consecutiveFailCount": 3} if kept else None)


def test_time_left_ends_at_the_time_stamp():
    waiting = machine(retryAfterTimestamp="2026-01-01T00:00:40Z")
    assert start_failure.time_left(waiting, NOW) == timedelta(seconds=40)
    assert start_failure.time_left(machine(), NOW) == timedelta(0)
