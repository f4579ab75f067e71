"""Network interfaces of machines whose instances run (kubevirt-vm.md 8, "new bridge/sriov interface, interface state, multus network name")."""

from __future__ import annotations

import pytest

from solovirt.kinds.kubevirt import names
from solovirt.machinery.resource import Document
from tests.controllers.conftest import World
from tests.controllers.virtual_machine.running import KEY, OTHER, edit, instance_says, restart, runs, sized

POD: Document = {"name": "default", "masquerade": {}}
POD_NETWORK: Document = {"name": "default", "pod": {}}
BLUE: Document = {"name": "blue", "bridge": {}}
BLUE_NETWORK: Document = {"name": "blue", "multus": {"networkName": "blue"}}


def connected(*more: Document, networks: tuple[Document, ...] = ()) -> Document:
    document = sized(networks=[POD_NETWORK, *networks])
    document["spec"]["template"]["spec"]["domain"]["devices"]["interfaces"] = [POD, *more]
    return document


async def guest_has(world: World, *interfaces: str) -> None:
    def change(document: Document) -> None:
        document["status"]["interfaces"] = [{"name": name} for name in interfaces]

    await world.system.edit(names.VIRTUAL_MACHINE_INSTANCES, KEY, change)
    await world.manager.settle()


def shown(spec: Document) -> tuple[list[Document], list[Document]]:
    return spec["domain"]["devices"]["interfaces"], spec["networks"]


def add(spec: Document, interface: Document = BLUE, network: Document = BLUE_NETWORK) -> None:
    spec["domain"]["devices"]["interfaces"].append(dict(interface))
    spec["networks"].append(dict(network))


@pytest.mark.parametrize("binding", ["bridge", "sriov"])
async def test_a_new_interface_goes_to_the_running_instance(world, binding):
    await runs(world, connected())
    interface = {"name": "blue", binding: {}}
    await edit(world, lambda spec: add(spec, interface))
    assert shown(world.the_instance()["spec"]) == ([POD, interface], [POD_NETWORK, BLUE_NETWORK])
    assert restart(world) is None


async def test_an_absent_interface_goes_from_the_guest_then_from_both_specs(world):
    await runs(world, connected(BLUE, networks=(BLUE_NETWORK,)))
    await guest_has(world, "default", "blue")
    await edit(world, lambda spec: spec["domain"]["devices"]["interfaces"][1].update(state="absent"))
    absent = {**BLUE, "state": "absent"}
    assert shown(world.the_instance()["spec"]) == ([POD, absent], [POD_NETWORK, BLUE_NETWORK])
    assert restart(world) is None
    await guest_has(world, "default")
    assert shown(world.the_instance()["spec"]) == ([POD], [POD_NETWORK])
    assert shown(world.the_vm()["spec"]["template"]["spec"]) == ([POD], [POD_NETWORK])
    assert restart(world) is None


async def test_a_link_goes_down_and_up(world):
    await runs(world, connected())
    await edit(world, lambda spec: spec["domain"]["devices"]["interfaces"][0].update(state="down"))
    assert shown(world.the_instance()["spec"])[0] == [{**POD, "state": "down"}]
    await edit(world, lambda spec: spec["domain"]["devices"]["interfaces"][0].pop("state"))
    assert shown(world.the_instance()["spec"])[0] == [POD]
    assert restart(world) is None


async def test_a_network_is_exchanged_where_the_instance_can_migrate(world):
    await runs(world, connected(BLUE, networks=(BLUE_NETWORK,)))
    await edit(world, lambda spec: spec["networks"][1]["multus"].update(networkName="green"))
    assert world.the_instance()["spec"]["networks"][1]["multus"]["networkName"] == "green"
    assert restart(world) is None
    await instance_says(world, LiveMigratable="False")
    await edit(world, lambda spec: spec["networks"][1]["multus"].update(networkName="red"))
    assert world.the_instance()["spec"]["networks"][1]["multus"]["networkName"] == "green"
    assert restart(world) == OTHER


@pytest.mark.parametrize(
    "change",
    [
        lambda spec: spec["domain"]["devices"]["interfaces"][1].update(macAddress="02:00:00:00:00:01"),
        lambda spec: (spec["domain"]["devices"]["interfaces"].pop(), spec["networks"].pop()),
        lambda spec: spec["domain"]["devices"]["interfaces"].__setitem__(0, {"name": "default", "bridge": {}}),
    ],
)
async def test_other_changes_of_interfaces_take_a_restart(world, change):
    await runs(world, connected(BLUE, networks=(BLUE_NETWORK,)))
    await edit(world, change)
    assert restart(world) == OTHER


async def test_a_stopped_machine_forgets_absent_interfaces_at_once(world):
    document = connected({**BLUE, "state": "absent"}, networks=(BLUE_NETWORK,))
    document["spec"]["runStrategy"] = "Halted"
    await world.vm(document)
    assert shown(world.the_vm()["spec"]["template"]["spec"]) == ([POD], [POD_NETWORK])
