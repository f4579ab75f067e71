"""The table of reference kubevirt-vm.md 3, cell by cell."""

from __future__ import annotations

from typing import Any

import pytest

from solovirt.controllers.virtual_machine import run_strategy
from solovirt.controllers.virtual_machine.run_strategy import Action
from solovirt.kinds.kubevirt.run_strategy import RunStrategy, effective

UID = "5d3b6c1e-0000-4000-8000-000000000001"
OTHER_UID = "5d3b6c1e-0000-4000-8000-000000000002"
STRATEGIES = ("Always", "Halted", "Manual", "RerunOnFailure", "Once")
STOP = {"action": "Stop", "uid": UID}
STOP_OTHER = {"action": "Stop", "uid": OTHER_UID}
START = {"action": "Start"}


def machine(strategy: str, *requests: dict[str, Any], ran_as: str | None = None) -> dict[str, Any]:
    status: dict[str, Any] = {"stateChangeRequests": list(requests)}
    if ran_as:
        status["runStrategy"] = ran_as
    return {"metadata": {"name": "vm"}, "spec": {"runStrategy": strategy}, "status": status}


def instance(phase: str, *, deleting: bool = False) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": "vm", "uid": UID}
    if deleting:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {"metadata": metadata, "status": {"phase": phase}}


@pytest.mark.parametrize(
    ("event", "of_instance", "requests", "expected"),
    [
        # "VM created": no strategy was ever recorded in the status.
        ("created", None, (), {"Always": "start", "Halted": "keep", "Manual": "keep", "RerunOnFailure": "start", "Once": "start"}),
        ("powers off", "Succeeded", (), {"Always": "stop", "Halted": "stop", "Manual": "keep", "RerunOnFailure": "stop", "Once": "keep"}),
        ("crashes", "Failed", (), {"Always": "stop", "Halted": "stop", "Manual": "keep", "RerunOnFailure": "stop", "Once": "keep"}),
        ("runs", "Running", (), {"Always": "keep", "Halted": "stop", "Manual": "keep", "RerunOnFailure": "keep", "Once": "keep"}),
        ("is scheduled", "Scheduled", (), {"Always": "keep", "Halted": "stop", "Manual": "keep", "RerunOnFailure": "keep", "Once": "keep"}),
        ("stop asked", "Running", (STOP,), {"Always": "stop", "Halted": "stop", "Manual": "stop", "RerunOnFailure": "stop", "Once": "keep"}),
        ("stop of another asked", "Running", (STOP_OTHER,), {"Always": "keep", "Halted": "stop", "Manual": "keep", "RerunOnFailure": "keep", "Once": "keep"}),
        ("start asked", None, (START,), {"Always": "start", "Halted": "switch on", "Manual": "start", "RerunOnFailure": "start", "Once": "start"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_run_strategy_follows_the_table(event, of_instance, requests, expected, strategy):
    found = run_strategy.wish(machine(strategy, *requests), instance(of_instance) if of_instance else None)
    assert found.action == expected[strategy], event


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [("Always", "start"), ("Halted", "keep"), ("Manual", "keep"), ("RerunOnFailure", "keep"), ("Once", "start")],
)
def test_an_instance_that_a_user_deleted_comes_back_where_the_table_says_so(strategy, expected):
    """Row "VMI object deleted by a user" (today's column): the strategy has been recorded in the status by then."""
    assert run_strategy.wish(machine(strategy, ran_as=strategy), None).action == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("Always", "Halted", "keep"),
        ("Halted", "Always", "start"),
        ("Manual", "Always", "start"),
        ("Halted", "RerunOnFailure", "start"),
        ("Manual", "RerunOnFailure", "start"),
        ("Once", "RerunOnFailure", "start"),
        (None, "RerunOnFailure", "start"),
        ("RerunOnFailure", "RerunOnFailure", "keep"),
    ],
)
def test_changing_the_strategy_without_an_instance(before, after, expected):
    assert run_strategy.wish(machine(after, ran_as=before), None).action == expected


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_instance_that_is_going_is_left_alone(strategy):
    assert run_strategy.wish(machine(strategy, STOP), instance("Running", deleting=True)) == run_strategy.KEEP


def test_a_crash_under_rerun_on_failure_queues_a_start():
    assert run_strategy.wish(machine("RerunOnFailure"), instance("Failed")).asks_to_start
    assert not run_strategy.wish(machine("RerunOnFailure"), instance("Succeeded")).asks_to_start
    assert not run_strategy.wish(machine("RerunOnFailure", START), instance("Failed")).asks_to_start


@pytest.mark.parametrize(
    ("strategy", "waits"),
    [("Always", True), ("RerunOnFailure", True), ("Once", False), ("Manual", False)],
)
def test_only_always_and_rerun_on_failure_wait_for_the_back_off(strategy, waits):
    """Reference 3.1, last sentence."""
    wish = run_strategy.wish(machine(strategy, START), None)
    assert (wish.action, wish.waits_for_back_off) == (Action.START, waits)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"running": True}, RunStrategy.ALWAYS),
        ({"running": False}, RunStrategy.HALTED),
        ({}, RunStrategy.HALTED),
        ({"runStrategy": "Once"}, RunStrategy.ONCE),
        ({"runStrategy": "Sometimes"}, RunStrategy.HALTED),
    ],
)
def test_running_amounts_to_a_strategy(spec, expected):
    assert effective(spec) is expected


@pytest.mark.parametrize(
    ("requests", "of_instance", "left"),
    [
        ([], None, []),
        ([STOP], None, []),
        ([STOP], instance("Running"), [STOP]),
        ([STOP_OTHER], instance("Running"), []),
        ([{"action": "Stop"}], instance("Running"), []),
        ([STOP, START], None, [START]),
        ([START], None, [START]),
        ([START], instance("Scheduling"), []),
        ([START], instance("Failed"), [START]),
        ([START], instance("Running", deleting=True), [START]),
    ],
)
def test_only_the_first_request_is_popped_and_only_when_it_is_done(requests, of_instance, left):
    """Reference 3.2."""
    assert run_strategy.done_requests(requests, of_instance) == left


def test_a_start_may_ask_for_a_paused_guest():
    assert run_strategy.is_asked_to_start_paused(machine("Manual", {"action": "Start", "data": {"paused": "true"}}))
    assert not run_strategy.is_asked_to_start_paused(machine("Manual", START))
