"""POST: names, system fields, unknown fields, validation (reference kubernetes-api.md 2.1, 3.1, 3.2, 4.1, 4.2, 7)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from solovirt.machinery.errors import AlreadyExists, BadRequest, Forbidden, Invalid, NotFound, PlainError, StatusError
from solovirt.machinery.verbs.protocol import DeleteOptions, FieldValidation
from tests.machinery.verbs.conftest import World, config_map, vm

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def test_the_server_alone_says_uid_time_version_and_generation(world: World) -> None:
    """3.2: client values are overwritten."""
    document = vm(cpu=1)
    document["metadata"] |= {
        "uid": "mine",
        "creationTimestamp": "2001-01-01T00:00:00Z",
        "generation": 7,
        "deletionTimestamp": "2001-01-01T00:00:00Z",
        "deletionGracePeriodSeconds": 3,
        "selfLink": "/x",
    }
    created = await world.create("vms", document)
    meta = created["metadata"]
    assert UUID.fullmatch(meta["uid"])
    assert meta["creationTimestamp"] == "2026-11-23T07:00:00Z"
    assert meta["generation"] == 1
    assert int(meta["resourceVersion"]) > 0
    assert meta["namespace"] == "default"
    assert not {"selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"} & set(meta)


async def test_core_kinds_without_generation_get_none(world: World) -> None:
    created = await world.create("configmaps", config_map(a="1"))
    assert "generation" not in created["metadata"]


async def test_status_is_dropped_where_it_is_a_subresource(world: World) -> None:
    created = await world.create("vms", {**vm(cpu=1), "status": {"phase": "Running"}})
    assert "status" not in created


async def test_a_resource_version_on_create_is_an_internal_error(world: World) -> None:
    """3.2: observed as a bare 500."""
    document = vm()
    document["metadata"]["resourceVersion"] = "5"
    with pytest.raises(PlainError) as refused:
        await world.create("vms", document)
    assert refused.value.status() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "resourceVersion should not be set on objects to be created",
        "code": 500,
    }


async def test_a_second_object_of_the_name_is_refused(world: World) -> None:
    await world.create("vms", vm())
    with pytest.raises(AlreadyExists) as refused:
        await world.create("vms", vm())
    assert refused.value.message == 'vms.example.com "a" already exists'
    assert refused.value.details == {"name": "a", "group": "example.com", "kind": "vms"}


async def test_an_object_on_its_way_out_still_holds_its_name(world: World) -> None:
    """3.4 item 5."""
    document = vm("b3")
    document["metadata"]["finalizers"] = ["x.io/y"]
    await world.create("vms", document)
    await world.api.delete(world.target("vms", "b3"), DeleteOptions(), world.asking())
    with pytest.raises(AlreadyExists) as refused:
        await world.create("vms", vm("b3"))
    assert refused.value.message == 'object is being deleted: vms.example.com "b3" already exists'


async def test_a_missing_namespace_is_not_found(world: World) -> None:
    document = vm()
    document["metadata"]["namespace"] = "nowhere"
    with pytest.raises(NotFound) as refused:
        await world.create("vms", document)
    assert refused.value.message == 'namespaces "nowhere" not found'


async def test_a_terminating_namespace_takes_nothing_new(world: World) -> None:
    """Section 7, Namespace."""
    await world.create("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n1"}})
    await world.api.delete(world.target("namespaces", "n1"), DeleteOptions(), world.asking())
    document = config_map("g")
    document["metadata"]["namespace"] = "n1"
    with pytest.raises(Forbidden) as refused:
        await world.create("configmaps", document)
    assert refused.value.message == (
        'configmaps "g" is forbidden: unable to create new content in namespace n1 because it is being terminated'
    )
    assert refused.value.details is not None
    assert refused.value.details["causes"] == [
        {
            "reason": "NamespaceTerminating",
            "message": "namespace n1 is being terminated",
            "field": "metadata.namespace",
        }
    ]


async def test_generated_names_have_five_letters_after_at_most_fifty_eight(world: World) -> None:
    """3.1, generateName."""
    document = vm()
    document["metadata"] = {"generateName": "x" * 70}
    created = await world.create("vms", document)
    assert re.fullmatch(r"x{58}[bcdfghjklmnpqrstvwxz2456789]{5}", created["metadata"]["name"])
    assert created["metadata"]["generateName"] == "x" * 70


async def test_a_generated_name_that_is_taken_eight_times_is_given_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from solovirt.machinery import metadata

    tries: list[str] = []

    def always_the_same(base: str) -> str:
        tries.append(base)
        return f"{base}taken"

    monkeypatch.setattr(metadata, "generate_name", always_the_same)
    await world.create("vms", vm("n-taken"))
    document = vm()
    document["metadata"] = {"generateName": "n-"}
    with pytest.raises(AlreadyExists) as refused:
        await world.create("vms", document)
    assert len(tries) == 8
    assert refused.value.message == (
        'vms.example.com "n-taken" already exists, the server was not able to generate a unique name for the object'
    )
    assert refused.value.retry_after == 1


async def test_an_object_without_any_name_is_invalid(world: World) -> None:
    document = vm()
    document["metadata"] = {}
    with pytest.raises(Invalid) as refused:
        await world.create("vms", document)
    assert refused.value.message == (
        'VM.example.com "" is invalid: metadata.name: Required value: name or generateName is required'
    )


async def test_a_bad_name_is_told_in_kubernetes_words(world: World) -> None:
    with pytest.raises(Invalid) as refused:
        await world.create("vms", vm("Bad_Name"))
    assert refused.value.message == (
        'VM.example.com "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain must '
        "consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character "
        "(e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"namespace": "other"},
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
    ],
)
async def test_the_document_must_agree_with_the_path(world: World, change: dict[str, Any], message: str) -> None:
    document = vm()
    document["metadata"] |= change
    with pytest.raises(BadRequest) as refused:
        await world.api.create(world.target("vms"), document, world.asking())
    assert refused.value.message == message


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"apiVersion": "example.com/v2"},
            BadRequest,
            "the API version in the data (example.com/v2) does not match the expected API version (example.com/v1)",
        ),
        ({"kind": "Other"}, Invalid, 'VM.example.com "a" is invalid: kind: Invalid value: "Other": must be VM'),
    ],
)
async def test_another_kind_or_version_is_refused(
    world: World, change: dict[str, Any], error: type[StatusError], message: str
) -> None:
    """4.1 'wrong kind'."""
    with pytest.raises(error) as refused:
        await world.create("vms", {**vm(), **change})
    assert refused.value.message == message


async def test_built_in_kinds_take_kind_and_version_from_the_path(world: World) -> None:
    """4.2: built-ins default a missing kind."""
    created = await world.create("configmaps", {"metadata": {"name": "bare"}, "data": {"a": "b"}})
    assert (created["apiVersion"], created["kind"]) == ("v1", "ConfigMap")


async def test_a_custom_object_without_kind_is_unrecognised(world: World) -> None:
    document = vm()
    del document["kind"]
    with pytest.raises(BadRequest) as refused:
        await world.create("vms", document)
    assert refused.value.message.startswith(
        "the object provided is unrecognized (must be of type VM): Object 'Kind' is missing in '"
    )


async def test_a_wrong_go_type_in_a_built_in_is_a_decoding_error(world: World) -> None:
    """4.2."""
    document = config_map()
    document["data"] = {"a": 1}
    with pytest.raises(BadRequest) as refused:
        await world.create("configmaps", document)
    assert refused.value.message == (
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field '
        "ConfigMap.data of type string"
    )


def unknown() -> dict[str, Any]:
    document = vm(cpu=1, foo=1, vols=[{"name": "x", "bogus": 1}])
    document["extra"] = 1
    return document


async def test_unknown_fields_are_warned_of_and_dropped(world: World) -> None:
    """4.2: one warning each, and the write succeeds."""
    created = await world.create("vms", unknown())
    assert created["spec"] == {"cpu": 1, "vols": [{"name": "x"}]}
    assert "extra" not in created
    assert world.caller.warnings == [
        'unknown field "extra"',
        'unknown field "spec.foo"',
        'unknown field "spec.vols[0].bogus"',
    ]


async def test_unknown_fields_are_dropped_in_silence_if_asked(world: World) -> None:
    created = await world.create("vms", unknown(), field_validation=FieldValidation.IGNORE)
    assert created["spec"] == {"cpu": 1, "vols": [{"name": "x"}]}
    assert world.caller.warnings == []


async def test_a_strict_caller_is_refused_with_all_of_them(world: World) -> None:
    """4.2, the Strict example."""
    with pytest.raises(BadRequest) as refused:
        await world.create("vms", unknown(), field_validation=FieldValidation.STRICT)
    assert refused.value.message == (
        'VM in version "v1" cannot be handled as a VM: strict decoding error: unknown field "extra", '
        'unknown field "spec.foo", unknown field "spec.vols[0].bogus"'
    )
    assert not await world.has("vms", "a")


async def test_duplicate_fields_and_unknown_metadata_count(world: World) -> None:
    document = vm(cpu=1)
    document["metadata"]["zip"] = 1
    with pytest.raises(BadRequest) as refused:
        await world.create(
            "vms", document, field_validation=FieldValidation.STRICT, duplicate_fields=('duplicate field "spec.cpu"',)
        )
    assert 'duplicate field "spec.cpu", unknown field "metadata.zip"' in refused.value.message


async def test_what_the_schema_forbids_is_invalid_with_causes(world: World) -> None:
    """4.1, CRD schema errors."""
    with pytest.raises(Invalid) as refused:
        await world.create("vms", vm(cpu=0))
    assert refused.value.message == (
        'VM.example.com "a" is invalid: spec.cpu: Invalid value: 0: spec.cpu in body should be greater than or equal to 1'
    )
    assert refused.value.details == {
        "name": "a",
        "group": "example.com",
        "kind": "VM",
        "causes": [
            {
                "reason": "FieldValueInvalid",
                "message": "Invalid value: 0: spec.cpu in body should be greater than or equal to 1",
                "field": "spec.cpu",
            }
        ],
    }


async def test_bad_labels_and_finalizers_are_all_reported(world: World) -> None:
    document = vm(cpu=1)
    document["metadata"] |= {"labels": {"a b": "c d"}, "finalizers": ["not ok"]}
    with pytest.raises(Invalid) as refused:
        await world.create("vms", document)
    assert refused.value.details is not None
    fields = [cause["field"] for cause in refused.value.details["causes"]]
    assert fields == ["metadata.labels", "metadata.labels", "metadata.finalizers"]


async def test_two_controllers_are_one_too_many(world: World) -> None:
    """3.2, ownerReferences."""
    document = vm()
    document["metadata"]["ownerReferences"] = [
        {"apiVersion": "v1", "kind": "A", "name": "x", "uid": "1", "controller": True},
        {"apiVersion": "v1", "kind": "B", "name": "y", "uid": "2", "controller": True},
    ]
    with pytest.raises(Invalid) as refused:
        await world.create("vms", document)
    assert (
        'Only one reference can have Controller set to true. Found "true" in references for A/x and B/y'
        in refused.value.message
    )


@pytest.mark.parametrize(
    "metadata",
    [5, {"name": 5}, {"name": "a", "labels": {"x": 1}}, {"name": "a", "finalizers": "x"}, {"name": "a", "ownerReferences": [1]},
     {"name": "a", "creationTimestamp": "yesterday"}, {"name": "a", "managedFields": [{"fieldsV1": 3}]}],
)  # fmt: skip
async def test_metadata_of_wrong_types_cannot_be_decoded(world: World, metadata: Any) -> None:
    with pytest.raises(BadRequest) as refused:
        await world.api.create(world.target("vms"), {**vm(), "metadata": metadata}, world.asking())
    assert refused.value.message.startswith('VM in version "v1" cannot be handled as a VM: ')


async def test_a_dry_run_stores_nothing_and_shows_everything(world: World) -> None:
    """2.2, dryRun: full admission, uid generated, no resourceVersion."""
    before = world.store.now.revision
    created = await world.create("vms", vm(cpu=1), dry_run=True)
    assert UUID.fullmatch(created["metadata"]["uid"])
    assert "resourceVersion" not in created["metadata"]
    assert not await world.has("vms", "a")
    assert world.store.now.revision == before


async def test_a_finalizer_without_a_domain_is_warned_of(world: World) -> None:
    """3.4."""
    document = vm()
    document["metadata"]["finalizers"] = ["foo"]
    await world.create("vms", document)
    assert world.caller.warnings == [
        (
            'metadata.finalizers: "foo": prefer a domain-qualified finalizer name to avoid accidental conflicts '
            "with other finalizer writers"
        )
    ]
