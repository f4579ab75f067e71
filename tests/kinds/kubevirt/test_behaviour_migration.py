"""Admission of migrations (kubevirt-validation.md 9)."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from solovirt.kinds.kubevirt.behaviour_migration import CREATE_WEBHOOK, MUTATOR, UPDATE_WEBHOOK
from solovirt.machinery.admission import Operation
from solovirt.machinery.errors import required
from tests.kinds.kubevirt.admitted import CONTROLLER, RESOURCES, admission, causes, kubevirt, refusal

KIND = "VirtualMachineInstanceMigration"
BEHAVIOUR = RESOURCES[KIND].behaviour
LABEL = "kubevirt.io/vmi-name"


def migration(name: str = "it", vmi: str = "vm", phase: str | None = None, **spec: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": "default", "uid": f"uid-{name}", "labels": {LABEL: vmi}}
    out = {"kind": KIND, "metadata": meta, "spec": {"vmiName": vmi, **spec}}
    return out if phase is None else {**out, "status": {"phase": phase}}


def instance(phase: str = "Running", **condition: Any) -> dict[str, Any]:
    conditions = [{"type": "LiveMigratable", **condition}] if condition else []
    meta = {"name": "vm", "namespace": "default"}
    return {
        "kind": "VirtualMachineInstance",
        "metadata": meta,
        "status": {"phase": phase, "conditions": conditions},
    }


def create(obj: dict[str, Any], *documents: dict[str, Any], **options: Any):
    return lambda: BEHAVIOUR.validate_create(obj, admission(KIND, *documents, **options))


def update(obj: dict[str, Any], old: dict[str, Any]):
    return lambda: BEHAVIOUR.validate_update(obj, old, admission(KIND, operation=Operation.UPDATE))


def test_a_new_migration_gets_its_label_and_finalizer():
    """kubevirt-vm.md 12.3."""
    obj: dict[str, Any] = {"metadata": {"name": "it", "labels": {"a": "b"}}, "spec": {"vmiName": "vm"}}
    BEHAVIOUR.mutate(obj, None, admission(KIND))
    assert obj["metadata"]["labels"] == {"a": "b", LABEL: "vm"}
    assert obj["metadata"]["finalizers"] == ["kubevirt.io/migrationJobFinalize"]
    again = copy.deepcopy(obj)
    BEHAVIOUR.mutate(again, obj, admission(KIND, operation=Operation.UPDATE))
    assert again == obj


def test_the_mutating_webhook_words_what_is_missing():
    """Section 2, end."""
    refused = BEHAVIOUR.refuse_malformed({}, [required("spec.receive.migrationID")], admission(KIND))
    assert refused is not None
    text = "spec.receive.migrationID in body is required"
    assert refused.status()["message"] == f'admission webhook "{MUTATOR}" denied the request: {text}'


@pytest.mark.parametrize(
    ("spec", "gates", "expected"),
    [
        ({"vmiName": ""}, (), ("Required", "spec.vmiName", "vmiName is missing")),
        ({"priority": "system-critical"}, (), ("Forbidden", "spec.migrationPriority", "Migration priority queue, only virt-controller is allowed to set priority field")),
        ({"receive": {"migrationID": "a"}}, ("DecentralizedLiveMigration",), ("NotSupported", None, "DecentralizedLiveMigration feature gate is not enabled in kubevirt resource")),
        ({"sendTo": {"migrationID": "a", "connectURL": "x"}, "receive": {"migrationID": "b"}}, (), ("Invalid", None, "sendTo migrationID a does not match receive migrationID b")),
    ],
)  # fmt: skip
def test_a_wrong_spec(spec, gates, expected):
    """Rules 219, 220 and 225; *gates* are shut."""
    asked = create(
        migration(**{"vmi": "vm"} | {}) | {"spec": {"vmiName": "vm", **spec}}, instance(), kubevirt(disabled=gates)
    )
    assert causes(asked, CREATE_WEBHOOK) == [expected]


def test_virt_controller_sets_priorities():
    """Rule 220."""
    create(migration(priority="system-critical"), instance(), user=CONTROLLER)()


@pytest.mark.parametrize(
    ("documents", "text"),
    [
        ((), 'the VMI "default/vm" does not exist'),
        ((instance("Succeeded"),), "Cannot migrate VMI in finalized state."),
        ((instance("Failed"),), "Cannot migrate VMI in finalized state."),
        (
            (instance(status="False", reason="DisksNotLiveMigratable", message="no RWX"),),
            "Cannot migrate VMI, Reason: DisksNotLiveMigratable, Message: no RWX",
        ),
        (
            (instance(), migration("other", phase="Running")),
            "in-flight migration detected. Active migration job (uid-other) is currently already in progress for VMI vm.",
        ),
    ],
)
def test_an_instance_that_cannot_be_moved(documents, text):
    """Rules 221 to 224: a plain 400 without reason and details."""
    status = refusal(create(migration(), *documents))
    assert status["message"] == f'admission webhook "{CREATE_WEBHOOK}" denied the request: {text}'
    assert status["code"] == 400
    assert "reason" not in status
    assert "details" not in status


def test_finished_migrations_and_those_of_others_do_not_count():
    """Rule 224."""
    others = (migration("a", phase="Succeeded"), migration("b", phase="Failed"), migration("c", vmi="x"))
    create(migration(), instance(status="True"), *others)()


def test_disks_need_not_be_shared_between_clusters():
    """Rule 223."""
    stuck = instance(status="False", reason="DisksNotLiveMigratable", message="no RWX")
    create(migration(receive={"migrationID": "a"}), stuck)()


def test_the_spec_is_fixed():
    """Rule 226."""
    expected = ("NotSupported", None, "update of Migration object's spec is restricted")
    assert causes(update(migration(addedNodeSelector={"a": "b"}), migration()), UPDATE_WEBHOOK) == [expected]


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        (None, "selector label can't be removed from an in-flight migration"),
        ({"a": "b"}, "selector label can't be modified on an in-flight migration"),
        ({LABEL: "x"}, "selector label can't be modified on an in-flight migration"),
    ],
)
def test_the_label_stays_while_the_migration_runs(labels, text):
    """Rule 227."""

    def changed(phase: str | None) -> dict[str, Any]:
        new = migration(phase=phase)
        del new["metadata"]["labels"]
        if labels is not None:
            new["metadata"]["labels"] = labels
        return new

    assert causes(update(changed("Running"), migration(phase="Running")), UPDATE_WEBHOOK) == [
        ("NotSupported", None, text)
    ]
    assert causes(update(changed("Failed"), migration(phase="Failed")), UPDATE_WEBHOOK) == []
