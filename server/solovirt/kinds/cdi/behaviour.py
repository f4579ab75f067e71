"""
The life cycle of CDI's kinds at the door: its validating webhooks (reference cdi.md 4.5 and 12).

A denial of CDI's has a blank before each cause's message, so clients print two after the colon; scripts grep for these texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from solovirt.kinds.cdi import adoption, clone_authorisation, data_volume_rules, import_rules, names, references
from solovirt.kinds.kubevirt import denial
from solovirt.machinery import quantity
from solovirt.machinery.admission import Admission, Behaviour
from solovirt.machinery.errors import Cause, StatusError
from solovirt.machinery.resource import ObjectKey

if TYPE_CHECKING:
    from solovirt.machinery.errors import FieldError
    from solovirt.machinery.resource import Document

DATA_VOLUME_MUTATING_WEBHOOK = "datavolume-mutate.cdi.kubevirt.io"
DATA_VOLUME_WEBHOOK = "datavolume-validate.cdi.kubevirt.io"
DATA_IMPORT_CRON_WEBHOOK = "dataimportcron-validate.cdi.kubevirt.io"
POPULATOR_WEBHOOK = "populator-validate.cdi.kubevirt.io"
CDI_WEBHOOK = "cdi-validate.cdi.kubevirt.io"
_LONGEST_NAME = 253


class DataVolumeBehaviour(Behaviour):
    """Admission of DataVolumes."""

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        cause = _check_name(obj) or _check_claim(obj, admission) or data_volume_rules.first_broken(obj["spec"])
        if cause is not None:
            raise _deny(cause)
        _check_clone(obj, admission)
        return ()

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        if admission.subresource or obj["metadata"].get("deletionTimestamp"):
            return ()
        new_spec, old_spec = _without_checkpoints(obj["spec"], old["spec"])
        if _comparable(new_spec) != _comparable(old_spec):
            raise _deny(denial.duplicate("DataVolume.Spec", "Cannot update DataVolume Spec"))
        cause = data_volume_rules.first_broken(obj["spec"])
        if cause is not None:
            raise _deny(cause)
        return ()


class DataImportCronBehaviour(Behaviour):
    """Admission of DataImportCrons (reference cdi.md 12.2)."""

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        cause = import_rules.name_trouble(obj["metadata"].get("name") or "")
        cause = cause or import_rules.first_broken_of_cron(obj["spec"])
        if cause is not None:
            raise _deny(cause, DATA_IMPORT_CRON_WEBHOOK)
        return ()

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        if _comparable(obj["spec"]) != _comparable(old["spec"]):
            cause = denial.duplicate("DataImportCron.Spec", "Cannot update DataImportCron Spec")
            raise _deny(cause, DATA_IMPORT_CRON_WEBHOOK)
        return ()


class PopulatorSourceBehaviour(Behaviour):
    """Admission of VolumeImportSources and VolumeUploadSources (reference cdi.md 12.3)."""

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        cause = import_rules.name_trouble(obj["metadata"].get("name") or "")
        if cause is None:
            is_import = admission.resource.kind == "VolumeImportSource"
            rules = (
                import_rules.first_broken_of_import_source if is_import else import_rules.first_broken_of_upload_source
            )
            cause = rules(obj["spec"])
        if cause is not None:
            raise _deny(cause, POPULATOR_WEBHOOK)
        return ()

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        new_spec, old_spec = _without_checkpoints(obj["spec"], old["spec"])
        if _comparable(new_spec) != _comparable(old_spec):
            kind = admission.resource.kind
            raise _deny(denial.duplicate(f"{kind}.Spec", f"Cannot update {kind} Spec"), POPULATOR_WEBHOOK)
        return self.validate_create(obj, admission)


class InstallationBehaviour(Behaviour):
    """Admission of the CDI CR: it may ask that it is not deleted while there are DataVolumes (reference cdi.md 12.3)."""

    def validate_delete(self, obj: Document, admission: Admission) -> None:
        if (obj.get("spec") or {}).get("uninstallStrategy") != "BlockUninstallIfWorkloadsExist":
            return
        count = sum(1 for _ in admission.lookup.records(names.DATA_VOLUMES))
        if count:
            text = (
                f"rejecting the uninstall request, since there are still {count} DataVolumes present. Either delete all DataVolumes or"
                " change the uninstall strategy before uninstalling CDI"
            )
            raise denial.deny_plainly(CDI_WEBHOOK, text)


def _deny(cause: Cause, webhook: str = DATA_VOLUME_WEBHOOK) -> StatusError:
    """CDI's denial: the message in front has a blank before the cause's."""
    refused = denial.deny(webhook, [Cause(f" {cause.message}", cause.reason, cause.field)])
    return denial.Denied(refused.message, details={"causes": [cause.document()]})


def _without_checkpoints(*specs: Document) -> list[Document]:
    """*specs*, the first of which is new; without what may change of an import in stages."""
    if not import_rules.is_multi_stage(specs[0]):
        return list(specs)
    return [
        {key: value for key, value in spec.items() if key not in ("checkpoints", "finalCheckpoint")} for spec in specs
    ]


def _check_name(obj: Document) -> Cause | None:
    if len(obj["metadata"].get("name") or "") > _LONGEST_NAME:
        return denial.invalid("", "Name cannot be longer than 253 characters")
    return None


def _check_claim(obj: Document, admission: Admission) -> Cause | None:
    """A claim of the DataVolume's name must be one that it may take over (reference cdi.md 4.5)."""
    metadata = obj["metadata"]
    annotations = metadata.get("annotations") or {}
    key = ObjectKey(admission.key.namespace, metadata.get("name") or "")
    claim = admission.lookup.get(names.PERSISTENT_VOLUME_CLAIMS, key)
    if claim is None or adoption.is_allowed(obj, admission.lookup.get(names.CDI_CONFIGS, ObjectKey("", "config"))):
        return None
    if annotations.get(names.PRE_POPULATED) or annotations.get(names.CHECK_STATIC_VOLUME):
        return None
    of_claim = claim["metadata"]
    if (of_claim.get("annotations") or {}).get(names.POPULATED_FOR) == key.name:
        return None
    owners = of_claim.get("ownerReferences") or ()
    if any(owner.get("controller") and owner.get("kind") == "DataVolume" for owner in owners):
        return None
    return denial.duplicate("DataVolume.Name", f"Destination PVC {key.namespace}/{key.name} already exists")


def _check_clone(obj: Document, admission: Admission) -> None:
    """
    The source of a clone must be one that the user may clone (reference cdi.md 9.2).

    It is CDI's mutating webhook that asks, so it is asked before the rules upstream; a sourceRef is looked up for that, and a missing one fails the
    creation (10).
    """
    source: Mapping[str, Any] = obj["spec"].get("source") or {}
    annotations = obj["metadata"].get("annotations") or {}
    try:
        if reference := obj["spec"].get("sourceRef"):
            source = _source_of_reference(reference, admission)
        clone_authorisation.check(admission.lookup, admission.user, source, admission.key.namespace)
    except clone_authorisation.CloneRefused as refused:
        if not _is_excused(annotations):
            cause = denial.invalid("spec.source.PVC.namespace", str(refused))
            raise _deny(cause, DATA_VOLUME_MUTATING_WEBHOOK) from refused
    except (clone_authorisation.NamespaceMissing, references.ReferenceRefused) as error:
        if not _is_excused(annotations):
            raise denial.deny_plainly(DATA_VOLUME_MUTATING_WEBHOOK, str(error)) from error


def _is_excused(annotations: Mapping[str, str]) -> bool:
    """Whether the DataVolume takes a claim or volume that is there, and clones nothing."""
    return bool(annotations.get(names.PRE_POPULATED) or annotations.get(names.CHECK_STATIC_VOLUME))


def _source_of_reference(reference: Mapping[str, Any], admission: Admission) -> Mapping[str, Any]:
    key = ObjectKey(reference.get("namespace") or admission.key.namespace, reference["name"])
    found = admission.lookup.get(names.DATA_SOURCES, key)
    if found is None:
        raise references.ReferenceRefused("NotFound", f'{names.DATA_SOURCES} "{key.name}" not found')
    source = references.resolved(found, lambda other: admission.lookup.get(names.DATA_SOURCES, other))
    # A source without a namespace is in its DataSource's.
    return {kind: {"namespace": key.namespace, **given} for kind, given in source.items()}


def _comparable(value: Any, field: str = "") -> Any:
    """The value with quantities as numbers and nulls left out: 1Gi is 1024Mi, and no change."""
    if isinstance(value, dict):
        return {key: _comparable(one, key) for key, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_comparable(one) for one in value]
    if field == "storage" and isinstance(value, str | int):
        return quantity.read(value)
    return value
