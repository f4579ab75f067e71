"""Strategies and events on the controller itself (kubevirt-vm.md 3, 3.1, 3.2, 4 and 5): what the table of `test_run_strategy` comes to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from solovirt.kinds.kubevirt import names
from solovirt.machinery.clock import parse_timestamp
from solovirt.machinery.resource import Document, ObjectKey
from tests.controllers.conftest import World, machine
from tests.controllers.virtual_machine.running import KEY, configure, failure
from tests.controllers.virtual_machine.test_data_volume_templates import with_disk

STRATEGIES = ("Always", "Halted", "Manual", "RerunOnFailure", "Once")


async def started(world: World, strategy: str, phase: str = "Running") -> str:
    """A VM of this strategy with an instance in *phase*; returns the instance's uid."""
    await world.vm(machine(runStrategy=strategy))
    if strategy == "Manual":
        await world.ask({"action": "Start"})
    uid = str(world.the_instance()["metadata"]["uid"])
    await world.instance_is("Running")
    if phase != "Running":
        await world.instance_is(phase)
    return uid


async def delete_instance(world: World) -> None:
    await world.user.delete(names.VIRTUAL_MACHINE_INSTANCES, KEY)
    await world.manager.settle()
    await world.instance_is("Succeeded")


def uid_of(world: World) -> str | None:
    instance = world.instance()
    return None if instance is None else str(instance["metadata"]["uid"])


@pytest.mark.parametrize(
    ("strategy", "comes_back"),
    [("Always", True), ("Manual", False), ("RerunOnFailure", False), ("Once", True)],
)
async def test_an_instance_that_its_user_deletes(world, strategy, comes_back):
    """Row "VMI object deleted by a user"."""
    before = await started(world, strategy)
    await delete_instance(world)
    assert (uid_of(world) is not None) is comes_back
    assert uid_of(world) != before


@pytest.mark.parametrize(
    ("strategy", "after"),
    [("Always", "recreated"), ("Manual", "gone"), ("RerunOnFailure", "gone"), ("Once", "untouched")],
)
async def test_a_queued_stop_of_this_very_instance(world, strategy, after):
    """Row "Queued Stop with matching uid"."""
    before = await started(world, strategy)
    await world.ask({"action": "Stop", "uid": before})
    if after == "untouched":
        assert "deletionTimestamp" not in world.the_instance()["metadata"]
        return
    assert world.the_instance()["metadata"]["deletionTimestamp"]
    await world.instance_is("Succeeded")
    assert (uid_of(world) is None) is (after == "gone")
    assert not world.the_vm()["status"].get("stateChangeRequests")


@pytest.mark.parametrize("strategy", ["Always", "Manual", "RerunOnFailure", "Once"])
async def test_halting_deletes_the_instance(world, strategy):
    """Row "Strategy changed to Halted"."""
    await started(world, strategy)
    await world.edit(names.VIRTUAL_MACHINES, "vm", runStrategy="Halted")
    assert world.the_instance()["metadata"]["deletionTimestamp"]
    await world.instance_is("Succeeded")
    assert uid_of(world) is None
    assert world.word() == "Stopped"
    assert world.the_vm()["status"]["runStrategy"] == "Halted"


@pytest.mark.parametrize("strategy", ["Manual", "Once"])
@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
async def test_always_replaces_what_has_ended(world, strategy, phase):
    """Row "Strategy changed to Always": a final VMI is deleted and recreated."""
    before = await started(world, strategy, phase)
    assert uid_of(world) == before
    await world.edit(names.VIRTUAL_MACHINES, "vm", runStrategy="Always")
    assert uid_of(world) not in (None, before)


@pytest.mark.parametrize("strategy", ["Halted", "Manual"])
async def test_always_starts_what_is_not_there(world, strategy):
    await world.vm(machine(runStrategy=strategy))
    assert uid_of(world) is None
    await world.edit(names.VIRTUAL_MACHINES, "vm", runStrategy="Always")
    assert uid_of(world) is not None


@pytest.mark.parametrize("strategy", ["Halted", "Manual"])
async def test_rerun_on_failure_starts_what_comes_to_it(world, strategy):
    """Row "Changed to RerunOnFailure, no VMI", also when status.runStrategy is empty."""
    await world.vm(machine(runStrategy=strategy))
    assert "runStrategy" not in world.the_vm()["status"]
    await world.edit(names.VIRTUAL_MACHINES, "vm", runStrategy="RerunOnFailure")
    assert uid_of(world) is not None
    assert world.the_vm()["status"]["runStrategy"] == "RerunOnFailure"


async def test_rerun_on_failure_lets_a_guest_that_powered_off_rest(world):
    await started(world, "RerunOnFailure", "Succeeded")
    assert uid_of(world) is None
    assert world.word() == "Stopped"
    await world.ask({"action": "Start"})
    assert uid_of(world) is not None


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_deleting_the_machine_takes_its_instance_along(world, strategy):
    """Row "VM deleted"."""
    await world.vm(machine(runStrategy=strategy))
    if strategy == "Manual":
        await world.ask({"action": "Start"})
    has_instance = uid_of(world) is not None
    await world.user.delete(names.VIRTUAL_MACHINES, KEY)
    await world.manager.settle()
    if has_instance:
        assert world.word() == "Terminating"
        await world.instance_is("Succeeded")
    assert world.instance() is None
    assert world.get(names.VIRTUAL_MACHINES, "vm") is None


async def test_an_orphaned_instance_runs_on(world):
    """Section 5: with propagationPolicy Orphan the VMI is left running."""
    before = await started(world, "Always")
    await world.user.delete(names.VIRTUAL_MACHINES, KEY, propagation="Orphan")
    await world.manager.settle()
    assert uid_of(world) == before
    assert "deletionTimestamp" not in world.the_instance()["metadata"]
    finalizers = (world.get(names.VIRTUAL_MACHINES, "vm") or {"metadata": {}})["metadata"].get("finalizers") or []
    assert names.VM_CONTROLLER_FINALIZER not in finalizers


async def test_manual_recovery_keeps_a_machine_from_starting(world):
    """Section 3, blocking rules: silently."""
    await world.vm(machine(runStrategy="Manual"))

    def require(document: Document) -> None:
        status = document["status"]
        status["conditions"] = [*status["conditions"], {"type": "ManualRecoveryRequired", "status": "True"}]
        status["stateChangeRequests"] = [{"action": "Start"}]

    await world.system.edit(names.VIRTUAL_MACHINES, KEY, require, status=True)
    await world.manager.settle()
    assert uid_of(world) is None
    assert failure(world) is None


@pytest.mark.parametrize("strategy", ["Always", "RerunOnFailure", "Once"])
async def test_disks_that_are_not_ready_hold_everything_up(world, strategy):
    """Section 7, "Not ready": strategies other than Halted wait."""
    await world.vm(with_disk(runStrategy=strategy))
    assert uid_of(world) is None
    await world.edit(names.VIRTUAL_MACHINES, "vm", runStrategy="Halted")
    assert uid_of(world) is None


# Back-off


def count(world: World) -> tuple[int, int]:
    """How many starts have failed in a row, and how many seconds from now the next is due."""
    found = world.the_vm()["status"]["startFailure"]
    left = parse_timestamp(found["retryAfterTimestamp"]) - world.clock.now()
    return found["consecutiveFailCount"], round(left.total_seconds())


@pytest.mark.parametrize("strategy", ["Always", "RerunOnFailure"])
async def test_hours_of_failing_starts(world, strategy):
    """Section 3.1: base 10·n², up to half of it more, never over 300 seconds."""
    await world.vm(machine(runStrategy=strategy))
    begun = world.clock.now()
    starts = 0
    for n in range(1, 31):
        await world.instance_is("Failed")
        base = 10 * n * n
        failures, wait = count(world)
        assert failures == n
        assert min(300, base) - 1 <= wait <= min(300, base + base // 2)
        assert world.word() == "CrashLoopBackOff"
        assert uid_of(world) is None
        await world.clock.advance(wait - 1)
        await world.manager.settle()
        assert uid_of(world) is None
        await world.clock.advance(2)
        await world.manager.settle()
        assert world.word() == "Starting"
        starts += 1
    assert starts == 30
    assert world.clock.now() - begun > timedelta(hours=2)
    await world.instance_is("Running")
    assert "startFailure" not in world.the_vm()["status"]


async def test_once_notes_a_failed_start_and_tries_no_other(world):
    """Row "Failed before ever Running", Once."""
    await world.vm(machine(runStrategy="Once"))
    before = uid_of(world)
    await world.instance_is("Failed")
    assert count(world)[0] == 1
    assert world.word() == "CrashLoopBackOff"
    await world.advance(20)
    assert uid_of(world) == before


async def test_changing_to_a_strategy_that_does_not_restart_clears_the_count(world):
    await world.vm(machine(runStrategy="Always"))
    await world.instance_is("Failed")
    assert count(world)[0] == 1
    await world.edit(names.VIRTUAL_MACHINES, "vm", runStrategy="Manual")
    assert "startFailure" not in world.the_vm()["status"]
    assert world.word() == "Stopped"


# Receivers


TARGET, RESTORE = "kubevirt.io/create-migration-target", "kubevirt.io/restore-run-strategy"


async def test_a_receiver_has_an_instance_that_waits_and_takes_up_its_strategy_then(world):
    """Section 3, WaitAsReceiver."""
    vm = machine(runStrategy="WaitAsReceiver")
    vm["metadata"]["annotations"] = {RESTORE: "Always"}
    await world.vm(vm)
    assert world.the_instance()["metadata"]["annotations"][TARGET] == "true"
    await world.instance_is("WaitingForSync")
    assert world.word() == "WaitingForReceiver"
    assert world.the_vm()["status"]["runStrategy"] == "WaitAsReceiver"

    def arrive(document: Document) -> None:
        del document["metadata"]["annotations"][TARGET]
        document["status"].update(phase="Running", migrationState={"completed": True})

    await world.system.edit(names.VIRTUAL_MACHINE_INSTANCES, KEY, arrive)
    await world.manager.settle()
    assert world.the_vm()["spec"]["runStrategy"] == "Always"
    assert world.word() == "Running"


async def test_a_receiver_with_an_instance_that_does_not_wait_fails(world):
    await started(world, "Always")
    await world.edit(names.VIRTUAL_MACHINES, "vm", runStrategy="WaitAsReceiver")
    assert failure(world) == ("FailedCreate", "Found non receiver VMI while VM is receiver")


async def test_receivers_are_behind_a_gate(world):
    off: dict[str, Any] = {"disabledFeatureGates": ["DecentralizedLiveMigration"]}
    await configure(world, developerConfiguration=off)
    with pytest.raises(Exception, match="DecentralizedLiveMigration feature gate is not enabled"):
        await world.vm(machine(runStrategy="WaitAsReceiver"))


# Generations


async def test_generations_are_those_of_the_instance(world):
    """Section 4: only updated while a VMI exists; the annotation may be gone."""
    await started(world, "Always")

    def forget(document: Document) -> None:
        del document["metadata"]["annotations"]["kubevirt.io/vm-generation"]

    await world.system.edit(names.VIRTUAL_MACHINE_INSTANCES, KEY, forget)
    await world.manager.settle()
    annotations = world.the_instance()["metadata"]["annotations"]
    assert annotations["kubevirt.io/vm-generation"] == "1"
    await world.edit(names.VIRTUAL_MACHINES, "vm", runStrategy="Halted")
    await world.instance_is("Succeeded")
    before = world.the_vm()["status"]["observedGeneration"], world.the_vm()["status"]["desiredGeneration"]
    await world.edit(names.VIRTUAL_MACHINES, "vm", runStrategy="Manual")
    after = world.the_vm()["status"]["observedGeneration"], world.the_vm()["status"]["desiredGeneration"]
    assert after == before


async def test_an_instance_that_was_adopted_has_no_generation(world):
    bare = {
        "metadata": {"name": "vm", "namespace": "default"},
        "spec": {"domain": {"devices": {}, "memory": {"guest": "64Mi"}}},
    }
    await world.create(names.VIRTUAL_MACHINE_INSTANCES, bare)
    await world.vm(machine(running=True))
    assert not {"observedGeneration", "desiredGeneration"} & world.the_vm()["status"].keys()


async def test_grace_in_delete_options_means_nothing(world):
    """Section 5, Grace: only the instance's own period counts."""
    await started(world, "Always")
    await world.user.delete(names.VIRTUAL_MACHINE_INSTANCES, ObjectKey("default", "vm"), grace_seconds=0)
    await world.manager.settle()
    assert world.the_instance()["metadata"]["deletionTimestamp"]
