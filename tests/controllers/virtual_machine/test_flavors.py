"""Flavors at admission and at the start (reference kubevirt-flavor.md 4 and 5)."""

from __future__ import annotations

import pytest

from solovirt.kinds.kubevirt import names
from solovirt.machinery.errors import StatusError
from solovirt.machinery.resource import ObjectKey
from tests.controllers.conftest import CLUSTER_FLAVORS, FLAVORS, machine

CPU = {"sockets": 2, "cores": 1, "threads": 1}


@pytest.fixture
async def flavors(world):
    await world.create(FLAVORS, {"metadata": {"name": "small", "namespace": "default"}, "spec": {"cpu": CPU}})
    await world.create(CLUSTER_FLAVORS, {"metadata": {"name": "large"}, "spec": {"cpu": {**CPU, "cores": 4}}})


@pytest.mark.usefixtures("flavors")
@pytest.mark.parametrize(
    ("matcher", "cores", "annotation"),
    [
        ({"name": "small", "kind": "VirtualMachineFlavor"}, 1, "kubevirt.io/flavor-name"),
        ({"name": "large", "kind": "virtualmachineclusterflavors"}, 4, "kubevirt.io/cluster-flavor-name"),
        ({"name": "large"}, 4, "kubevirt.io/cluster-flavor-name"),
    ],
)
async def test_a_flavor_fills_the_instances_cpu(world, matcher, cores, annotation):
    await world.vm(machine(running=True, flavor=matcher))
    instance = world.the_instance()
    cpu = instance["spec"]["domain"]["cpu"]
    assert (cpu["sockets"], cpu["cores"], cpu["threads"]) == (2, cores, 1)
    assert instance["metadata"]["annotations"][annotation] == matcher["name"]
    assert "cpu" not in world.the_vm()["spec"]["template"]["spec"]["domain"]
    assert world.the_vm()["spec"]["flavor"] == matcher


@pytest.mark.usefixtures("flavors")
async def test_every_start_reads_the_live_flavor(world):
    await world.vm(machine(running=True, flavor={"name": "large"}))
    await world.user.edit(
        CLUSTER_FLAVORS, ObjectKey("", "large"), lambda one: one["spec"].update(cpu={**CPU, "cores": 3})
    )
    await world.instance_is("Running")
    await world.instance_is("Succeeded")
    assert world.the_instance()["spec"]["domain"]["cpu"]["cores"] == 3


@pytest.mark.usefixtures("flavors")
async def test_a_flavor_that_went_away_fails_the_start_and_tells(world):
    await world.vm(machine(runStrategy="Manual", flavor={"name": "large"}))
    await world.user.delete(CLUSTER_FLAVORS, ObjectKey("", "large"))
    await world.ask({"action": "Start"})
    assert world.instance() is None
    why = 'virtualmachineclusterflavor.flavor.kubevirt.io "large" not found'
    message = f"Error creating virtual machine instance: Failed to apply flavor: {why}"
    assert ("Warning", "FailedCreate", message) in world.events()
    failure = next(one for one in world.the_vm()["status"]["conditions"] if one["type"] == "Failure")
    assert (failure["reason"], failure["message"]) == ("FailedCreate", f"Failure while starting VMI: {why}")
    await world.create(CLUSTER_FLAVORS, {"metadata": {"name": "large"}, "spec": {"cpu": CPU}})
    await world.advance(5)
    assert world.instance() is not None
    assert "Failure" not in {one["type"] for one in world.the_vm()["status"]["conditions"]}


async def test_a_flavor_that_conflicts_by_now_fails_the_start_and_tells(world):
    """kubevirt-flavor.md 5, F11."""
    await world.create(CLUSTER_FLAVORS, {"metadata": {"name": "plain"}, "spec": {}})
    vm = machine(runStrategy="Manual", flavor={"name": "plain"})
    vm["spec"]["template"]["spec"]["domain"]["cpu"] = {"cores": 1}
    await world.vm(vm)
    await world.user.edit(CLUSTER_FLAVORS, ObjectKey("", "plain"), lambda one: one["spec"].update(cpu=CPU))
    await world.ask({"action": "Start"})
    assert world.instance() is None
    why = "VMI conflicts with flavor spec in fields: [spec.domain.cpu]"
    message = f"Error creating virtual machine instance: Failed to apply flavor: {why}"
    assert ("Warning", "FailedCreate", message) in world.events()
    failure = next(one for one in world.the_vm()["status"]["conditions"] if one["type"] == "Failure")
    assert (failure["reason"], failure["message"]) == ("FailedCreate", f"Failure while starting VMI: {why}")


@pytest.mark.usefixtures("flavors")
@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (
            {"flavor": {"name": "huge", "kind": "VirtualMachineFlavor"}},
            {
                "reason": "FieldValueNotFound",
                "message": 'Could not find flavor: virtualmachineflavor.flavor.kubevirt.io "default/huge" not found',
                "field": "spec.flavor",
            },
        ),
        (
            {"flavor": {"name": "large", "kind": "Flavour"}},
            {
                "reason": "FieldValueNotFound",
                "message": "Could not find flavor: got unexpected kind in FlavorMatcher: Flavour",
                "field": "spec.flavor",
            },
        ),
        (
            {
                "flavor": {"name": "large"},
                "template": {"spec": {"domain": {"devices": {}, "cpu": {"model": "host-model"}}}},
            },
            {
                "reason": "FieldValueInvalid",
                "message": "VMI field conflicts with selected Flavor",
                "field": "spec.template.spec.domain.cpu",
            },
        ),
    ],
)
async def test_admission_refuses_flavors_that_cannot_be_applied(world, change, cause):
    with pytest.raises(StatusError) as raised:
        await world.vm(machine(running=False, **change))
    status = raised.value.status()
    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert status["details"]["causes"] == [cause]
    prefix = 'admission webhook "virtualmachine-validator.kubevirt.io" denied the request: '
    assert status["message"] == prefix + cause["message"]


@pytest.mark.usefixtures("flavors")
async def test_flavor_and_instancetype_exclude_each_other(world):
    with pytest.raises(StatusError) as raised:
        await world.vm(machine(running=False, flavor={"name": "large"}, instancetype={"name": "u1.small"}))
    assert raised.value.status()["details"]["causes"][0]["field"] == "spec.flavor"
    assert world.get(names.VIRTUAL_MACHINES, "vm") is None
