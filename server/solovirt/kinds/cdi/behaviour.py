"""
The life cycle of CDI's kinds at the door: its validating webhook for DataVolumes (reference cdi.md 4.5 and 12).

A denial of CDI's has a blank before each cause's message, so clients print two after the colon; scripts grep for these texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from solovirt.kinds.cdi import data_volume_rules, names
from solovirt.kinds.kubevirt import denial
from solovirt.machinery import quantity
from solovirt.machinery.admission import Admission, Behaviour
from solovirt.machinery.errors import Cause, StatusError
from solovirt.machinery.resource import ObjectKey

if TYPE_CHECKING:
    from solovirt.machinery.errors import FieldError
    from solovirt.machinery.resource import Document

DATA_VOLUME_WEBHOOK = "datavolume-validate.cdi.kubevirt.io"
_LONGEST_NAME = 253


class DataVolumeBehaviour(Behaviour):
    """Admission of DataVolumes."""

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        cause = _check_name(obj) or _check_claim(obj, admission) or data_volume_rules.first_broken(obj["spec"])
        if cause is not None:
            raise _deny(cause)
        _check_data_source(obj, admission)
        return ()

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        if admission.subresource or obj["metadata"].get("deletionTimestamp"):
            return ()
        if _comparable(obj["spec"]) != _comparable(old["spec"]):
            raise _deny(denial.duplicate("DataVolume.Spec", "Cannot update DataVolume Spec"))
        cause = data_volume_rules.first_broken(obj["spec"])
        if cause is not None:
            raise _deny(cause)
        return ()


def _deny(cause: Cause) -> StatusError:
    """CDI's denial: the message in front has a blank before the cause's."""
    refused = denial.deny(DATA_VOLUME_WEBHOOK, [Cause(f" {cause.message}", cause.reason, cause.field)])
    return denial.Denied(refused.message, details={"causes": [cause.document()]})


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
    if claim is None or annotations.get(names.ALLOW_CLAIM_ADOPTION) == "true":
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


def _check_data_source(obj: Document, admission: Admission) -> None:
    """A sourceRef is looked up to authorise the clone, so a missing one fails the creation (reference cdi.md 10)."""
    reference = obj["spec"].get("sourceRef")
    if reference is None:
        return
    key = ObjectKey(reference.get("namespace") or admission.key.namespace, reference["name"])
    if admission.lookup.get(names.DATA_SOURCES, key) is None:
        raise denial.deny_plainly(DATA_VOLUME_WEBHOOK, f'{names.DATA_SOURCES} "{key.name}" not found')


def _comparable(value: Any, field: str = "") -> Any:
    """The value with quantities as numbers and nulls left out: 1Gi is 1024Mi, and no change."""
    if isinstance(value, dict):
        return {key: _comparable(one, key) for key, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_comparable(one) for one in value]
    if field == "storage" and isinstance(value, str | int):
        return quantity.read(value)
    return value
