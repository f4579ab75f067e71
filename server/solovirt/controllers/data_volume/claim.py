"""The claim that is made for a DataVolume (reference cdi.md 5); its spec is `kinds/cdi/rendering.py`'s."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from solovirt.controllers.data_volume.annotations import source_annotations
from solovirt.kinds.cdi import names
from solovirt.machinery.resource import Document

_CONTROLLER_LABELS = {
    "app": "containerized-data-importer",
    "app.kubernetes.io/component": "storage",
    "app.kubernetes.io/managed-by": "cdi-controller",
}
_NO_FILLING_UP_ALERT = {"alerts.k8s.io/KubePersistentVolumeFillingUp": "disabled"}


def claim(data_volume: Document, spec: Document, source: Mapping[str, Any]) -> Document:
    """The whole claim, with the labels, annotations and owner that CDI gives it (reference cdi.md 5)."""
    metadata = data_volume["metadata"]
    annotations = {
        key: value for key, value in (metadata.get("annotations") or {}).items() if key != names.POPULATED_FOR
    }
    annotations |= {
        names.POD_RESTARTS: "0",
        names.CONTENT_TYPE: data_volume["spec"].get("contentType") or "kubevirt",
        names.PREALLOCATION_REQUESTED: "true" if data_volume["spec"].get("preallocation") else "false",
        names.CREATED_FOR_DATA_VOLUME: metadata["uid"],
        names.USE_POPULATOR: "false",
    }
    for annotation, of_spec in (
        (names.PRIORITY_CLASS, "priorityClassName"),
        (names.SERVICE_ACCOUNT, "serviceAccountName"),
    ):
        if value := data_volume["spec"].get(of_spec):
            annotations[annotation] = value
    annotations |= source_annotations(source)
    labels = {**_CONTROLLER_LABELS}
    if (spec.get("volumeMode") or "Filesystem") == "Filesystem":
        labels |= _NO_FILLING_UP_ALERT
    labels |= metadata.get("labels") or {}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [owner_reference(data_volume)],
        },
        "spec": spec,
    }


def owner_reference(data_volume: Document) -> Document:
    """The reference by which a DataVolume controls its claim."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": "DataVolume",
        "name": data_volume["metadata"]["name"],
        "uid": data_volume["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
