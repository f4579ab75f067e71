"""What a running instance takes on of its machine, and what asks for a restart (kubevirt-vm.md 3.3, 4.2 and 8)."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from solovirt.controllers.virtual_machine.conditions import SyncFailed
from solovirt.controllers.virtual_machine.updating import Updating
from solovirt.kinds.kubevirt import names
from solovirt.kinds.kubevirt.cluster import STANDARD
from solovirt.machinery.clock import timestamp
from solovirt.machinery.control.protocol import Objects
from solovirt.machinery.errors import Forbidden
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.verbs.protocol import Edit
from tests.controllers.conftest import World, machine
from tests.controllers.virtual_machine.running import (
    KEY,
    OTHER,
    configure,
    domain,
    edit,
    failure,
    instance_says,
    restart,
    runs,
    sized,
)

# Processors


async def test_more_sockets_go_to_the_running_instance(world):
    await runs(world)
    assert domain(world)["cpu"]["maxSockets"] == 8
    await edit(world, lambda spec: spec["domain"]["cpu"].update(sockets=4))
    assert domain(world)["cpu"]["sockets"] == 4
    # Four more vCPUs at a tenth of a CPU each.
    assert domain(world)["resources"]["requests"]["cpu"] == "1400m"
    assert restart(world) is None
    assert failure(world) is None


@pytest.mark.parametrize(
    ("sockets", "message"),
    [
        (9, "CPU sockets updated in template spec to a value higher than what's available"),
        (1, "Reduction of CPU socket count requires a restart"),
    ],
)
async def test_sockets_that_take_a_restart(world, sockets, message):
    await runs(world)
    await edit(world, lambda spec: spec["domain"]["cpu"].update(sockets=sockets))
    assert restart(world) == message
    assert domain(world)["cpu"]["sockets"] == 2
    # It goes away with the difference ...
    await edit(world, lambda spec: spec["domain"]["cpu"].update(sockets=2))
    assert restart(world) is None
    # ... and with a restart.
    await edit(world, lambda spec: spec["domain"]["cpu"].update(sockets=sockets))
    assert restart(world) == message
    await world.ask({"action": "Stop", "uid": world.the_instance()["metadata"]["uid"]})
    assert restart(world) is None
    await world.instance_is("Succeeded")
    assert domain(world)["cpu"]["sockets"] == sockets
    assert restart(world) is None


async def test_arm_takes_a_restart(world):
    # On arm64 the instance has no maxSockets, which is what is looked at before the architecture.
    await runs(world, sized(architecture="arm64"))
    await edit(world, lambda spec: spec["domain"]["cpu"].update(sockets=3))
    assert restart(world) == "CPU sockets updated in template spec to a value higher than what's available"


async def test_one_change_of_processors_at_a_time(world):
    await runs(world, None, "HotVCPUChange")
    await edit(world, lambda spec: spec["domain"]["cpu"].update(sockets=4))
    text = "Error encountered while handling CPU change request: another CPU hotplug is in progress"
    assert failure(world) == ("HotPlugCPUError", text)
    assert domain(world)["cpu"]["sockets"] == 2
    await instance_says(world, HotVCPUChange="False")
    assert failure(world) is None
    assert domain(world)["cpu"]["sockets"] == 4


async def migrate(world: World, *, ends: bool = False) -> None:
    def change(document: Document) -> None:
        now = timestamp(world.clock.now())
        state = document["status"].setdefault("migrationState", {"startTimestamp": now})
        if ends:
            state["endTimestamp"] = now

    await world.system.edit(names.VIRTUAL_MACHINE_INSTANCES, KEY, change)
    await world.manager.settle()


@pytest.mark.parametrize(
    ("change", "reason", "message"),
    [
        (
            {"domain": {"cpu": {"sockets": 4}}},
            "HotPlugCPUError",
            "Error encountered while handling CPU change request: CPU hotplug is not allowed while VMI is migrating",
        ),
        (
            {"domain": {"memory": {"guest": "4Gi"}}},
            "HotPlugMemoryError",
            (
                "error encountered while handling memory hotplug requests: "
                "memory hotplug is not allowed while VMI is migrating"
            ),
        ),
        (
            {"nodeSelector": {"disk": "fast"}},
            "AffinityChangeError",
            (
                "Error encountered while handling node affinity change request: "
                "Node affinity should not be changed during VMI migration"
            ),
        ),
        (
            {"tolerations": [{"key": "a", "operator": "Exists"}]},
            "TolerationsChangeError",
            (
                "Error encountered while handling tolerations change request: "
                "tolerations should not be changed during VMI migration"
            ),
        ),
    ],
)
async def test_nothing_changes_while_the_instance_migrates(world, change, reason, message):
    await runs(world)
    await migrate(world)

    def apply(spec: Document) -> None:
        for field, value in change.items():
            if field == "domain":
                for part, values in value.items():
                    spec["domain"][part].update(values)
            else:
                spec[field] = value

    await edit(world, apply)
    assert failure(world) == (reason, message)
    before = world.the_instance()["spec"]
    await migrate(world, ends=True)
    assert failure(world) is None
    assert world.the_instance()["spec"] != before


# Memory


async def test_more_memory_goes_to_the_running_instance(world):
    document = sized()
    document["spec"]["template"]["spec"]["domain"]["resources"]["requests"]["memory"] = "1Gi"
    await runs(world, document)
    assert domain(world)["memory"]["maxGuest"] == "8Gi"
    await edit(world, lambda spec: spec["domain"]["memory"].update(guest="3Gi"))
    assert domain(world)["memory"]["guest"] == "3Gi"
    # The request grows by what was added, and is never less than what the guest sees.
    assert domain(world)["resources"]["requests"]["memory"] == "3Gi"
    assert restart(world) is None


@pytest.mark.parametrize(
    ("guest", "condition", "message"),
    [
        (
            "3Gi",
            {"LiveMigratable": "False"},
            "memory updated in template spec. Memory-hotplug is only available for migratable VMs",
        ),
        ("1Gi", {}, "memory updated in template spec to a value lower than what the VM started with"),
        ("16Gi", {}, "memory hotplug not supported, Guest memory is greater than the configured maxGuest memory"),
        ("2049Mi", {}, "memory hotplug not supported, Guest memory must be 2Mi aligned"),
        (
            "3Gi",
            {"HotMemoryChange": "False"},
            "memory updated in template spec. Memory-hotplug failed and is not available for this VM configuration",
        ),
    ],
)
async def test_memory_that_takes_a_restart(world, guest, condition, message):
    await runs(world)
    await instance_says(world, **condition)
    await edit(world, lambda spec: spec["domain"]["memory"].update(guest=guest))
    assert restart(world) == message
    assert domain(world)["memory"]["guest"] == "2Gi"


async def test_memory_of_a_small_guest_takes_a_restart(world):
    document = sized()
    document["spec"]["template"]["spec"]["domain"]["memory"] = {"guest": "512Mi"}
    await runs(world, document)
    await edit(world, lambda spec: spec["domain"]["memory"].update(guest="1Gi"))
    assert (
        restart(world) == "memory updated in template spec. Memory-hotplug is not available for this VM configuration"
    )


async def test_one_change_of_memory_at_a_time(world):
    await runs(world, None, "HotMemoryChange")
    await edit(world, lambda spec: spec["domain"]["memory"].update(guest="4Gi"))
    text = "error encountered while handling memory hotplug requests: another memory hotplug is in progress"
    assert failure(world) == ("HotPlugMemoryError", text)


# Scheduling, strategy, everything else


async def test_scheduling_follows_the_template(world):
    term = {"matchExpressions": [{"key": "a", "operator": "Exists"}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}
    wanted = {
        "nodeSelector": {"disk": "fast"},
        "affinity": affinity,
        "tolerations": [{"key": "a", "operator": "Exists"}],
    }
    await runs(world)
    await edit(world, lambda spec: spec.update(copy.deepcopy(wanted)))
    spec = world.the_instance()["spec"]
    assert {field: spec[field] for field in wanted} == wanted
    assert restart(world) is None
    await edit(world, lambda spec: [spec.pop(field) for field in wanted])
    assert not wanted.keys() & world.the_instance()["spec"].keys()


@pytest.mark.parametrize(
    "change",
    [
        lambda spec: spec["domain"]["cpu"].update(sockets=4),
        lambda spec: spec["domain"]["memory"].update(guest="4Gi"),
        lambda spec: spec.update(nodeSelector={"disk": "fast"}),
        lambda spec: spec.update(tolerations=[{"key": "a", "operator": "Exists"}]),
    ],
)
async def test_staged_changes_wait_for_a_restart(world, change):
    """vmRolloutStrategy Stage (kubevirt-vm.md 8)."""
    await configure(world, vmRolloutStrategy="Stage")
    await runs(world)
    before = world.the_instance()["spec"]
    await edit(world, change)
    assert restart(world) == OTHER
    assert world.the_instance()["spec"] == before


@pytest.mark.parametrize(
    "change",
    [
        lambda spec: spec["domain"]["cpu"].update(cores=4),
        lambda spec: spec["domain"]["cpu"].update(model="Nehalem"),
        lambda spec: spec.update(terminationGracePeriodSeconds=5),
        lambda spec: spec["domain"]["devices"].update(rng={}),
        lambda spec: spec["volumes"].__setitem__(0, {"name": "root", "containerDisk": {"image": "debian"}}),
        lambda spec: spec["domain"]["devices"]["disks"].__setitem__(0, {"name": "root", "disk": {"bus": "sata"}}),
    ],
)
async def test_anything_else_takes_a_restart(world, change):
    await runs(world)
    await edit(world, change)
    assert restart(world) == OTHER


@pytest.mark.parametrize(
    "change",
    [
        lambda vm: vm["metadata"].update(labels={"a": "b"}),
        lambda vm: vm["metadata"].setdefault("annotations", {}).update({"a": "b"}),
        lambda vm: vm["spec"].update(runStrategy="RerunOnFailure"),
        lambda vm: vm["spec"]["template"].setdefault("metadata", {}).update(labels={"a": "b"}),
    ],
)
async def test_what_is_not_in_the_templates_spec_takes_none(world, change):
    await runs(world)
    await world.user.edit(names.VIRTUAL_MACHINES, KEY, change)
    await world.manager.settle()
    assert restart(world) is None


async def test_an_instance_that_ended_and_stays_still_lacks_the_change(world):
    document = sized()
    document["spec"]["runStrategy"] = "Once"
    await runs(world, document)
    await world.instance_is("Succeeded")
    await edit(world, lambda spec: spec.update(terminationGracePeriodSeconds=5))
    assert restart(world) == OTHER


async def test_maxima_of_the_configuration(world):
    """liveUpdateConfiguration (kubevirt-vm.md 6.2)."""
    await configure(world, liveUpdateConfiguration={"maxCpuSockets": 3, "maxGuest": "3Gi", "maxHotplugRatio": 2})
    await runs(world)
    assert (domain(world)["cpu"]["maxSockets"], domain(world)["memory"]["maxGuest"]) == (3, "3Gi")
    await edit(world, lambda spec: spec["domain"]["cpu"].update(sockets=4))
    assert restart(world) == "CPU sockets updated in template spec to a value higher than what's available"


async def test_descheduler_annotations_follow_the_template(world):
    evict, skip = "descheduler.alpha.kubernetes.io/evict", "kubevirt.io/skip-backup-hooks"
    await runs(world)

    def change(vm: Document) -> None:
        vm["metadata"].setdefault("annotations", {})[skip] = "true"
        vm["spec"]["template"].setdefault("metadata", {})["annotations"] = {evict: "true", "other": "no"}

    await world.user.edit(names.VIRTUAL_MACHINES, KEY, change)
    await world.manager.settle()
    annotations = world.the_instance()["metadata"]["annotations"]
    assert (annotations[evict], annotations[skip], annotations.get("other")) == ("true", "true", None)

    def forget(vm: Document) -> None:
        del vm["spec"]["template"]["metadata"]["annotations"][evict]

    await world.user.edit(names.VIRTUAL_MACHINES, KEY, forget)
    await world.manager.settle()
    assert evict not in world.the_instance()["metadata"]["annotations"]


async def test_a_machine_without_firmware_uuid_gets_the_one_of_its_name(world):
    await world.vm(machine(runStrategy="Halted"))
    await edit(world, lambda spec: spec["domain"].pop("firmware"))
    # UUIDv5 of "vm" in 6a1a24a1-4061-4607-8bf4-a3963d0c5895 (kubevirt-vm.md 5)
    uuid = world.the_vm()["spec"]["template"]["spec"]["domain"]["firmware"]["uuid"]
    assert uuid == "d633a622-2335-5606-93ae-d432b7c7f2d2"


class Refusing:
    """Objects whose edits are refused as soon as an instance has tolerations."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objects, name)

    async def edit(self, resource: GroupResource, key: ObjectKey, change: Edit) -> Document | None:
        def checked(document: Document) -> Document | None:
            change(document)
            if document["spec"].get("tolerations"):
                raise Forbidden('admission webhook "example.com" denied the request: no')
            return None

        return await self._objects.edit(resource, key, checked)


async def test_of_several_live_changes_the_one_that_is_refused_is_told(world):
    """kubevirt-vm.md 4.2: each kind of change has its own reason; KubeVirt makes them one after the other, so those before are made."""
    await runs(world)
    vm = world.the_vm()
    vm["metadata"]["generation"] += 1
    template = vm["spec"]["template"]["spec"]
    template["domain"]["cpu"]["sockets"] = 4
    template["tolerations"] = [{"key": "a", "operator": "Exists"}]
    template["domain"]["memory"]["guest"] = "4Gi"
    updating = Updating(Refusing(world.system), world.clock, lambda: STANDARD)  # type: ignore[arg-type]  # delegates
    with pytest.raises(SyncFailed) as refused:
        await updating.carry_out(vm, world.the_instance())
    failed = refused.value.failure
    assert failed.reason == "TolerationsChangeError"
    prefix = "Error encountered while handling tolerations change request: "
    assert failed.message == f'{prefix}admission webhook "example.com" denied the request: no'
    assert domain(world)["cpu"]["sockets"] == 4
    assert domain(world)["memory"]["guest"] == "2Gi"
