"""
A server that dies at any moment, and the one after it.

Every write goes to the database through one door; here the door slams shut after the nth write, for ever, which is what kill -9 looks like from
the database's side. Then a new server starts on the same database. Wherever it happened, things must end alike.
"""

from __future__ import annotations

import pytest

from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt import names
from solovirt.machinery.resource import ObjectKey
from tests.controllers.virtual_machine_instance.conftest import instance


class Killed(Exception):
    """The server is dead; nothing is written any more."""


def kill_after(cluster, writes: int):
    """Let the current server write *writes* times more; returns how to bring the database back."""
    store, left = cluster.store, writes
    write, facts = store.write, store.facts
    put, delete = facts.put, facts.delete

    def door(function):
        async def guarded(*arguments, **options):
            nonlocal left
            if left <= 0:
                raise Killed
            left -= 1
            return await function(*arguments, **options)

        return guarded

    store.write, facts.put, facts.delete = door(write), door(put), door(delete)

    def revive() -> bool:
        store.write, facts.put, facts.delete = write, put, delete
        return left > 0

    return revive


async def run_dying(cluster, writes: int, act) -> bool:
    """Do *act* with a server that dies after *writes* writes, and start another; True if it never got that far."""
    revive = kill_after(cluster, writes)
    try:
        await act()
    except Killed:
        # The user's own request fell into the dead server: they ask the next one.
        revive()
        await cluster.restart()
        await act()
        return False
    # The dead one's controllers do what they can, which is nothing.
    await cluster.advance(2)
    survived: bool = revive()
    await cluster.restart()
    return survived


@pytest.mark.parametrize("writes", range(12))
async def test_a_start_survives_a_kill_at_any_write(cluster, writes):
    made = instance(annotations={"agent-after": "never"})

    async def create():
        await cluster.user.create(names.VIRTUAL_MACHINE_INSTANCES, made)

    await run_dying(cluster, writes, create)
    await cluster.advance(3)
    assert cluster.phases() == ["Pending", "Scheduling", "Scheduled", "Running"]
    (pod,) = cluster.pods()
    (guest,) = await cluster.runtime.list_guests()
    assert guest.id == cluster.get()["metadata"]["uid"]
    assert pod["status"]["phase"] == "Running"
    assert pod["spec"]["nodeName"] == guest.node == cluster.status()["nodeName"]
    assert cluster.status()["activePods"] == {pod["metadata"]["uid"]: guest.node}


@pytest.mark.parametrize("writes", range(14))
@pytest.mark.parametrize("annotations", [{}, {"ignores-acpi": "true"}], ids=["orderly", "stubborn"])
async def test_a_deletion_survives_a_kill_at_any_write(cluster, writes, annotations):
    await cluster.create(instance(annotations={"agent-after": "never", **annotations}, terminationGracePeriodSeconds=5))
    await cluster.advance(3)
    watched = cluster.store.watch(names.VIRTUAL_MACHINE_INSTANCES)

    async def delete():
        await cluster.user.delete(names.VIRTUAL_MACHINE_INSTANCES, ObjectKey("default", "vmi"))

    await run_dying(cluster, writes, delete)
    await cluster.advance(8)
    assert cluster.find() is None
    assert cluster.pods() == []
    assert await cluster.runtime.list_guests() == []
    last = list(watched.pending())[-1].record.document("kubevirt.io/v1", "VirtualMachineInstance")
    assert last["status"]["phase"] == ("Failed" if annotations else "Succeeded")


async def test_a_guest_whose_instance_went_while_no_server_ran_is_removed(cluster):
    await cluster.create(instance())
    await cluster.advance(2)
    await cluster.manager.stop()

    def strip(document):
        document["metadata"]["finalizers"] = []

    await cluster.user.delete(names.VIRTUAL_MACHINE_INSTANCES, ObjectKey("default", "vmi"))
    await cluster.user.edit(names.VIRTUAL_MACHINE_INSTANCES, ObjectKey("default", "vmi"), strip)
    assert cluster.find() is None
    await cluster.restart()
    assert await cluster.runtime.list_guests() == []


async def test_a_successor_of_the_same_name_gets_a_guest_of_its_own(cluster):
    await cluster.create(instance())
    await cluster.advance(2)
    await cluster.manager.stop()

    def strip(document):
        document["metadata"]["finalizers"] = []

    await cluster.user.delete(names.VIRTUAL_MACHINE_INSTANCES, ObjectKey("default", "vmi"))
    await cluster.user.edit(names.VIRTUAL_MACHINE_INSTANCES, ObjectKey("default", "vmi"), strip)
    await cluster.user.create(names.VIRTUAL_MACHINE_INSTANCES, instance())
    await cluster.restart()
    await cluster.advance(2)
    assert cluster.status()["phase"] == "Running"
    (guest,) = await cluster.runtime.list_guests()
    assert guest.id == cluster.get()["metadata"]["uid"]
    assert len(list(cluster.user.list(core.PODS))) == 1
