"""
The spec of a claim, from what a DataVolume or a claim leaves open (reference cdi.md 6).

`spec.pvc` is taken as it is; what `spec.storage` leaves open is filled in from the storage class's profile, and its size grows by the file system's
overhead, so that a disk of the size asked for fits in. A claim that is labelled for it is completed in the same way as it is made.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from solovirt.kinds.cdi import names
from solovirt.kinds.cdi.sizes import inflated, overhead, usable
from solovirt.kinds.kubevirt import denial
from solovirt.machinery import quantity
from solovirt.machinery.admission import LookUp
from solovirt.machinery.resource import Document, ObjectKey

_MEBIBYTE = 1 << 20
_WEBHOOK = "pvc-mutate.cdi.kubevirt.io"
_FROM_PROFILE = "FromStorageProfile"
"""The volume mode of a claim that leaves it open: Kubernetes writes Filesystem where there is none."""


class ClaimNotValid(Exception):
    """No claim can be made of the DataVolume as things stand; the text is that of CDI's event ErrClaimNotValid."""


@dataclass(frozen=True, slots=True)
class Storage:
    """What there is to render a claim with."""

    classes: Sequence[Document] = ()
    profiles: Mapping[str, Document] = field(default_factory=dict)
    config: Document | None = None
    """The CDIConfig `config`."""
    clone_source: Document | None = None
    """The claim or VolumeSnapshot that is cloned, if it is one and there."""


def storage_class(requested: str | None, content_type: str, classes: Sequence[Document]) -> Document | None:
    """
    The class to use: the one requested, else the default one; None if there is none.

    The default for virtual machines goes before the cluster's, except for archives; of several the newest, then the first by name.
    """
    if requested is not None:
        return next((one for one in classes if one["metadata"]["name"] == requested), None)
    annotations = (
        [names.DEFAULT_CLASS] if content_type == "archive" else [names.DEFAULT_VIRT_CLASS, names.DEFAULT_CLASS]
    )
    for annotation in annotations:
        defaults = sorted(
            (one for one in classes if (one["metadata"].get("annotations") or {}).get(annotation) == "true"),
            key=lambda one: one["metadata"]["name"],
        )
        if defaults:
            return max(defaults, key=lambda one: str(one["metadata"].get("creationTimestamp") or ""))
    return None


def claim_spec(data_volume: Document, source: Mapping[str, Any], storage: Storage) -> Document:
    """The spec of the claim. Raises ClaimNotValid."""
    spec = data_volume["spec"]
    if spec.get("pvc") is not None:
        rendered: Document = copy.deepcopy(spec["pvc"])
        _check_size(_requested(rendered))
        return rendered
    return _from_storage(spec, source, storage)


def _from_storage(spec: Document, source: Mapping[str, Any], storage: Storage) -> Document:
    rendered: Document = copy.deepcopy(spec.get("storage") or {})
    content_type = spec.get("contentType") or "kubevirt"
    if content_type == "archive":
        if rendered.get("volumeMode") == "Block":
            raise ClaimNotValid("ContentType Archive cannot have block volumeMode")
        rendered["volumeMode"] = "Filesystem"
    chosen = storage_class(rendered.get("storageClassName"), content_type, storage.classes)
    if chosen is None:
        if not rendered.get("accessModes"):
            raise ClaimNotValid("PVC spec is missing accessMode and no storageClass to choose profile")
        class_name = rendered.get("storageClassName") or ""
        profile: Document = {}
    else:
        class_name = rendered["storageClassName"] = chosen["metadata"]["name"]
        profile = storage.profiles.get(class_name) or {}
        _fill_modes(rendered, class_name, profile)
    size = _size(rendered, source, storage)
    # What a snapshot is restored to has the size of the claim that it is of, overhead and all (reference 6.2).
    has_overhead = "snapshot" in source and _requested(rendered) is None
    if not has_overhead and (rendered.get("volumeMode") or "Filesystem") == "Filesystem":
        size = inflated(size, overhead(storage.config, class_name))
    minimum = (((profile.get("metadata") or {}).get("annotations")) or {}).get(names.MINIMUM_SIZE)
    if minimum is not None:
        size = max(size, int(quantity.whole(minimum)))
    # Only a size that was changed is written anew: `10Gi` on a block volume stays `10Gi`.
    resources = rendered.setdefault("resources", {})
    asked = (resources.get("requests") or {}).get("storage")
    if asked is None or size != quantity.whole(asked):
        resources["requests"] = {**(resources.get("requests") or {}), "storage": str(size)}
    return rendered


def _fill_modes(rendered: Document, class_name: str, profile: Document) -> None:
    """Access modes and volume mode from the profile, where the DataVolume does not give them."""
    sets: Sequence[Document] = (profile.get("status") or {}).get("claimPropertySets") or ()
    if rendered.get("accessModes") and rendered.get("volumeMode"):
        return
    if rendered.get("volumeMode"):
        fitting = next((one for one in sets if one.get("volumeMode") == rendered["volumeMode"]), None)
        if fitting is None:
            raise ClaimNotValid(
                f"Spec is missing accessMode and cannot get access mode from StorageProfile {class_name}"
            )
        rendered["accessModes"] = list(fitting.get("accessModes") or ())
        return
    if rendered.get("accessModes"):
        wanted = set(rendered["accessModes"])
        fitting = next((one for one in sets if wanted & set(one.get("accessModes") or ())), None)
        if fitting is not None and fitting.get("volumeMode"):
            rendered["volumeMode"] = fitting["volumeMode"]
        return
    if not sets or not sets[0].get("accessModes"):
        raise ClaimNotValid(
            f"Spec is missing accessMode and volumeMode, cannot get access mode from StorageProfile {class_name}"
        )
    rendered["accessModes"] = list(sets[0]["accessModes"])
    rendered["volumeMode"] = sets[0].get("volumeMode") or "Filesystem"


def _size(rendered: Document, source: Mapping[str, Any], storage: Storage) -> int:
    requested = _requested(rendered)
    if requested is None and ("pvc" in source or "snapshot" in source) and storage.clone_source is not None:
        # Without bytes to look into, the source's capacity stands for its disk; overhead that it already has is taken off first.
        of_source = storage.clone_source
        if "snapshot" in source:
            return int(quantity.whole((of_source.get("status") or {}).get("restoreSize")))
        capacity = int(quantity.whole(((of_source.get("status") or {}).get("capacity") or {}).get("storage")))
        size = capacity or _requested(of_source.get("spec") or {}) or 0
        if (of_source.get("spec", {}).get("volumeMode") or "Filesystem") == "Filesystem":
            class_name = of_source["spec"].get("storageClassName") or ""
            size = usable(size, overhead(storage.config, class_name))
        return size
    _check_size(requested)
    return requested or 0


def _requested(spec: Document) -> int | None:
    requested = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    return None if requested is None else int(quantity.whole(requested))


def _check_size(size: int | None) -> None:
    if size is None:
        raise ClaimNotValid("PVC Spec is not valid - missing storage size")
    if size < _MEBIBYTE:
        raise ClaimNotValid("PVC Spec is not valid - storage size should be at least 1MiB")


def complete(claim: Document, lookup: LookUp) -> None:
    """
    Fill in, as CDI's webhook does, what a new claim labelled `applyStorageProfile` leaves open; nothing for all others.

    Raises a StatusError, the webhook's refusal, if that can't be told.
    """
    annotations = claim["metadata"].get("annotations") or {}
    if names.CREATED_FOR_DATA_VOLUME in annotations:
        # DataVolumes hand their labels on, and their claims are rendered already.
        return
    config = lookup.get(names.CDI_CONFIGS, ObjectKey("", "config"))
    if ((config or {}).get("spec") or {}).get("webhookPvcRendering") == "Disabled":
        return
    spec = claim["spec"]
    if spec.get("volumeMode") == _FROM_PROFILE:
        del spec["volumeMode"]
    profiles = {one["metadata"]["name"]: one for one in lookup.list(names.STORAGE_PROFILES)}
    storage = Storage(list(lookup.list(names.STORAGE_CLASSES)), profiles, config)
    asked = {"storage": spec, "contentType": annotations.get(names.CONTENT_TYPE)}
    try:
        claim["spec"] = _from_storage(asked, {}, storage)
    except ClaimNotValid as error:
        raise denial.deny_plainly(_WEBHOOK, str(error)) from error
    # What no profile knows is Kubernetes' default.
    claim["spec"].setdefault("volumeMode", "Filesystem")
