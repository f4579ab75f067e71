"""PUT and PATCH: versions, immutable metadata, generation, the status subresource, no-ops (reference kubernetes-api.md 3.2, 3.3, 3.6)."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from solovirt.machinery.errors import BadRequest, Conflict, Invalid, NotFound, PlainError, UnsupportedMediaType
from solovirt.machinery.resource import Document
from solovirt.machinery.verbs.protocol import DeleteOptions, FieldValidation, PatchType
from tests.machinery.verbs.conftest import World, config_map, vm


async def put(world: World, plural: str, document: Document, subresource: str = "", **caller: Any) -> Document:
    target = world.target(plural, document["metadata"]["name"], subresource=subresource)
    return world.seen(await world.api.update(target, copy.deepcopy(document), world.asking(**caller)))


async def patch(
    world: World, body: Any, type: PatchType = PatchType.MERGE, *, plural: str = "vms", name: str = "a", subresource: str = "", **caller: Any
) -> Document:  # fmt: skip
    target = world.target(plural, name, subresource=subresource)
    return world.seen(await world.api.patch(target, type, body, world.asking(**caller)))


async def test_a_stale_version_conflicts(world: World) -> None:
    old = await world.create("vms", vm(cpu=1))
    await patch(world, {"spec": {"cpu": 2}})
    with pytest.raises(Conflict) as refused:
        await put(world, "vms", old)
    assert refused.value.message == (
        'Operation cannot be fulfilled on vms.example.com "a": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    assert refused.value.details == {"name": "a", "group": "example.com", "kind": "vms"}


async def test_a_patch_that_names_a_stale_version_conflicts(world: World) -> None:
    old = await world.create("vms", vm(cpu=1))
    await patch(world, {"spec": {"cpu": 2}})
    with pytest.raises(Conflict):
        await patch(world, {"metadata": {"resourceVersion": old["metadata"]["resourceVersion"]}, "spec": {"cpu": 3}})


async def test_a_version_that_is_no_number_is_an_internal_error(world: World) -> None:
    document = await world.create("vms", vm(cpu=1))
    document["metadata"]["resourceVersion"] = "abc"
    with pytest.raises(PlainError) as refused:
        await put(world, "vms", document)
    assert refused.value.message == 'strconv.ParseUint: parsing "abc": invalid syntax'


async def test_custom_kinds_must_name_the_version_they_replace(world: World) -> None:
    document = await world.create("vms", vm(cpu=1))
    del document["metadata"]["resourceVersion"]
    with pytest.raises(Invalid) as refused:
        await put(world, "vms", document)
    assert refused.value.message == (
        'vms.example.com "a" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update'
    )
    assert refused.value.details is not None
    assert refused.value.details["kind"] == "vms"


async def test_core_kinds_let_the_last_write_win(world: World) -> None:
    await world.create("configmaps", config_map(a="1"))
    updated = await put(world, "configmaps", config_map(a="2"))
    assert updated["data"] == {"a": "2"}


async def test_another_objects_uid_conflicts(world: World) -> None:
    document = await world.create("vms", vm(cpu=1))
    uid = document["metadata"]["uid"]
    document["metadata"]["uid"] = "other"
    with pytest.raises(Conflict) as refused:
        await put(world, "vms", document)
    assert refused.value.message == (
        'Operation cannot be fulfilled on vms.example.com "a": StorageError: invalid object, Code: 4, '
        "Key: /registry/example.com/vms/default/a, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: "
        f"UID in precondition: other, UID in object meta: {uid}"
    )


async def test_a_missing_object_is_not_found(world: World) -> None:
    with pytest.raises(NotFound) as refused:
        await put(world, "vms", vm("nobody"))
    assert refused.value.message == 'vms.example.com "nobody" not found'


async def test_services_are_created_by_put(world: World) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}
    stored = await world.api.update(world.target("services", "s"), service, world.asking())
    assert stored.created


@pytest.mark.parametrize("write", ["put", "patch"])
async def test_a_write_that_changes_nothing_changes_no_version(world: World, write: str) -> None:
    """3.3: identical PUT/PATCH, same resourceVersion, managedFields time untouched."""
    before = await world.create("vms", vm(cpu=1))
    await world.clock.advance(60)
    after = await (put(world, "vms", before) if write == "put" else patch(world, {"spec": {"cpu": 1}}))
    assert after == before


@pytest.mark.parametrize(
    ("change", "rises"),
    [
        ({"spec": {"cpu": 2}}, True),
        ({"metadata": {"labels": {"a": "b"}}}, False),
        ({"status": {"phase": "x"}}, False),
    ],
)
async def test_generation_counts_changes_outside_metadata_and_status(
    world: World, change: Document, *, rises: bool
) -> None:
    await world.create("vms", vm(cpu=1))
    after = await patch(world, change)
    assert after["metadata"]["generation"] == (2 if rises else 1)


async def test_status_is_changed_through_its_subresource_only(world: World) -> None:
    """3.2: the main resource keeps status; /status takes status alone, not even labels."""
    await world.create("vms", vm(cpu=1))
    change = {"metadata": {"labels": {"a": "b"}}, "spec": {"cpu": 2}, "status": {"phase": "x"}}
    through_status = await patch(world, change, subresource="status")
    assert through_status["status"] == {"phase": "x"}
    assert through_status["spec"] == {"cpu": 1}
    assert "labels" not in through_status["metadata"]
    assert through_status["metadata"]["generation"] == 1
    through_main = await patch(world, {"status": {"phase": "y"}, "spec": {"cpu": 3}})
    assert through_main["status"] == {"phase": "x"}
    assert through_main["spec"] == {"cpu": 3}


@pytest.mark.parametrize("also", [{}, {"spec": {"cpu": 2}}])
async def test_a_status_that_the_schema_does_not_take_is_refused(world: World, also: Document) -> None:
    """3.1: whatever else the request says."""
    await world.create("vms", vm(cpu=1))
    with pytest.raises(Invalid) as refused:
        await patch(world, {"status": {"phase": 1}, **also}, subresource="status")
    assert 'status.phase: Invalid value: "integer"' in refused.value.message


async def test_a_status_is_taken_away_through_its_subresource(world: World) -> None:
    await world.create("vms", vm(cpu=1))
    await patch(world, {"status": {"phase": "x"}}, subresource="status")
    after = await patch(world, {"status": None}, subresource="status")
    assert "status" not in after
    assert after["spec"] == {"cpu": 1}


async def test_system_fields_are_put_right_in_silence(world: World) -> None:
    before = await world.create("vms", vm(cpu=1))
    document = copy.deepcopy(before)
    document["metadata"] |= {"creationTimestamp": "2001-01-01T00:00:00Z", "generation": 99, "deletionTimestamp": "2001-01-01T00:00:00Z"}  # fmt: skip
    after = await put(world, "vms", document)
    assert after == before


async def test_uid_is_immutable_in_a_patch(world: World) -> None:
    await world.create("vms", vm(cpu=1))
    with pytest.raises(Invalid) as refused:
        await patch(world, {"metadata": {"uid": "1"}})
    assert (
        refused.value.message == 'VM.example.com "a" is invalid: metadata.uid: Invalid value: "1": field is immutable'
    )


async def test_the_last_finalizer_takes_a_deleted_object_along(world: World) -> None:
    """3.4 items 2 and 3."""
    document = vm(cpu=1)
    document["metadata"]["finalizers"] = ["x.io/y"]
    await world.create("vms", document)
    marked = world.seen(await world.api.delete(world.target("vms", "a"), DeleteOptions(), world.asking()))
    assert marked["metadata"]["deletionTimestamp"] == "2026-11-23T07:00:00Z"
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 0
    assert marked["metadata"]["generation"] == 2
    again = world.seen(await world.api.delete(world.target("vms", "a"), DeleteOptions(), world.asking()))
    assert again == marked
    gone = await world.api.patch(
        world.target("vms", "a"), PatchType.MERGE, {"metadata": {"finalizers": None}}, world.asking()
    )
    assert gone.gone
    assert not await world.has("vms", "a")


async def test_nothing_may_hold_a_deleted_object_anew(world: World) -> None:
    """3.4 item 4."""
    document = vm(cpu=1)
    document["metadata"]["finalizers"] = ["x.io/y"]
    await world.create("vms", document)
    await world.api.delete(world.target("vms", "a"), DeleteOptions(), world.asking())
    with pytest.raises(Invalid) as refused:
        await patch(world, {"metadata": {"finalizers": ["x.io/y", "y.io/g"]}})
    assert refused.value.message == (
        'VM.example.com "a" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being '
        'deleted, found new finalizers []string{"y.io/g"}'
    )


async def test_a_json_patch_test_on_the_version_works(world: World) -> None:
    """3.6: kopf's way of optimistic locking."""
    before = await world.create("vms", vm(cpu=1))
    test = {"op": "test", "path": "/metadata/resourceVersion", "value": before["metadata"]["resourceVersion"]}
    replace = {"op": "replace", "path": "/spec/cpu", "value": 2}
    after = await patch(world, [test, replace], PatchType.JSON)
    assert after["spec"]["cpu"] == 2
    with pytest.raises(Invalid) as refused:
        await patch(world, [test, replace], PatchType.JSON)
    assert refused.value.status()["message"] == "the server rejected our request due to an error in our request"
    assert refused.value.details == {}


async def test_custom_kinds_take_no_strategic_merge_patch(world: World) -> None:
    await world.create("vms", vm(cpu=1))
    with pytest.raises(UnsupportedMediaType) as refused:
        await patch(world, {}, PatchType.STRATEGIC)
    assert refused.value.message == (
        "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, "
        "application/merge-patch+json, application/apply-patch+yaml"
    )


async def test_core_kinds_merge_lists_by_their_keys(world: World) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]}}  # fmt: skip
    await world.create("services", service)
    after = await patch(
        world, {"spec": {"ports": [{"port": 80, "name": "web"}]}}, PatchType.STRATEGIC, plural="services", name="s"
    )
    assert [(port["port"], port["name"]) for port in after["spec"]["ports"]] == [(80, "web"), (81, "b")]


async def test_a_strict_patch_with_an_unknown_field_is_invalid(world: World) -> None:
    """4.2, Strict on merge/JSON/SMP patch."""
    await world.create("vms", vm(cpu=1))
    with pytest.raises(Invalid) as refused:
        await patch(world, {"spec": {"foo": 1}}, field_validation=FieldValidation.STRICT)
    assert refused.value.message.startswith(' "" is invalid: patch: Invalid value: ')
    assert refused.value.message.endswith('strict decoding error: unknown field "spec.foo"')
    await patch(world, {"spec": {"foo": 1}})
    assert world.caller.warnings == ['unknown field "spec.foo"']


@pytest.mark.parametrize(("body", "error"), [({"kind": "Other"}, Invalid), ({"apiVersion": "v9"}, BadRequest), ({"metadata": 5}, Invalid)])  # fmt: skip
async def test_a_patch_cannot_turn_an_object_into_another(world: World, body: Document, error: type[Exception]) -> None:
    await world.create("vms", vm(cpu=1))
    with pytest.raises(error):
        await patch(world, body)


async def test_an_edit_sees_the_newest_version_and_never_conflicts(world: World) -> None:
    await world.create("vms", vm(cpu=1))

    def more(document: Document) -> None:
        document["spec"]["cpu"] += 1

    for _ in range(3):
        await world.api.edit(world.target("vms", "a"), more, world.asking())
    assert (await world.get("vms", "a"))["spec"]["cpu"] == 4


async def test_a_dry_run_shows_the_change_and_keeps_the_version(world: World) -> None:
    before = await world.create("vms", vm(cpu=1))
    shown = await patch(world, {"spec": {"cpu": 2}}, dry_run=True)
    assert shown["spec"]["cpu"] == 2
    assert shown["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    assert await world.get("vms", "a") == before
