"""Admission of VirtualMachines (reference kubevirt-validation.md 2 and 3, kubevirt-vm.md 6.1)."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from solovirt.kinds.kubevirt import configuration, machine_rules
from solovirt.kinds.kubevirt.behaviour_vm import VirtualMachineBehaviour
from solovirt.kinds.kubevirt.resources import RESOURCES
from solovirt.machinery.admission import Admission, Operation
from solovirt.machinery.auth.identity import User
from solovirt.machinery.errors import FieldError, FieldErrorType, StatusError, required
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import ObjectKey
from solovirt.machinery.schema.compiled import SchemaSet
from tests.kinds.kubevirt.admitted import Documents, kubevirt

RESOURCE = next(resource for resource in RESOURCES if resource.kind == "VirtualMachine")
BEHAVIOUR = VirtualMachineBehaviour()
BOTH = "Running and RunStrategy are mutually exclusive. Note that Running is deprecated, please use RunStrategy instead"


def admission(operation=Operation.CREATE) -> Admission:
    when = datetime(2026, 1, 1, tzinfo=UTC)
    return Admission(operation, RESOURCE, "v1", ObjectKey("default", "vm"), User("jane"), Documents(), when)


def machine(**spec: Any) -> dict[str, Any]:
    template = {"spec": {"domain": {"devices": {}, "memory": {"guest": "1Gi"}}}}
    return {"metadata": {"name": "vm", "namespace": "default"}, "spec": {"template": template, **spec}}


def causes(obj: dict[str, Any], old: dict[str, Any] | None = None) -> list[tuple[str, str, str]]:
    """(reason, field, message) of the refusal's causes, empty if the VM is admitted."""
    try:
        if old is None:
            BEHAVIOUR.validate_create(obj, admission())
        else:
            BEHAVIOUR.validate_update(obj, old, admission(Operation.UPDATE))
    except StatusError as error:
        status = error.status()
        assert status["code"] == 422
        assert status["message"].startswith(
            'admission webhook "virtualmachine-validator.kubevirt.io" denied the request: '
        )
        found = status["details"]["causes"]
        return [(one["reason"].removeprefix("FieldValue"), one["field"], one["message"]) for one in found]
    return []


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"running": False}, []),
        ({"runStrategy": "Once"}, []),
        ({"running": False, "runStrategy": "Halted"}, [("Invalid", "spec.running", BOTH)]),
        ({}, [("Invalid", "spec.running", "RunStrategy must be specified")]),
        ({"runStrategy": "Sometimes"}, [("Invalid", "spec.runStrategy", "Invalid RunStrategy (Sometimes)")]),
        ({"runStrategy": "WaitAsReceiver"}, []),
    ],
)
def test_run_strategies(spec, expected):
    """Rules 28 to 30."""
    assert causes(machine(**spec)) == expected


def test_running_warns_that_it_is_deprecated():
    asked = admission()
    BEHAVIOUR.validate_create(machine(running=True), asked)
    assert asked.warnings == ["spec.running is deprecated, please use spec.runStrategy instead."]


HTTP = {"http": {"url": "http://example.com/x"}}
ENTRY = "spec.dataVolumeTemplate[0]"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ({"metadata": {"name": "disk"}, "spec": {"storage": {}, "source": HTTP}}, None),
        (
            {"spec": {"storage": {}, "source": HTTP}},
            (
                "Required",
                f"{ENTRY}.name",
                f"'name' field must not be empty for DataVolumeTemplate entry {ENTRY}.name.",
            ),
        ),
        (
            {"metadata": {"name": "other"}, "spec": {"storage": {}, "source": HTTP}},
            (
                "Required",
                ENTRY,
                f"DataVolumeTemplate entry {ENTRY} must be referenced in the VMI template's 'volumes' list",
            ),
        ),
        (
            {"metadata": {"name": "disk"}, "spec": {"source": HTTP}},
            ("Invalid", f"{ENTRY}.PVC.Storage", "Missing Data volume PVC or Storage"),
        ),
        (
            {"metadata": {"name": "disk"}, "spec": {"pvc": {}, "storage": {}, "source": HTTP}},
            (
                "Invalid",
                f"{ENTRY}.PVC.Storage",
                "Duplicate storage definition, both target storage and target pvc defined",
            ),
        ),
        (
            {"metadata": {"name": "disk"}, "spec": {"storage": {"dataSource": {"name": "x"}}, "source": HTTP}},
            ("Invalid", f"{ENTRY}.source", "External population is incompatible with Source and SourceRef"),
        ),
        (
            {"metadata": {"name": "disk"}, "spec": {"storage": {}}},
            (
                "Invalid",
                f"{ENTRY}.source.sourceRef",
                "Data volume should have either Source, SourceRef, or be externally populated",
            ),
        ),
        (
            {"metadata": {"name": "disk"}, "spec": {"storage": {}, "source": {}}},
            ("Invalid", f"{ENTRY}.source", "Missing dataVolume valid source"),
        ),
        (
            {"metadata": {"name": "disk"}, "spec": {"storage": {}, "source": {**HTTP, "blank": {}}}},
            ("Invalid", f"{ENTRY}.source", "Multiple dataVolume sources"),
        ),
        (
            {"metadata": {"name": "disk", "namespace": "x"}, "spec": {"storage": {}, "source": HTTP}},
            (
                "Invalid",
                "spec.dataVolumeTemplates[0]",
                "Embedded DataVolume namespace x differs from VM namespace default",
            ),
        ),
    ],
)
def test_data_volume_templates(template, expected):
    """Rules 35 to 42."""
    vm = machine(running=False, dataVolumeTemplates=[template])
    vm["spec"]["template"]["spec"]["volumes"] = [{"name": "root", "dataVolume": {"name": "disk"}}]
    vm["spec"]["template"]["spec"]["domain"]["devices"] = {"disks": [{"name": "root"}]}
    assert causes(vm) == ([] if expected is None else [expected])


def test_the_template_is_checked_as_the_instance_it_would_become():
    """Rule 34, with the paths of a template; the defaults are applied to a copy."""
    vm = machine(running=False)
    vm["spec"]["template"]["spec"]["hostname"] = "No_Label"
    before = copy.deepcopy(vm)
    ((reason, field, _),) = causes(vm)
    assert (reason, field) == ("Invalid", "spec.template.spec.hostname")
    assert vm == before


def test_the_first_stage_with_causes_answers_alone():
    """Section 1.3: the spec's stage comes before what it says of other namespaces."""
    template = {"metadata": {"name": "disk", "namespace": "x"}, "spec": {"storage": {}, "source": HTTP}}
    vm = machine(dataVolumeTemplates=[template])
    vm["spec"]["template"]["spec"]["volumes"] = [{"name": "root", "dataVolume": {"name": "disk"}}]
    assert [field for _, field, _ in causes(vm)] == ["spec.running"]


def test_a_snapshot_locks_volumes_and_running_state():
    """Rules 52 and 53."""
    old = machine(running=False)
    old["status"] = {"snapshotInProgress": "s"}
    new = copy.deepcopy(old)
    new["spec"]["running"] = True
    message = 'Cannot update vm running state until snapshot "s" completes'
    assert causes(new, old) == [("NotSupported", "spec", message)]
    new = copy.deepcopy(old)
    new["spec"]["template"]["spec"]["volumes"] = [{"name": "a", "emptyDisk": {"capacity": "1Gi"}}]
    assert [one.message for one in machine_rules.check_locks(new, old)] == [
        'Cannot update vm disks or volumes until snapshot "s" completes'
    ]


def test_a_restore_locks_the_strategy():
    """Rule 54: it is the effective strategy that counts."""
    old = machine(running=False)
    old["status"] = {"restoreInProgress": "r"}
    same = machine(runStrategy="Halted")
    assert machine_rules.check_locks(same, old) == []
    message = 'Cannot update VM runStrategy until restore "r" completes'
    assert causes(machine(runStrategy="Always"), old) == [("NotSupported", "spec", message)]


def test_what_is_being_deleted_is_admitted_unchecked():
    vm = machine()
    vm["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert causes(vm, machine(running=True)) == []


def test_a_new_vm_gets_architecture_machine_and_identity():
    """kubevirt-vm.md 6.1."""
    vm = machine(running=True)
    BEHAVIOUR.mutate(vm, None, admission())
    template = vm["spec"]["template"]["spec"]
    assert template["architecture"] == "amd64"
    assert template["domain"]["machine"] == {"type": "q35"}
    assert set(template["domain"]["firmware"]) == {"uuid", "serial"}
    again = copy.deepcopy(vm)
    BEHAVIOUR.mutate(again, vm, admission(Operation.UPDATE))
    assert again == vm


def test_an_old_vm_gets_no_new_identity():
    vm = machine(running=True)
    BEHAVIOUR.mutate(vm, machine(running=True), admission(Operation.UPDATE))
    assert "firmware" not in vm["spec"]["template"]["spec"]["domain"]


@pytest.mark.parametrize(
    "malformed",
    [{}, {"spec": {}}, {"spec": {"template": "x"}}, {"spec": {"template": {"spec": {"domain": 1}}}}, {"spec": None}],
)
def test_defaulting_leaves_malformed_objects_to_the_schema(malformed):
    before = copy.deepcopy(malformed)
    BEHAVIOUR.mutate(malformed, None, admission())
    assert malformed == before


def test_the_mutating_webhook_words_missing_fields_and_wrong_types():
    """Section 2, end."""
    wrong = FieldError(
        FieldErrorType.TYPE_INVALID,
        "spec.running",
        "string",
        'spec.running in body must be of type boolean: "string"',
    )
    errors = [required("spec.template.spec.domain"), required("spec.template.spec.volumes[0].name"), wrong]
    refusal = BEHAVIOUR.refuse_malformed({}, errors, admission())
    assert refusal is not None
    texts = [
        "spec.template.spec.domain in body is required",
        "spec.template.spec.volumes.0.name in body is required",
        'spec.running in body must be of type boolean: "string"',
    ]
    status = refusal.status()
    assert status["message"] == (
        'admission webhook "virtualmachines-mutator.kubevirt.io" denied the request: ' + ", ".join(texts)
    )
    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert status["details"] == {"causes": [{"message": text} for text in texts]}


def test_bounds_and_metadata_keep_kubernetes_words():
    too_many = FieldError(FieldErrorType.TOO_MANY, "spec.template.spec.volumes", 300, "must have at most 256 items")
    nameless = required("metadata.name", "name or generateName is required")
    assert BEHAVIOUR.refuse_malformed({}, [too_many, nameless], admission()) is None


def test_a_change_of_metadata_alone_warns_as_any_other():
    asked, vm = admission(Operation.UPDATE), machine(running=True)
    changed = copy.deepcopy(vm)
    changed["metadata"]["labels"] = {"a": "b"}
    BEHAVIOUR.validate_update(changed, vm, asked)
    assert asked.warnings == ["spec.running is deprecated, please use spec.runStrategy instead."]


def test_waiting_for_a_migration_is_behind_a_gate():
    """Rule 31."""
    text = "Invalid RunStrategy (WaitAsReceiver), DecentralizedLiveMigration feature gate is not enabled in kubevirt resource"
    shut = configuration.read(kubevirt(disabled=("DecentralizedLiveMigration",)), "kubevirt")
    found = machine_rules.check_run_strategy({"runStrategy": "WaitAsReceiver"}, cluster=shut)
    assert [(cause.field, cause.message) for cause in found] == [("spec.runStrategy", text)]


def test_a_template_namespace_that_was_there_is_not_looked_at_again():
    """Rule 42."""
    entry = {"metadata": {"name": "disk", "namespace": "x"}, "spec": {"storage": {}, "source": HTTP}}
    spec = {"dataVolumeTemplates": [entry]}
    assert machine_rules.check_template_namespaces(spec, "default", spec) == []
    assert len(machine_rules.check_template_namespaces(spec, "default", None)) == 1


def test_what_was_found_in_order_is_looked_at_again_under_another_configuration():
    """kubevirt-validation.md 3.1: changes of metadata alone are held against all rules too."""
    vm = machine(running=False)
    vm["metadata"] |= {"uid": "u", "generation": 1}
    vm["spec"]["template"]["metadata"] = {"annotations": {"hooks.kubevirt.io/hookSidecars": "[]"}}

    def change(*gates):
        asked = admission(Operation.UPDATE)
        asked.lookup = Documents(kubevirt(*gates))
        try:
            BEHAVIOUR.validate_update(copy.deepcopy(vm), vm, asked)
        except StatusError as error:
            return error.status()["details"]["causes"][0]["field"]
        return None

    field = "spec.template.metadata.annotations"
    assert [change("Sidecar"), change("Sidecar"), change(), change("Sidecar")] == [None, None, field, None]


@pytest.mark.parametrize(
    "spec",
    [
        {"running": False},
        {"runStrategy": "Halted", "template": {}},
        {"runStrategy": "Halted", "template": {"spec": {"domain": {"devices": {}}, "architecture": "arm64"}}},
        {
            "runStrategy": "Halted",
            "template": {"spec": {"domain": {"devices": {}, "machine": {"type": ""}, "firmware": {"serial": "s"}}}},
        },
        {"runStrategy": "Halted", "template": {"spec": {"domain": {"devices": {}, "machine": {"type": "q35"}}}}},
    ],
)
def test_what_the_schema_takes_it_still_takes_after_the_mutating_webhook(spec):
    """That is what lets a write skip the second look at the schema."""
    schema = SchemaSet(Registry()).of(RESOURCE, RESOURCE.storage_version)
    obj = {"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", **machine(**spec)}
    assert BEHAVIOUR.keeps_valid
    assert schema.accepts(obj)
    BEHAVIOUR.mutate(obj, None, admission())
    assert schema.accepts(obj)
