"""DELETE: preconditions, propagation, selections, dry runs (reference kubernetes-api.md 2.2, 3.3, 3.4)."""

from __future__ import annotations

import pytest

from solovirt.machinery.errors import Conflict, NotFound
from solovirt.machinery.store.protocol import EventType
from solovirt.machinery.verbs.protocol import DeleteOptions, ListOptions, Preconditions
from tests.machinery.verbs.conftest import VMS_RESOURCE, World, config_map, vm


async def test_an_object_that_nothing_holds_is_gone_at_once(world: World) -> None:
    created = await world.create("vms", vm(cpu=1))
    events = world.store.watch(VMS_RESOURCE)
    stored = await world.api.delete(world.target("vms", "a"), DeleteOptions(), world.asking())
    assert stored.gone
    (event,) = await events.next(1)
    assert event.type is EventType.REMOVE
    # 2.5: the last state, with the version of the deletion.
    last = world.document(event.record)
    assert int(last["metadata"].pop("resourceVersion")) > int(created["metadata"].pop("resourceVersion"))
    assert last == created


async def test_a_missing_object_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        await world.api.delete(world.target("vms", "a"), DeleteOptions(), world.asking())


async def test_preconditions_are_told_with_the_kind(world: World) -> None:
    """3.3: here the resource is printed as the Kind."""
    created = await world.create("configmaps", config_map())
    revision, uid = created["metadata"]["resourceVersion"], created["metadata"]["uid"]
    options = DeleteOptions(preconditions=Preconditions(resource_version="1"))
    with pytest.raises(Conflict) as refused:
        await world.api.delete(world.target("configmaps", "c1"), options, world.asking())
    assert refused.value.message == (
        'Operation cannot be fulfilled on ConfigMap "c1": the ResourceVersion in the precondition (1) does not match the '
        f"ResourceVersion in record ({revision}). The object might have been modified"
    )
    options = DeleteOptions(preconditions=Preconditions(uid="x"))
    with pytest.raises(Conflict) as refused:
        await world.api.delete(world.target("configmaps", "c1"), options, world.asking())
    assert refused.value.message == (
        'Operation cannot be fulfilled on ConfigMap "c1": the UID in the precondition (x) does not match the UID in record '
        f"({uid}). The object might have been deleted and then recreated"
    )
    options = DeleteOptions(preconditions=Preconditions(uid=uid, resource_version=revision))
    assert (await world.api.delete(world.target("configmaps", "c1"), options, world.asking())).gone


@pytest.mark.parametrize(
    ("options", "finalizers"),
    [
        (DeleteOptions(propagation="Foreground"), ["foregroundDeletion"]),
        (DeleteOptions(propagation="Orphan"), ["orphan"]),
        (DeleteOptions(orphan_dependents=True), ["orphan"]),
        (DeleteOptions(propagation="Background"), None),
        (DeleteOptions(orphan_dependents=False), None),
        (DeleteOptions(), None),
    ],
)
async def test_the_propagation_policy_becomes_a_finalizer(
    world: World, options: DeleteOptions, finalizers: list[str] | None
) -> None:
    await world.create("vms", vm())
    stored = await world.api.delete(world.target("vms", "a"), options, world.asking())
    assert world.seen(stored)["metadata"].get("finalizers") == finalizers
    assert stored.gone is (finalizers is None)


async def test_a_later_policy_replaces_an_earlier_one(world: World) -> None:
    await world.create("vms", vm())
    await world.api.delete(world.target("vms", "a"), DeleteOptions(propagation="Foreground"), world.asking())
    stored = await world.api.delete(world.target("vms", "a"), DeleteOptions(propagation="Background"), world.asking())
    assert stored.gone


async def test_a_dry_run_deletes_nothing(world: World) -> None:
    await world.create("vms", vm())
    stored = await world.api.delete(world.target("vms", "a"), DeleteOptions(), world.asking(dry_run=True))
    assert stored.gone
    assert await world.has("vms", "a")


async def test_a_selection_is_deleted(world: World) -> None:
    for name in ("a", "b", "c"):
        document = vm(name)
        document["metadata"]["labels"] = {"keep": str(name == "b").lower()}
        await world.create("vms", document)
    deleted = await world.api.delete_collection(
        world.target("vms"), ListOptions(label_selector="keep!=true"), DeleteOptions(), world.asking()
    )
    assert [stored.record.key.name for stored in deleted] == ["a", "c"]
    assert await world.has("vms", "b")


async def test_a_pod_on_a_node_gets_its_grace(world: World) -> None:
    """3.4 item 6: deletionTimestamp is now plus the grace; a later DELETE may only shorten it."""
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}}  # fmt: skip
    await world.create("pods", pod)
    marked = world.seen(await world.api.delete(world.target("pods", "p"), DeleteOptions(), world.asking()))
    assert marked["metadata"]["deletionTimestamp"] == "2026-11-23T07:00:30Z"
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 30
    longer = world.seen(
        await world.api.delete(world.target("pods", "p"), DeleteOptions(grace_seconds=60), world.asking())
    )
    assert longer == marked
    shorter = world.seen(
        await world.api.delete(world.target("pods", "p"), DeleteOptions(grace_seconds=5), world.asking())
    )
    assert shorter["metadata"]["deletionTimestamp"] == "2026-11-23T07:00:05Z"
    assert (await world.api.delete(world.target("pods", "p"), DeleteOptions(grace_seconds=0), world.asking())).gone
