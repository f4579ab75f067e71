"""One write of an object and its status, as controllers do it: it leaves what one write of each would leave."""

from __future__ import annotations

from typing import Any

from solovirt.machinery.resource import Document
from tests.machinery.verbs.conftest import World, vm


def _unversioned(document: Document) -> dict[str, Any]:
    metadata = {key: value for key, value in document["metadata"].items() if key not in ("uid", "resourceVersion")}
    return {**document, "metadata": metadata}


async def test_a_new_object_brings_its_status(world: World) -> None:
    await world.create("vms", vm("a", cpu=1))

    def start(document: Document) -> None:
        document["status"] = {"phase": "Running"}

    two = await world.api.edit(world.target("vms", "a", subresource="status"), start, world.asking())
    one = await world.create("vms", {**vm("b", cpu=1), "status": {"phase": "Running"}}, writes_status=True)
    one["metadata"]["name"] = "a"
    assert _unversioned(one) == _unversioned(world.seen(two))


async def test_an_edit_changes_both(world: World) -> None:
    for name in ("a", "b"):
        await world.create("vms", vm(name, cpu=1), field_manager="kubectl")

    def finalize(document: Document) -> None:
        document["metadata"]["finalizers"] = ["example.com/kept"]

    def start(document: Document) -> None:
        document["status"] = {"phase": "Running"}

    def both(document: Document) -> None:
        finalize(document)
        start(document)

    await world.api.edit(world.target("vms", "a"), finalize, world.asking())
    two = world.seen(await world.api.edit(world.target("vms", "a", subresource="status"), start, world.asking()))
    one = world.seen(await world.api.edit(world.target("vms", "b"), both, world.asking(writes_status=True)))
    one["metadata"]["name"] = "a"
    assert _unversioned(one) == _unversioned(two)
    assert one["metadata"]["generation"] == 1
    assert [entry.get("subresource", "") for entry in one["metadata"]["managedFields"]] == ["", "", "status"]
