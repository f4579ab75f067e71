"""Finding instance types and preferences, reference kubevirt-flavor.md 6.1, 6.2 and 6.4."""

from __future__ import annotations

from typing import Any

import pytest

from solovirt.kinds.instancetype import finding, names
from solovirt.kinds.instancetype.finding import CONTROLLER_REVISIONS, INSTANCETYPE, PREFERENCE, CannotFind
from solovirt.machinery.resource import ObjectKey

OF = {
    INSTANCETYPE: (names.INSTANCETYPES, names.CLUSTER_INSTANCETYPES, "VirtualMachineClusterInstancetype"),
    PREFERENCE: (names.PREFERENCES, names.CLUSTER_PREFERENCES, "VirtualMachineClusterPreference"),
}
MEMORY: dict[str, Any] = {"memory": {"guest": "1Gi"}}


def sized(guest: int) -> dict[str, Any]:
    return {"cpu": {"guest": guest}, **MEMORY}


def vm(matching: finding.Matching, status: dict[str, Any] | None = None, **matcher: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "one", "namespace": "ns"},
        "spec": {matching.field: matcher},
        "status": {matching.status_field: status} if status else {},
    }


def revision(kind: str = "VirtualMachineClusterInstancetype", name: str = "small", **spec: Any) -> dict[str, Any]:
    data = {"apiVersion": "instancetype.kubevirt.io/v1beta1", "kind": kind, "metadata": {"name": name}, "spec": spec}
    return {"metadata": {"labels": {"instancetype.kubevirt.io/object-name": name}}, "data": data}


class Objects(dict[Any, dict[str, Any]]):
    def look(self, resource, key):
        return self.get((resource, key))


@pytest.fixture
def objects() -> Objects:
    found = Objects()
    for namespaced, cluster, _ in OF.values():
        found[namespaced, ObjectKey("ns", "small")] = {"spec": {"mine": True}}
        found[cluster, ObjectKey("", "small")] = {"spec": {"mine": False}}
    return found


@pytest.mark.parametrize("matching", OF, ids=lambda one: one.field)
@pytest.mark.parametrize(
    ("kind", "mine"),
    [
        (None, False),
        ("", False),
        ("VirtualMachineCluster{}", False),
        ("virtualmachinecluster{}s", False),
        ("VirtualMachine{}", True),
        ("VIRTUALMACHINE{}S", True),
    ],
)
def test_kinds_are_matched_in_any_case_and_number_and_default_to_the_clusters(objects, matching, kind, mine):
    matcher: dict[str, Any] = {"name": "small"}
    if kind is not None:
        what = matching.field.capitalize()
        matcher["kind"] = kind.format(what.upper() if kind.isupper() else what.lower() if kind.islower() else what)
    assert finding.spec_of(matching, vm(matching, **matcher), objects.look) == {"mine": mine}


@pytest.mark.parametrize("matching", OF, ids=lambda one: one.field)
def test_what_is_not_there_is_named(objects, matching):
    what = matching.field
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"name": "x"}, f'virtualmachinecluster{what}s.instancetype.kubevirt.io "x" not found'),
        (
            {"name": "x", "kind": f"VirtualMachine{what}"},
            f'virtualmachine{what}s.instancetype.kubevirt.io "x" not found',
        ),
        ({"name": "small", "kind": "Size"}, f"got unexpected kind in {what.capitalize()}Matcher: Size"),
        ({"name": "small", "revisionName": "r"}, 'controllerrevisions.apps "r" not found'),
    )
    for matcher, message in cases:
        with pytest.raises(CannotFind) as raised:
            finding.spec_of(matching, vm(matching, **matcher), objects.look)
        assert str(raised.value) == message


def test_a_namespaced_one_is_looked_for_in_the_vms_namespace_only(objects):
    machine = vm(INSTANCETYPE, name="small", kind="VirtualMachineInstancetype")
    machine["metadata"]["namespace"] = "elsewhere"
    with pytest.raises(CannotFind):
        finding.spec_of(INSTANCETYPE, machine, objects.look)


def test_a_revision_in_the_matcher_goes_before_all(objects):
    objects[CONTROLLER_REVISIONS, ObjectKey("ns", "asked")] = revision(**sized(3))
    objects[CONTROLLER_REVISIONS, ObjectKey("ns", "kept")] = revision(**sized(4))
    kept = {"name": "small", "controllerRevisionRef": {"name": "kept"}}
    machine = vm(INSTANCETYPE, kept, name="small", revisionName="asked")
    assert finding.spec_of(INSTANCETYPE, machine, objects.look) == sized(3)


def test_the_revision_in_the_status_goes_before_the_live_object(objects):
    objects[CONTROLLER_REVISIONS, ObjectKey("ns", "kept")] = revision(**sized(4))
    kept = {"name": "small", "controllerRevisionRef": {"name": "kept"}}
    assert finding.spec_of(INSTANCETYPE, vm(INSTANCETYPE, kept, name="small"), objects.look) == sized(4)


def test_a_kept_revision_of_another_name_does_not_count(objects):
    objects[CONTROLLER_REVISIONS, ObjectKey("ns", "kept")] = revision(name="other", **sized(4))
    kept = {"name": "other", "controllerRevisionRef": {"name": "kept"}}
    assert finding.spec_of(INSTANCETYPE, vm(INSTANCETYPE, kept, name="small"), objects.look) == {"mine": False}


def test_a_kept_revision_that_went_away_is_missed(objects):
    kept = {"name": "small", "controllerRevisionRef": {"name": "kept"}}
    with pytest.raises(CannotFind, match=r'^controllerrevisions\.apps "kept" not found$'):
        finding.spec_of(INSTANCETYPE, vm(INSTANCETYPE, kept, name="small"), objects.look)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (
            revision("VirtualMachinePreference"),
            "unexpected type in ControllerRevision: *v1beta1.VirtualMachinePreference",
        ),
        ({"metadata": {}}, "failed to decode object in ControllerRevision: Object 'Kind' is missing"),
        (revision(cpu={"guest": 1}), "failed to decode object in ControllerRevision: spec.memory: Required value"),
        (
            revision(cpu={"guest": "two"}, **MEMORY),
            (
                'failed to decode object in ControllerRevision: spec.cpu.guest: Invalid value: "string": '
                'spec.cpu.guest in body must be of type integer: "string"'
            ),
        ),
    ],
)
def test_a_revision_that_anybody_wrote_is_checked(objects, document, message):
    objects[CONTROLLER_REVISIONS, ObjectKey("ns", "asked")] = document
    with pytest.raises(CannotFind) as raised:
        finding.spec_of(INSTANCETYPE, vm(INSTANCETYPE, name="small", revisionName="asked"), objects.look)
    assert str(raised.value) == message


def test_a_vm_without_matcher_means_nothing(objects):
    machine = {"metadata": {"name": "one", "namespace": "ns"}, "spec": {}}
    assert finding.spec_of(INSTANCETYPE, machine, objects.look) is None


@pytest.mark.parametrize(
    ("matching", "kind", "annotation"),
    [
        (INSTANCETYPE, "VirtualMachineInstancetype", "kubevirt.io/instancetype-name"),
        (INSTANCETYPE, "", "kubevirt.io/cluster-instancetype-name"),
        (PREFERENCE, "virtualmachinepreferences", "kubevirt.io/preference-name"),
        (PREFERENCE, "VirtualMachineClusterPreference", "kubevirt.io/cluster-preference-name"),
    ],
)
def test_instances_name_what_they_were_made_with(matching, kind, annotation):
    """Section 6.3."""
    assert matching.annotation({"name": "small", "kind": kind}) == (annotation, "small")
