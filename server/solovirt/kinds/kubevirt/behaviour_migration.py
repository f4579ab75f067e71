"""
VirtualMachineInstanceMigrations at the door (reference kubevirt-validation.md 9, kubevirt-vm.md 12.3).

A migration gets the label by which it is found from its instance, and a finalizer until the job is over. Only an instance that can
be moved, and is not being moved already, may have one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from solovirt.kinds.kubevirt import configuration, denial, names, schema_check
from solovirt.kinds.kubevirt.rules import metadata
from solovirt.machinery.admission import Admission, Behaviour, Operation
from solovirt.machinery.resource import ObjectKey

if TYPE_CHECKING:
    from solovirt.kinds.kubevirt.cluster import Cluster
    from solovirt.machinery.errors import Cause, FieldError, StatusError
    from solovirt.machinery.resource import Document

MUTATOR = "migrations-mutator.kubevirt.io"
CREATE_WEBHOOK = "migration-create-validator.kubevirt.io"
UPDATE_WEBHOOK = "migration-update-validator.kubevirt.io"

_DECENTRALISED_GATE = "DecentralizedLiveMigration"


class MigrationBehaviour(Behaviour):
    """Admission of migrations."""

    def mutate(self, obj: Document, old: Document | None, admission: Admission) -> None:
        spec = obj.get("spec")
        if old is not None or not isinstance(spec, dict):
            return
        instance = spec.get("vmiName", "")
        if isinstance(instance, str):
            # A wrong type is left to the schema.
            meta = obj["metadata"]
            meta["labels"] = {**(meta.get("labels") or {}), names.MIGRATION_INSTANCE_LABEL: instance}
            finalizers = meta.get("finalizers") or []
            if names.MIGRATION_FINALIZER not in finalizers:
                meta["finalizers"] = [*finalizers, names.MIGRATION_FINALIZER]

    def refuse_malformed(self, obj: Document, errors: Sequence[FieldError], admission: Admission) -> StatusError | None:
        return schema_check.refusal(MUTATOR, errors) if admission.operation is Operation.CREATE else None

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        spec = obj["spec"]
        cluster = configuration.in_force(admission.lookup)
        if causes := list(_check_spec(spec, admission, cluster)):
            raise denial.deny(CREATE_WEBHOOK, causes)
        for text in _hindrances(spec, admission):
            raise denial.deny_plainly(CREATE_WEBHOOK, text)
        return ()

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        if admission.subresource:
            return ()
        for text in _forbidden_changes(obj, old):
            raise denial.deny(UPDATE_WEBHOOK, [denial.not_supported(None, text)])
        return ()


def _check_spec(spec: Mapping[str, Any], admission: Admission, cluster: Cluster) -> Iterator[Cause]:
    """Rules 219, 220 and 225."""
    if not spec.get("vmiName"):
        yield denial.required("spec.vmiName", "vmiName is missing")
    if spec.get("priority") is not None and not metadata.is_controller(admission.user, cluster=cluster):
        text = "Migration priority queue, only virt-controller is allowed to set priority field"
        yield denial.forbidden("spec.migrationPriority", text)
    source, target = spec.get("sendTo"), spec.get("receive")
    if source is None and target is None:
        return
    if not cluster.has(_DECENTRALISED_GATE):
        text = f"{_DECENTRALISED_GATE} feature gate is not enabled in kubevirt resource"
        yield denial.not_supported(None, text)
    elif source is not None and target is not None and source.get("migrationID") != target.get("migrationID"):
        theirs, ours = source.get("migrationID") or "", target.get("migrationID") or ""
        text = f"sendTo migrationID {theirs} does not match receive migrationID {ours}"
        yield denial.invalid(None, text)


def _hindrances(spec: Mapping[str, Any], admission: Admission) -> Iterator[str]:
    """Rules 221 to 224: why the instance can't be moved now."""
    name, namespace = spec["vmiName"], admission.key.namespace
    instance = admission.lookup.get(names.VIRTUAL_MACHINE_INSTANCES, ObjectKey(namespace, name))
    if instance is None:
        yield f'the VMI "{namespace}/{name}" does not exist'
        return
    status = instance.get("status") or {}
    if status.get("phase") in names.FINAL_PHASES:
        yield "Cannot migrate VMI in finalized state."
    is_decentralised = spec.get("sendTo") is not None or spec.get("receive") is not None
    for condition in status.get("conditions") or ():
        if condition.get("type") != "LiveMigratable" or condition.get("status") != "False":
            continue
        reason, message = condition.get("reason") or "", condition.get("message") or ""
        if not (is_decentralised and reason == "DisksNotLiveMigratable"):
            yield f"Cannot migrate VMI, Reason: {reason}, Message: {message}"
    if (uid := _unfinished(name, namespace, admission)) is not None:
        yield (
            f"in-flight migration detected. Active migration job ({uid}) is currently already in progress for VMI {name}."
        )


def _unfinished(name: str, namespace: str, admission: Admission) -> str | None:
    """The uid of a migration of the instance that is not over."""
    for record in admission.lookup.records(names.VIRTUAL_MACHINE_INSTANCE_MIGRATIONS, namespace):
        if record.index.labels.get(names.MIGRATION_INSTANCE_LABEL) != name:
            continue
        other = admission.lookup.get(names.VIRTUAL_MACHINE_INSTANCE_MIGRATIONS, record.key)
        if other is not None and not is_over(other):
            return record.index.uid
    return None


def is_over(migration: Mapping[str, Any]) -> bool:
    """Whether the migration succeeded or failed."""
    return (migration.get("status") or {}).get("phase") in names.FINAL_PHASES


def _forbidden_changes(obj: Document, old: Document) -> Iterator[str]:
    """Rules 226 and 227."""
    if obj.get("spec") != old.get("spec"):
        yield "update of Migration object's spec is restricted"
    labels, before = obj["metadata"].get("labels"), old["metadata"].get("labels") or {}
    if is_over(obj) or names.MIGRATION_INSTANCE_LABEL not in before:
        return
    if labels is None:
        yield "selector label can't be removed from an in-flight migration"
    elif labels.get(names.MIGRATION_INSTANCE_LABEL) != before[names.MIGRATION_INSTANCE_LABEL]:
        yield "selector label can't be modified on an in-flight migration"
