"""Short ways to a VirtualMachine whose instance runs, and to what is said of it."""

from __future__ import annotations

from typing import Any

from solovirt.kinds.kubevirt import names
from solovirt.machinery.clock import timestamp
from solovirt.machinery.resource import Document, ObjectKey
from tests.controllers.conftest import World, machine

KEY = ObjectKey("default", "vm")
OTHER = "a non-live-updatable field was changed in the template spec"


def sized(**spec: Any) -> Document:
    """A running VM with two sockets of two cores and 2Gi, on a root disk."""
    domain = {
        "cpu": {"sockets": 2, "cores": 2, "threads": 1},
        "memory": {"guest": "2Gi"},
        "devices": {"disks": [{"name": "root", "disk": {"bus": "virtio"}}]},
        "resources": {"requests": {"cpu": "1"}},
    }
    volumes = [{"name": "root", "containerDisk": {"image": "fedora"}}]
    return machine(runStrategy="Always", template={"spec": {"domain": domain, "volumes": volumes, **spec}})


async def runs(world: World, document: Document | None = None, *conditions: str) -> None:
    """A VM whose instance runs, with these conditions True."""
    await world.vm(document or sized())
    await world.instance_is("Running")
    await instance_says(world, **dict.fromkeys(("LiveMigratable", *conditions), "True"))


async def instance_says(world: World, **conditions: str) -> None:
    def change(found: Document) -> None:
        listed = [one for one in found["status"]["conditions"] if one["type"] not in conditions]
        now = timestamp(world.clock.now())
        found["status"]["conditions"] = [
            *listed,
            *(
                {"type": type_, "status": status, "lastProbeTime": None, "lastTransitionTime": now}
                for type_, status in conditions.items()
            ),
        ]

    await world.system.edit(names.VIRTUAL_MACHINE_INSTANCES, KEY, change)
    await world.manager.settle()


async def volume_is(world: World, name: str, phase: str | None, **fields: Any) -> None:
    """Put the status of a volume of the instance, or take it away."""

    def change(found: Document) -> None:
        status = found["status"]
        listed = [one for one in status.get("volumeStatus") or () if one["name"] != name]
        if phase is not None:
            listed.append({"name": name, "target": "", "phase": phase, "hotplugVolume": {}, **fields})
        status["volumeStatus"] = listed

    await world.system.edit(names.VIRTUAL_MACHINE_INSTANCES, KEY, change)
    await world.manager.settle()


async def edit(world: World, change: Any) -> None:
    """Edit the template's spec as its user."""

    def apply(document: Document) -> None:
        change(document["spec"]["template"]["spec"])

    await world.user.edit(names.VIRTUAL_MACHINES, KEY, apply)
    await world.manager.settle()


async def configure(world: World, **configuration: Any) -> None:
    def change(document: Document) -> None:
        document["spec"]["configuration"] = configuration

    await world.system.edit(names.KUBEVIRTS, ObjectKey("kubevirt", "kubevirt"), change)
    await world.manager.settle()


def restart(world: World) -> str | None:
    found = [one for one in world.the_vm()["status"]["conditions"] if one["type"] == "RestartRequired"]
    assert all((one["status"], one.get("reason")) == ("True", None) for one in found)
    return found[0]["message"] if found else None


def failure(world: World) -> tuple[str, str] | None:
    found = [one for one in world.the_vm()["status"]["conditions"] if one["type"] == "Failure"]
    return (found[0]["reason"], found[0]["message"]) if found else None


def domain(world: World) -> Document:
    found: Document = world.the_instance()["spec"]["domain"]
    return found
