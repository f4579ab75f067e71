"""A VM's conditions, reference kubevirt-vm.md 4.2."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from solovirt.controllers.virtual_machine.conditions import Failure, conditions

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 1, 2, tzinfo=UTC)


def machine(*present: dict[str, Any]) -> dict[str, Any]:
    return {"status": {"conditions": list(present)}}


def instance(*present: dict[str, Any]) -> dict[str, Any]:
    return {"status": {"conditions": list(present)}}


def by_type(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {one["type"]: one for one in found}


def test_without_an_instance_the_vm_is_not_ready():
    assert conditions(machine(), None, now=NOW) == [
        {
            "type": "Ready",
            "status": "False",
            "lastProbeTime": "2026-01-01T00:00:00Z",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
            "reason": "VMINotExists",
            "message": "VMI does not exist",
        }
    ]


def test_an_instance_without_ready_is_missing_it():
    (ready,) = conditions(machine(), instance(), now=NOW)
    assert (ready["reason"], ready["message"]) == ("VMIConditionMissing", "VMI is missing the Ready condition")


def test_conditions_of_the_instance_are_mirrored_and_go_while_it_lives():
    ready = {"type": "Ready", "status": "True", "lastProbeTime": None, "lastTransitionTime": "2025-12-31T00:00:00Z"}
    paused = {"type": "Paused", "status": "True", "reason": "PausedByUser"}
    found = conditions(machine(), instance(ready, paused), now=NOW)
    assert found == [ready, paused]
    assert conditions(machine(*found), instance(ready), now=NOW) == [ready]


def test_mirrored_conditions_outlive_the_instance():
    migratable = {"type": "LiveMigratable", "status": "True"}
    assert conditions(machine(migratable), None, now=NOW)[0] == migratable


def test_a_condition_is_replaced_only_if_status_or_reason_changed():
    failure = Failure("FailedCreate", "Failure while starting VMI: one")
    (_, first) = conditions(machine(), None, now=NOW, failure=failure)
    again = conditions(
        machine(first), None, now=LATER, failure=Failure("FailedCreate", "Failure while starting VMI: two")
    )
    assert by_type(again)["Failure"] == first
    other = conditions(machine(first), None, now=LATER, failure=Failure("FailedDelete", "no"))
    assert by_type(other)["Failure"]["lastTransitionTime"] == "2026-01-02T00:00:00Z"
    assert "Failure" not in by_type(conditions(machine(first), None, now=LATER))


def test_restart_required_has_a_message_and_no_reason():
    found = by_type(conditions(machine(), None, now=NOW, why_restart="why"))["RestartRequired"]
    assert (found["status"], found["message"], "reason" in found) == ("True", "why", False)


def test_what_takes_a_restart_is_told_anew_unless_it_is_something_else_altogether():
    """A live change is looked at anew each time; any other leaves what has been said (section 4.2, last sentence)."""
    other = "a non-live-updatable field was changed in the template spec"

    def told(*messages: str) -> str:
        found: list[dict[str, Any]] = []
        for message in messages:
            found = conditions(machine(*found), None, now=NOW, why_restart=message)
        return str(by_type(found)["RestartRequired"]["message"])

    assert told("fewer sockets", "more sockets") == "more sockets"
    assert told(other, "more sockets") == "more sockets"
    assert told("more sockets", other) == "more sockets"
