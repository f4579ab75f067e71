"""Finding and applying flavors, reference kubevirt-flavor.md 3.4, 4 and 5."""

from __future__ import annotations

from typing import Any

import pytest

from solovirt.kinds.flavor import application
from solovirt.machinery.resource import GroupResource, ObjectKey

OBJECTS: dict[tuple[GroupResource, ObjectKey], dict[str, Any]] = {
    (application.FLAVORS, ObjectKey("ns", "small")): {"spec": {"cpu": {"cores": 1}}},
    (application.CLUSTER_FLAVORS, ObjectKey("", "small")): {"spec": {"cpu": {"cores": 2}}},
    (application.CLUSTER_FLAVORS, ObjectKey("", "empty")): {"spec": {}},
}


def get(resource: GroupResource, key: ObjectKey) -> dict[str, Any] | None:
    return OBJECTS.get((resource, key))


@pytest.mark.parametrize(
    ("kind", "cores"),
    [
        (None, 2),
        ("", 2),
        ("VirtualMachineClusterFlavor", 2),
        ("virtualmachineclusterflavors", 2),
        ("VirtualMachineFlavor", 1),
        ("VIRTUALMACHINEFLAVORS", 1),
    ],
)
def test_kinds_are_matched_in_any_case_and_number_and_default_to_the_clusters(kind, cores):
    matcher = {"name": "small"} if kind is None else {"name": "small", "kind": kind}
    assert application.find(matcher, "ns", get).spec["cpu"]["cores"] == cores


@pytest.mark.parametrize(
    ("matcher", "message"),
    [
        (
            {"name": "big", "kind": "VirtualMachineFlavor"},
            'virtualmachineflavor.flavor.kubevirt.io "ns/big" not found',
        ),
        ({"name": "big"}, 'virtualmachineclusterflavor.flavor.kubevirt.io "big" not found'),
        ({"name": "small", "kind": "Flavour"}, "got unexpected kind in FlavorMatcher: Flavour"),
    ],
)
def test_a_flavor_that_is_not_there_is_named(matcher, message):
    with pytest.raises(application.FlavorNotFound) as raised:
        application.find(matcher, "ns", get)
    assert str(raised.value) == message


def test_a_namespaced_flavor_is_looked_for_in_the_vms_namespace_only():
    with pytest.raises(application.FlavorNotFound):
        application.find({"name": "small", "kind": "VirtualMachineFlavor"}, "elsewhere", get)


def test_the_cpu_is_taken_whole():
    spec: dict[str, Any] = {"domain": {"devices": {}}}
    flavor = application.find({"name": "small"}, "ns", get)
    application.apply(flavor, spec)
    assert spec["domain"]["cpu"] == {"cores": 2}
    spec["domain"]["cpu"]["cores"] = 9
    assert flavor.spec["cpu"]["cores"] == 2


@pytest.mark.parametrize("cpu", [{}, {"model": "host-model"}, {"cores": 2}])
def test_any_cpu_in_the_template_conflicts(cpu):
    spec = {"domain": {"cpu": dict(cpu)}}
    with pytest.raises(application.FlavorConflict) as raised:
        application.apply(application.find({"name": "small"}, "ns", get), spec)
    assert str(raised.value) == "VMI conflicts with flavor spec in fields: [spec.domain.cpu]"
    assert spec == {"domain": {"cpu": cpu}}


def test_a_flavor_without_cpu_changes_and_refuses_nothing():
    spec = {"domain": {"cpu": {"cores": 4}}}
    application.apply(application.find({"name": "empty"}, "ns", get), spec)
    assert spec == {"domain": {"cpu": {"cores": 4}}}


def test_the_instance_names_its_flavor_by_kind():
    of_cluster = application.find({"name": "small"}, "ns", get)
    namespaced = application.find({"name": "small", "kind": "virtualmachineflavor"}, "ns", get)
    assert of_cluster.annotation == ("kubevirt.io/cluster-flavor-name", "small")
    assert namespaced.annotation == ("kubevirt.io/flavor-name", "small")
