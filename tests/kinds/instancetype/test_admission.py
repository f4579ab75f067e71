"""Matchers of a VirtualMachine on their way in: what is checked, inferred and written early (reference kubevirt-flavor.md 6.2 and 6.3)."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from solovirt.kinds.instancetype.names import CLUSTER_INSTANCETYPES, CLUSTER_PREFERENCES, PREFERENCES
from tests.kinds.instancetype.conftest import MUTATOR, VALIDATOR, machine

FIELDS = ("instancetype", "preference")
SMALL: dict[str, Any] = {"cpu": {"guest": 2}, "memory": {"guest": "1Gi"}}


@pytest.mark.parametrize("field", FIELDS)
def test_a_matcher_needs_a_name_or_a_volume(gate, field):
    """rule 44"""
    text = f"Either Name or InferFromVolume should be provided within the {field.capitalize()}Matcher"
    for matcher in ({}, {"kind": "x"}):
        assert gate.refusal("VirtualMachine", machine(**{field: matcher})) == (
            MUTATOR,
            [("NotFound", f"spec.{field}", text)],
        )


@pytest.mark.parametrize("field", FIELDS)
def test_a_volume_goes_with_neither_name_nor_kind(gate, field):
    """rule 45"""
    matcher = {"name": "x", "kind": "y", "inferFromVolume": "root"}
    text = "already set, should be cleared before setting inferFromVolume"
    assert gate.refusal("VirtualMachine", machine(**{field: matcher}))[1] == [
        ("NotSupported", f"spec.{field}.name", f"Name {text}"),
        ("NotSupported", f"spec.{field}.kind", f"Kind {text}"),
    ]


@pytest.mark.parametrize("field", FIELDS)
def test_failure_policies_are_known(gate, field):
    """rule 46"""
    for policy in ("Perhaps", ""):
        matcher = {"name": "x", "inferFromVolumeFailurePolicy": policy}
        text = f"Invalid value '{policy}' for InferFromVolumeFailurePolicy"
        path = f"spec.{field}.inferFromVolumeFailurePolicy"
        assert gate.refusal("VirtualMachine", machine(**{field: matcher}))[1] == [("Invalid", path, text)]
    for policy in ("Ignore", "Reject"):
        gate.vm(**{field: {"name": "x", "inferFromVolumeFailurePolicy": policy}})


@pytest.mark.parametrize("field", FIELDS)
def test_another_name_wants_another_revision(gate, field):
    """rule 47"""
    old = machine(**{field: {"name": "a", "revisionName": "r"}})
    new = {"name": "b", "revisionName": "r"}
    text = "the Matcher Name has been updated without updating the RevisionName"
    assert gate.refusal("VirtualMachine", machine(**{field: new}), old) == (
        MUTATOR,
        [("Invalid", f"spec.{field}.revisionName", text)],
    )
    for fine in ({"name": "b"}, {"name": "b", "revisionName": "s"}, {"name": "a", "revisionName": "r", "kind": "x"}):
        gate.vm(old, **{field: fine})
    gate.vm(machine(**{field: {"name": "a"}}), **{field: {"name": "b"}})


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    "matcher", [{"name": "missing"}, {"name": "x", "kind": "Size"}, {"name": "x", "revisionName": "r"}]
)
def test_what_is_missing_is_no_error_yet(gate, field, matcher):
    """Section 6.3."""
    assert gate.vm(**{field: matcher})["spec"][field] == matcher


def test_nothing_of_an_instance_type_is_written_into_the_vm(gate):
    gate.put(CLUSTER_INSTANCETYPES, "small", spec=SMALL)
    domain = gate.vm(instancetype={"name": "small"})["spec"]["template"]["spec"]["domain"]
    assert "cpu" not in domain
    assert "memory" not in domain


def test_the_rules_see_the_machine_whole(gate):
    """rule 34: the template is checked as the instance it would become, here too large for its own bounds."""
    memory = {"guest": "4Gi", "maxGuest": "2Gi"}
    gate.put(CLUSTER_INSTANCETYPES, "odd", spec={**SMALL, "memory": memory})
    webhook, causes = gate.refusal("VirtualMachine", machine(instancetype={"name": "odd"}))
    text = "Guest memory is greater than the configured maxGuest memory"
    assert webhook == VALIDATOR
    assert causes == [("Invalid", "spec.template.spec.domain.memory.guest", text)]


def test_vcpus_that_cannot_be_spread_are_refused(gate):
    """rule 50"""
    gate.put(CLUSTER_INSTANCETYPES, "three", spec={**SMALL, "cpu": {"guest": 3}})
    gate.put(CLUSTER_PREFERENCES, "spread", spec={"cpu": {"preferredCPUTopology": "spread"}})
    ratio = "Spec.PreferSpreadSocketToCoreRatio or Spec.CPU.PreferSpreadOptions.Ratio of 2 provided by the preference"
    text = f"3 vCPUs provided by the instance type are not divisible by the {ratio}"
    vm = machine(instancetype={"name": "three"}, preference={"name": "spread"})
    assert gate.refusal("VirtualMachine", vm) == (VALIDATOR, [("Invalid", "instancetype.spec.cpu.guest", text)])


def test_a_vm_is_looked_at_again_when_its_instance_type_may_have_changed(gate):
    """Section 3.1 of kubevirt-validation.md: validated again in full, also when nothing but metadata changes."""
    gate.put(CLUSTER_INSTANCETYPES, "small", spec={**SMALL, "schedulerName": "mine"})
    old = machine(instancetype={"name": "small"}, template={"schedulerName": "x"})
    new = copy.deepcopy(old)
    new["metadata"]["labels"] = {"a": "b"}
    assert gate.refusal("VirtualMachine", new, old)[1][0][1] == "spec.template.spec.schedulerName"


def test_a_preference_is_partly_written_early(gate):
    """Section 6.2, end: what defaults would otherwise be before."""
    spec = {
        "preferredArchitecture": "arm64",
        "machine": {"preferredMachineType": "virt-9"},
        "volumes": {"preferredStorageClassName": "fast"},
        "preferredSubdomain": "late",
    }
    gate.put(PREFERENCES, "p", "ns", spec=spec)
    source: dict[str, Any] = {"blank": {}}
    templates = [
        {"metadata": {"name": "a"}, "spec": {"storage": {}, "source": source}},
        {"metadata": {"name": "b"}, "spec": {"pvc": {"storageClassName": "slow"}, "source": source}},
    ]
    volumes = [{"name": name, "dataVolume": {"name": name}} for name in ("a", "b")]
    vm = gate.vm(
        preference={"name": "p", "kind": "VirtualMachinePreference"},
        dataVolumeTemplates=templates,
        template={"volumes": volumes},
    )
    template = vm["spec"]["template"]["spec"]
    assert (template["architecture"], template["domain"]["machine"]) == ("arm64", {"type": "virt-9"})
    assert "subdomain" not in template
    assert [
        (one["spec"].get("storage") or one["spec"]["pvc"])["storageClassName"]
        for one in vm["spec"]["dataVolumeTemplates"]
    ] == ["fast", "slow"]


@pytest.mark.parametrize(
    "spec",
    [
        {"instancetype": "small"},
        {"instancetype": {"name": 1}},
        {"instancetype": {"inferFromVolume": "root"}, "template": {"volumes": {"root": 1}}},
        {"preference": {"name": "p"}, "dataVolumeTemplates": ["x"]},
        {"preference": {"name": "p"}, "template": {"domain": {"machine": "q35"}}},
    ],
)
def test_malformed_vms_are_left_to_the_schema(gate, spec):
    gate.put(
        CLUSTER_PREFERENCES,
        "p",
        spec={"volumes": {"preferredStorageClassName": "fast"}, "machine": {"preferredMachineType": "x"}},
    )
    from solovirt.kinds.instancetype import admission as instancetypes
    from solovirt.kinds.kubevirt.resources import RESOURCES
    from solovirt.machinery.admission import Admission, Operation
    from solovirt.machinery.auth.identity import User
    from solovirt.machinery.resource import ObjectKey

    resource = next(one for one in RESOURCES if one.kind == "VirtualMachine")
    asked = Admission(Operation.CREATE, resource, "v1", ObjectKey("ns", "one"), User("jane"), gate, None)  # type: ignore[arg-type]  # no time passes
    instancetypes.mutate(machine(**spec), None, asked, webhook=MUTATOR)
