"""What `kubectl get` prints of the storage.k8s.io group (reference kubernetes-api.md 5)."""

from __future__ import annotations

from collections.abc import Sequence

from solovirt.kinds.cells import AGE, NAME, NONE, UNSET, at, text_column
from solovirt.machinery.resource import CellContext, Column, Document

_DEFAULT_CLASS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")


def _class_name(document: Document, _: CellContext) -> str:
    annotations = at(document, "metadata.annotations") or {}
    is_default = any(annotations.get(one) == "true" for one in _DEFAULT_CLASS)
    return f"{at(document, 'metadata.name')}{' (default)' if is_default else ''}"


def _flag(name: str, path: str, description: str, *, missing: bool | str = False) -> Column:
    def cell(document: Document, _: CellContext) -> bool | str:
        value: bool | None = at(document, path)
        return missing if value is None else value

    return Column(name, "boolean", cell=cell, description=description)


STORAGE_CLASSES = (
    Column("Name", cell=_class_name, format="name", description=NAME.description),
    text_column("Provisioner", "provisioner", "Who makes its volumes."),
    text_column("ReclaimPolicy", "reclaimPolicy", "What becomes of a volume once its claim is gone.", missing="Delete"),
    text_column("VolumeBindingMode", "volumeBindingMode", "When a claim gets its volume.", missing="Immediate"),
    Column(
        "AllowVolumeExpansion",
        cell=lambda document, _: bool(document.get("allowVolumeExpansion")),
        description="Whether claims may grow.",
    ),
    AGE,
)


def _token_audiences(document: Document, _: CellContext) -> str:
    requests: Sequence[Document] = at(document, "spec.tokenRequests") or ()
    return ",".join(str(one.get("audience")) for one in requests) or UNSET


CSI_DRIVERS = (
    NAME,
    _flag("AttachRequired", "spec.attachRequired", "Whether volumes are attached to nodes.", missing=True),
    _flag("PodInfoOnMount", "spec.podInfoOnMount", "Whether the driver is told of the pod."),
    _flag("StorageCapacity", "spec.storageCapacity", "Whether the driver reports what room there is."),
    Column("TokenRequests", cell=_token_audiences, description="The audiences that it wants tokens for."),
    _flag("RequiresRepublish", "spec.requiresRepublish", "Whether mounts are refreshed now and then."),
    Column(
        "Modes",
        cell=lambda document, _: ",".join(at(document, "spec.volumeLifecycleModes") or ()) or NONE,
        description="How long its volumes live.",
    ),
    AGE,
)
CSI_NODES = (
    NAME,
    Column(
        "Drivers",
        "integer",
        cell=lambda document, _: len(at(document, "spec.drivers") or ()),
        description="How many drivers there are on the node.",
    ),
    AGE,
)
CSI_STORAGE_CAPACITIES = (
    NAME,
    text_column("StorageClassName", "storageClassName", "The class that it is about."),
    text_column("Capacity", "capacity", "How much room there is.", missing=UNSET),
)


def _volume(document: Document, _: CellContext) -> str:
    return str(at(document, "spec.source.persistentVolumeName") or "")


VOLUME_ATTACHMENTS = (
    NAME,
    text_column("Attacher", "spec.attacher", "The driver that attaches it."),
    Column("PV", cell=_volume, description="The volume."),
    text_column("Node", "spec.nodeName", "The node it is attached to."),
    _flag("Attached", "status.attached", "Whether it is attached by now."),
    AGE,
)
VOLUME_ATTRIBUTES_CLASSES = (NAME, text_column("DriverName", "driverName", "The driver that knows it."), AGE)
