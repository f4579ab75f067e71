"""Each run strategy through all that can happen to a machine: kubevirt-vm.md 3, the table; kubevirt-subresources.md 3 for the refusals."""

from __future__ import annotations

import pytest

from tests.journeys.conftest import Journey

KEPT, NEW, GONE = "kept", "new", "gone"
RUNNING, STOPPED = ("Running", "True"), ("Stopped", "False")

# Strategy, what happens, what is seen of the machine afterwards, what became of its instance, and the strategy that it then has.
ROWS = [
    ("Always", "power off", RUNNING, NEW, "Always"),
    ("Always", "crash", RUNNING, NEW, "Always"),
    ("Always", "delete vmi", RUNNING, NEW, "Always"),
    ("Always", "stop", STOPPED, GONE, "Halted"),
    ("Always", "restart", RUNNING, NEW, "Always"),
    ("Always", "Halted", STOPPED, GONE, "Halted"),
    ("Always", "Manual", RUNNING, KEPT, "Manual"),
    ("Manual", "power off", STOPPED, KEPT, "Manual"),
    ("Manual", "crash", STOPPED, KEPT, "Manual"),
    ("Manual", "delete vmi", STOPPED, GONE, "Manual"),
    ("Manual", "stop", STOPPED, GONE, "Manual"),
    ("Manual", "restart", RUNNING, NEW, "Manual"),
    ("Manual", "Halted", STOPPED, GONE, "Halted"),
    ("RerunOnFailure", "power off", STOPPED, GONE, "RerunOnFailure"),
    ("RerunOnFailure", "crash", RUNNING, NEW, "RerunOnFailure"),
    ("RerunOnFailure", "delete vmi", STOPPED, GONE, "RerunOnFailure"),
    ("RerunOnFailure", "stop", STOPPED, GONE, "RerunOnFailure"),
    ("RerunOnFailure", "restart", RUNNING, NEW, "RerunOnFailure"),
    ("RerunOnFailure", "Halted", STOPPED, GONE, "Halted"),
    ("Once", "power off", STOPPED, KEPT, "Once"),
    ("Once", "crash", STOPPED, KEPT, "Once"),
    ("Once", "delete vmi", RUNNING, NEW, "Once"),
    ("Once", "stop", STOPPED, GONE, "Halted"),
    ("Once", "Halted", STOPPED, GONE, "Halted"),
    ("Once", "Always", RUNNING, KEPT, "Always"),
]


def happen(journey: Journey, event: str) -> None:
    match event:
        case "power off":
            journey.power_off()
        case "crash":
            journey.crash()
        case "delete vmi":
            journey.delete("vmi")
        case "start" | "stop" | "restart":
            assert journey.ask(event) == ""
        case strategy:
            journey.patch(runStrategy=strategy)


def run(journey: Journey, strategy: str) -> None:
    """A machine under this strategy that runs."""
    journey.start(runStrategy=strategy)
    if strategy == "Manual":
        assert journey.shown() == STOPPED
        happen(journey, "start")
        journey.advance(5)
    assert journey.shown() == RUNNING


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "event", "shown", "fate", "then"), ROWS, ids=[f"{one[0]}, {one[1]}" for one in ROWS]
)
def test_what_becomes_of_a_running_machine(journey: Journey, strategy, event, shown, fate, then):
    run(journey, strategy)
    before = journey.uid()
    happen(journey, event)
    journey.advance(40)
    assert journey.shown() == shown
    after = journey.uid()
    assert (KEPT if after == before else NEW if after else GONE) == fate
    assert journey.value("vm", "{.spec.runStrategy}") == then
    assert journey.value("vm", "{.status.stateChangeRequests}") == ""
    if fate == KEPT and shown == STOPPED:
        assert journey.instance() == ("Failed" if event == "crash" else "Succeeded")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "event", "refusal"),
    [
        ("Always", "start", "VM is already running"),
        ("Manual", "start", "VM is already running"),
        ("RerunOnFailure", "start", "VM is already running"),
        ("Once", "start", "VM is already running"),
        ("Once", "restart", "RunStategy Once does not support manual restart requests"),
    ],
)
def test_what_a_running_machine_refuses(journey: Journey, strategy, event, refusal):
    run(journey, strategy)
    assert journey.ask(event).endswith(f': Operation cannot be fulfilled on virtualmachine.kubevirt.io "vm": {refusal}')


@pytest.mark.slow
def test_a_halted_machine(journey: Journey):
    journey.start(runStrategy="Halted")
    assert journey.shown() == STOPPED
    assert journey.ask("stop").endswith("VM is not running")
    assert journey.ask("restart").endswith("RunStategy Halted does not support manual restart requests")
    happen(journey, "start")
    journey.advance(5)
    assert (journey.shown(), journey.value("vm", "{.spec.runStrategy}")) == (RUNNING, "Always")


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["Always", "RerunOnFailure", "Once"])
def test_a_halted_machine_starts_with_its_new_strategy(journey: Journey, strategy):
    journey.start(runStrategy="Halted")
    journey.patch(runStrategy=strategy)
    journey.advance(5)
    assert journey.shown() == RUNNING


@pytest.mark.slow
def test_a_machine_that_rested_after_a_power_off_can_be_started_again(journey: Journey):
    run(journey, "RerunOnFailure")
    happen(journey, "power off")
    journey.advance(5)
    assert journey.shown() == STOPPED
    happen(journey, "start")
    journey.advance(5)
    assert journey.shown() == RUNNING


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["Always", "Manual", "RerunOnFailure", "Once"])
def test_a_deleted_machine_takes_everything_along(journey: Journey, strategy):
    run(journey, strategy)
    journey.delete("vm")
    assert journey.shown()[0] == "Terminating"
    journey.advance(40)
    assert journey.kubectl("get", "vm,vmi,pods,controllerrevisions", "-o", "name") == ""
