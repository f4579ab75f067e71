"""A VirtualMachine's instance comes and goes as its strategy says (reference kubevirt-vm.md 3 and 10)."""

from __future__ import annotations

import pytest

from solovirt.kinds.kubevirt import names
from solovirt.machinery.resource import ObjectKey
from tests.controllers.conftest import machine

KEY = ObjectKey("default", "vm")


async def test_a_running_vm_gets_an_instance(world):
    vm = await world.vm(machine(running=True))
    instance = world.the_instance()
    assert [one["uid"] for one in instance["metadata"]["ownerReferences"]] == [vm["metadata"]["uid"]]
    assert set(instance["metadata"]["finalizers"]) == {
        "kubevirt.io/virtualMachineControllerFinalize",
        "kubevirt.io/foregroundDeleteVirtualMachine",
    }
    assert world.word() == "Starting"
    assert world.events() == [
        ("Normal", "SuccessfulCreate", "Started the virtual machine by creating the new virtual machine instance vm")
    ]
    await world.instance_is("Running")
    status = world.the_vm()["status"]
    assert (status["created"], status["ready"], status["printableStatus"]) == (True, True, "Running")
    assert status["runStrategy"] == "Always"
    assert (status["observedGeneration"], status["desiredGeneration"]) == (1, 1)


async def test_a_vm_that_is_not_running_has_none(world):
    await world.vm(machine(running=False))
    assert world.instance() is None
    status = world.the_vm()["status"]
    assert status["printableStatus"] == "Stopped"
    assert "runStrategy" not in status
    assert [one["reason"] for one in status["conditions"]] == ["VMINotExists"]


async def test_switching_off_deletes_the_instance_and_tells(world):
    await world.vm(machine(running=True))
    await world.instance_is("Running")
    uid = world.the_instance()["metadata"]["uid"]
    await world.edit(names.VIRTUAL_MACHINES, "vm", running=False)
    assert world.the_instance()["metadata"]["deletionTimestamp"]
    assert world.word() == "Stopping"
    message = f"Stopped the virtual machine by deleting the virtual machine instance {uid}"
    assert world.events("SuccessfulDelete") == [("Normal", "SuccessfulDelete", message)]
    await world.instance_is("Succeeded")
    assert world.instance() is None
    assert world.word() == "Stopped"


@pytest.mark.parametrize(
    ("strategy", "phase", "comes_back"),
    [
        ("Always", "Succeeded", True),
        ("Always", "Failed", True),
        ("RerunOnFailure", "Succeeded", False),
        ("RerunOnFailure", "Failed", True),
    ],
)
async def test_an_instance_that_ran_and_ended_is_replaced_at_once(world, strategy, phase, comes_back):
    await world.vm(machine(runStrategy=strategy))
    first = world.the_instance()["metadata"]["uid"]
    await world.instance_is("Running")
    await world.instance_is(phase)
    instance = world.instance()
    assert (instance is not None) is comes_back
    if instance is not None:
        assert instance["metadata"]["uid"] != first
        assert not world.the_vm()["status"].get("stateChangeRequests")


@pytest.mark.parametrize("strategy", ["Manual", "Once"])
@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
async def test_manual_and_once_keep_what_has_ended(world, strategy, phase):
    await world.vm(machine(runStrategy=strategy))
    if strategy == "Manual":
        assert world.instance() is None
        await world.ask({"action": "Start"})
    uid = world.the_instance()["metadata"]["uid"]
    await world.instance_is("Running")
    await world.instance_is(phase)
    assert world.the_instance()["metadata"]["uid"] == uid
    assert world.word() == "Stopped"


async def test_a_crash_loop_backs_off_and_is_counted(world):
    await world.vm(machine(runStrategy="Always"))
    await world.instance_is("Failed")
    assert world.instance() is None
    assert world.word() == "CrashLoopBackOff"
    assert world.the_vm()["status"]["startFailure"]["consecutiveFailCount"] == 1
    # 10 to 15 seconds, then 40 to 60 (reference 3.1).
    await world.advance(9)
    assert world.instance() is None
    await world.advance(7)
    assert world.word() == "Starting"
    await world.instance_is("Failed")
    assert world.the_vm()["status"]["startFailure"]["consecutiveFailCount"] == 2
    await world.advance(39)
    assert world.instance() is None
    await world.advance(22)
    assert world.instance() is not None
    await world.instance_is("Running")
    assert "startFailure" not in world.the_vm()["status"]


async def test_a_stop_request_restarts_an_always_running_vm(world):
    await world.vm(machine(runStrategy="Always"))
    await world.instance_is("Running")
    uid = world.the_instance()["metadata"]["uid"]
    await world.ask({"action": "Stop", "uid": uid}, {"action": "Start"})
    await world.instance_is("Succeeded")
    assert world.the_instance()["metadata"]["uid"] != uid
    assert not world.the_vm()["status"].get("stateChangeRequests")


async def test_a_start_request_switches_a_halted_vm_on(world):
    await world.vm(machine(runStrategy="Halted"))
    await world.ask({"action": "Start", "data": {"paused": "true"}})
    assert world.the_vm()["spec"]["runStrategy"] == "Always"
    assert world.the_instance()["spec"]["startStrategy"] == "Paused"


async def test_deleting_the_vm_waits_for_its_instance(world):
    await world.vm(machine(running=True))
    await world.instance_is("Running")
    await world.user.delete(names.VIRTUAL_MACHINES, KEY)
    await world.manager.settle()
    assert world.word() == "Terminating"
    assert world.the_instance()["metadata"]["deletionTimestamp"]
    await world.instance_is("Succeeded")
    assert world.instance() is None
    assert world.get(names.VIRTUAL_MACHINES, "vm") is None


async def test_an_instance_of_another_owner_is_none_of_the_vms_business(world):
    other = {
        "metadata": {
            "name": "vm",
            "namespace": "default",
            "ownerReferences": [
                {
                    "apiVersion": "kubevirt.io/v1",
                    "kind": "VirtualMachineInstanceReplicaSet",
                    "name": "set",
                    "uid": "2b1c",
                    "controller": True,
                }
            ],
        },
        "spec": {"domain": {"devices": {}, "memory": {"guest": "64Mi"}}},
    }
    await world.create(names.VIRTUAL_MACHINE_INSTANCES, other)
    await world.vm(machine(running=True))
    vm = world.the_vm()
    assert "created" not in vm["status"]
    failure = next(one for one in vm["status"]["conditions"] if one["type"] == "Failure")
    assert failure["reason"] == "FailedCreate"
    assert failure["message"].startswith("Failure while starting VMI: ")
    assert world.events("FailedCreate")[0][2].startswith("Error creating virtual machine instance: ")


async def test_an_instance_that_nobody_owns_is_adopted(world):
    bare = {
        "metadata": {"name": "vm", "namespace": "default"},
        "spec": {"domain": {"devices": {}, "memory": {"guest": "64Mi"}}},
    }
    made = await world.create(names.VIRTUAL_MACHINE_INSTANCES, bare)
    vm = await world.vm(machine(running=True))
    owners = world.the_instance()["metadata"]["ownerReferences"]
    assert [one["uid"] for one in owners] == [vm["metadata"]["uid"]]
    assert world.the_instance()["metadata"]["uid"] == made["metadata"]["uid"]


async def test_a_changed_template_asks_for_a_restart(world):
    await world.vm(machine(running=True))
    await world.instance_is("Running")
    template = world.the_vm()["spec"]["template"]
    before = {**template, "spec": {**template["spec"]}}
    template["spec"]["hostname"] = "other"
    await world.edit(names.VIRTUAL_MACHINES, "vm", template=template)
    found = {one["type"]: one for one in world.the_vm()["status"]["conditions"]}
    assert found["RestartRequired"]["message"] == "a non-live-updatable field was changed in the template spec"
    status = world.the_vm()["status"]
    assert (status["observedGeneration"], status["desiredGeneration"]) == (1, 2)
    await world.edit(names.VIRTUAL_MACHINES, "vm", template=before)
    assert "RestartRequired" not in {one["type"] for one in world.the_vm()["status"]["conditions"]}


async def test_a_changed_strategy_needs_no_restart(world):
    await world.vm(machine(runStrategy="Always"))
    await world.instance_is("Running")
    await world.edit(names.VIRTUAL_MACHINES, "vm", runStrategy="Manual")
    status = world.the_vm()["status"]
    assert (status["observedGeneration"], status["desiredGeneration"]) == (2, 2)
    assert "RestartRequired" not in {one["type"] for one in status["conditions"]}


async def test_each_start_keeps_one_revision(world):
    vm = await world.vm(machine(running=True))
    await world.edit(names.VIRTUAL_MACHINES, "vm", running=False)
    await world.instance_is("Failed")
    await world.edit(names.VIRTUAL_MACHINES, "vm", running=True)
    revisions = list(world.user.list(names.CONTROLLER_REVISIONS))
    assert [(one["metadata"]["name"], one["revision"]) for one in revisions] == [
        (f"revision-start-vm-{vm['metadata']['uid']}-3", 3)
    ]
    assert revisions[0]["data"]["spec"]["running"] is True


async def test_reconciling_again_writes_nothing(world):
    await world.vm(machine(running=True))
    await world.instance_is("Running")
    before = world.store.now.revision
    await world.advance(60)
    assert world.store.now.revision == before


async def test_few_writes_lead_to_running(world):
    before = world.store.now.revision
    await world.vm(machine(running=True))
    await world.instance_is("Running")
    # The stand-in's one edit counts too: VM, finalizer, revision, instance, event, status, instance, status.
    assert world.store.now.revision - before <= 8
