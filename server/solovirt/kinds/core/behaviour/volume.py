"""
PersistentVolumeClaims and PersistentVolumes (reference kubernetes-api.md 7; binding itself is `controllers/persistent_volume_claim.py`).

A claim gets the default storage class and its protection finalizer as it is created, and afterwards can only grow. The binding of a
claim (its volumeName) is written once.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from solovirt.kinds.core import names
from solovirt.machinery import quantity
from solovirt.machinery.admission import Admission, Behaviour, LookUp
from solovirt.machinery.errors import FieldError, Forbidden, forbidden_field, invalid, not_supported, required
from solovirt.machinery.resource import Document, ObjectKey

_APPLY_STORAGE_PROFILE = "cdi.kubevirt.io/applyStorageProfile"
"""The label of claims that CDI completes from their storage class's profile (reference cdi.md 6.1)."""
ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")

_SPEC_IS_FIXED = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
)
# Everything in a PersistentVolumeSpec that is no kind of volume.
_NO_SOURCE = frozenset(
    {
        "accessModes",
        "capacity",
        "claimRef",
        "mountOptions",
        "nodeAffinity",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "volumeAttributesClassName",
        "volumeMode",
    }
)


class PersistentVolumeClaimBehaviour(Behaviour):
    """See the module."""

    def mutate(self, obj: Document, old: Document | None, admission: Admission) -> None:
        if admission.subresource == "status":
            return
        spec = obj.setdefault("spec", {})
        if spec.get("volumeMode") is None:
            spec["volumeMode"] = "Filesystem"
        _agree_on_source(spec)
        if old is not None:
            return
        _add_finalizer(obj, names.PVC_PROTECTION_FINALIZER)
        if spec.get("storageClassName") is None and (name := default_storage_class(admission.lookup)) is not None:
            spec["storageClassName"] = name
        if (obj["metadata"].get("labels") or {}).get(_APPLY_STORAGE_PROFILE) == "true":
            # Imported here: it is CDI's, and hardly any claim asks for it.
            from solovirt.kinds.cdi import rendering

            rendering.complete(obj, admission.lookup)
        obj["status"] = {"phase": "Pending"}

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        return _claim_errors(obj["spec"])

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        if admission.subresource == "status":
            return ()
        spec, before = obj["spec"], old["spec"]
        errors = _claim_errors(spec)
        bound = (old.get("status") or {}).get("phase") == "Bound"
        if _fixed_part(spec, before, bound=bound) != _fixed_part(before, before, bound=bound):
            return [*errors, forbidden_field("spec", _SPEC_IS_FIXED)]
        size, size_before = _size(spec), _size(before)
        capacity = ((old.get("status") or {}).get("capacity") or {}).get("storage")
        if size < size_before and size < quantity.read(capacity):
            errors.append(
                forbidden_field("spec.resources.requests.storage", "field can not be less than status.capacity")
            )
        elif size > size_before:
            _check_growth(obj, admission.lookup)
        return errors


class PersistentVolumeBehaviour(Behaviour):
    """A volume has exactly one source, for good."""

    def mutate(self, obj: Document, old: Document | None, admission: Admission) -> None:
        if admission.subresource == "status":
            return
        spec = obj.setdefault("spec", {})
        for field, value in (("persistentVolumeReclaimPolicy", "Retain"), ("volumeMode", "Filesystem")):
            if spec.get(field) is None:
                spec[field] = value
        if spec.get("hostPath") and spec["hostPath"].get("type") is None:
            spec["hostPath"]["type"] = ""
        if old is None:
            _add_finalizer(obj, names.PV_PROTECTION_FINALIZER)
            obj["status"] = {"phase": "Pending"}

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        return _volume_errors(obj["spec"])

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        if admission.subresource == "status":
            return ()
        spec, before = obj["spec"], old["spec"]
        errors = _volume_errors(spec)
        if {field: spec[field] for field in _sources(spec)} != {field: before[field] for field in _sources(before)}:
            errors.append(
                forbidden_field(
                    "spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation"
                )
            )
        if spec["volumeMode"] != before.get("volumeMode", "Filesystem"):
            errors.append(invalid("spec.volumeMode", spec["volumeMode"], "field is immutable"))
        return errors


def default_storage_class(lookup: LookUp) -> str | None:
    """The class of claims that name none: the newest that is annotated as default; of two equally new ones the first by name."""
    defaults = [one for one in lookup.list(names.STORAGE_CLASSES) if is_default_class(one)]
    newest = max((one["metadata"].get("creationTimestamp", "") for one in defaults), default="")
    candidates = [one["metadata"]["name"] for one in defaults if one["metadata"].get("creationTimestamp", "") == newest]
    return min(candidates, default=None)


def is_default_class(storage_class: Document) -> bool:
    annotations = storage_class["metadata"].get("annotations") or {}
    return annotations.get(names.DEFAULT_CLASS_ANNOTATION) == "true"


def _add_finalizer(obj: Document, finalizer: str) -> None:
    metadata = obj["metadata"]
    finalizers = list(metadata.get("finalizers") or ())
    if finalizer not in finalizers:
        metadata["finalizers"] = [*finalizers, finalizer]


def _agree_on_source(spec: dict[str, Any]) -> None:
    """Let dataSource and dataSourceRef say the same, unless the latter points to another namespace."""
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if source and not reference:
        spec["dataSourceRef"] = dict(source)
    elif reference and not source and not reference.get("namespace"):
        spec["dataSource"] = dict(reference)


def _size(spec: dict[str, Any]) -> Any:
    return quantity.read(((spec.get("resources") or {}).get("requests") or {}).get("storage"))


def _fixed_part(spec: dict[str, Any], before: dict[str, Any], *, bound: bool) -> dict[str, Any]:
    """What of *spec* may not differ from *before*."""
    fixed = copy.deepcopy(spec)
    if not before.get("volumeName"):
        fixed.pop("volumeName", None)
    if before.get("storageClassName") is None:
        # Given later to claims from before there was a default class.
        fixed.pop("storageClassName", None)
    fixed.pop("volumeAttributesClassName", None)
    if bound:
        (fixed.get("resources") or {}).get("requests", {}).pop("storage", None)
    return fixed


def _claim_errors(spec: dict[str, Any]) -> list[FieldError]:
    errors = []
    modes = spec.get("accessModes") or []
    if not modes:
        errors.append(required("spec.accessModes", "at least 1 access mode is required"))
    errors += _mode_errors(modes)
    if "ReadWriteOncePod" in modes and len(modes) > 1:
        errors.append(forbidden_field("spec.accessModes", "may not use ReadWriteOncePod with other access modes"))
    asked = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if asked is None:
        errors.append(required("spec.resources[storage]"))
    elif quantity.read(asked, default=1) <= 0:
        errors.append(invalid("spec.resources[storage]", str(asked), "must be greater than zero"))
    if spec["volumeMode"] not in ("Block", "Filesystem"):
        errors.append(not_supported("spec.volumeMode", spec["volumeMode"], ("Block", "Filesystem")))
    return errors


def _mode_errors(modes: Sequence[str]) -> list[FieldError]:
    return [not_supported("spec.accessModes", mode, ACCESS_MODES) for mode in modes if mode not in ACCESS_MODES]


def _check_growth(obj: Document, lookup: LookUp) -> None:
    """Raise Forbidden unless the claim's class lets it grow (admission plugin PersistentVolumeClaimResize)."""
    name = obj["spec"].get("storageClassName")
    found = lookup.get(names.STORAGE_CLASSES, ObjectKey("", name)) if name else None
    if found is None or not found.get("allowVolumeExpansion"):
        raise Forbidden.of(
            names.PERSISTENT_VOLUME_CLAIMS,
            obj["metadata"]["name"],
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
        )


def _sources(spec: dict[str, Any]) -> list[str]:
    return [field for field, value in spec.items() if field not in _NO_SOURCE and value is not None]


def _volume_errors(spec: dict[str, Any]) -> list[FieldError]:
    errors = []
    modes = spec.get("accessModes") or []
    if not modes:
        errors.append(required("spec.accessModes"))
    errors += _mode_errors(modes)
    if not spec.get("capacity"):
        errors.append(required("spec.capacity"))
    elif "storage" not in spec["capacity"]:
        errors.append(not_supported("spec.capacity", spec["capacity"], ["storage"]))
    sources = _sources(spec)
    if not sources:
        errors.append(required("spec", "must specify a volume type"))
    errors += [forbidden_field(f"spec.{source}", "may not specify more than 1 volume type") for source in sources[1:]]
    policies = ("Delete", "Recycle", "Retain")
    if spec["persistentVolumeReclaimPolicy"] not in policies:
        errors.append(
            not_supported("spec.persistentVolumeReclaimPolicy", spec["persistentVolumeReclaimPolicy"], policies)
        )
    return errors
