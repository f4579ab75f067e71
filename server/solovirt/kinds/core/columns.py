"""What `kubectl get` prints of the core group, but for pods, nodes and services (reference kubernetes-api.md 5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from solovirt.kinds.cells import (
    AGE,
    CREATED_AT,
    NAME,
    UNSET,
    access_modes_text,
    at,
    count_column,
    label_selector_column,
    labels_text,
    name_of,
    pod_template_columns,
    text_column,
    time_since,
)
from solovirt.kinds.core.node_columns import NODES
from solovirt.kinds.core.pod_columns import PODS
from solovirt.kinds.core.service_columns import ENDPOINTS, SERVICES
from solovirt.machinery.resource import CellContext, Column, Document

__all__ = [
    "COMPONENT_STATUSES",
    "CONFIG_MAPS",
    "ENDPOINTS",
    "EVENTS",
    "LIMIT_RANGES",
    "NAMESPACES",
    "NODES",
    "PERSISTENT_VOLUMES",
    "PERSISTENT_VOLUME_CLAIMS",
    "PODS",
    "POD_TEMPLATES",
    "REPLICATION_CONTROLLERS",
    "RESOURCE_QUOTAS",
    "SECRETS",
    "SERVICES",
    "SERVICE_ACCOUNTS",
]


def _entries(*fields: str) -> Column:
    return Column(
        "Data",
        cell=lambda document, _: sum(len(document.get(field) or {}) for field in fields),
        description="How many entries it holds.",
    )


def _of_condition(name: str, told: Callable[[Document], str], description: str) -> Column:
    """A column about the condition Healthy."""

    def cell(document: Document, _: CellContext) -> str:
        conditions = document.get("conditions") or ()
        return next((told(one) for one in conditions if one["type"] == "Healthy"), "")

    return Column(name, cell=cell, description=description)


def _health(condition: Document) -> str:
    return {"True": "Healthy", "False": "Unhealthy"}.get(condition["status"], "Unknown")


def _word(field: str) -> Callable[[Document], str]:
    return lambda condition: str(condition.get(field) or "")


NAMESPACES = (NAME, text_column("Status", "status.phase", "Whether the namespace is in use or going away."), AGE)
COMPONENT_STATUSES = (
    NAME,
    _of_condition("Status", _health, "Whether the component is well."),
    _of_condition("Message", _word("message"), "What it says of itself."),
    _of_condition("Error", _word("error"), "What is wrong with it."),
)
CONFIG_MAPS = (NAME, _entries("data", "binaryData"), AGE)
SECRETS = (NAME, text_column("Type", "type", "What kind of secret it holds."), _entries("data"), AGE)
SERVICE_ACCOUNTS = (NAME, AGE)
LIMIT_RANGES = (NAME, CREATED_AT)


def _phase_of_volume(document: Document, _: CellContext) -> str:
    if at(document, "metadata.deletionTimestamp"):
        return "Terminating"
    return str(at(document, "status.phase") or "")


def _storage_class(document: Document, _: CellContext) -> str:
    # The annotation is older than the field and still wins.
    annotations = at(document, "metadata.annotations") or {}
    annotated = annotations.get("volume.beta.kubernetes.io/storage-class")
    return str(annotated if annotated is not None else at(document, "spec.storageClassName") or "")


def _claim_capacity(document: Document, _: CellContext) -> str:
    return str((at(document, "status.capacity") or {}).get("storage", "0")) if at(document, "spec.volumeName") else ""


def _claim_access_modes(document: Document, _: CellContext) -> str:
    return access_modes_text(at(document, "status.accessModes")) if at(document, "spec.volumeName") else ""


_PHASE_OF_VOLUME = Column("Status", cell=_phase_of_volume, description="Where it is in its life.")
_STORAGE_CLASS = Column("StorageClass", cell=_storage_class, description="The class that its storage is of.")
_ATTRIBUTES_CLASS = text_column(
    "VolumeAttributesClass", "spec.volumeAttributesClassName", "The class of its changeable attributes.", missing=UNSET
)
_VOLUME_MODE = text_column(
    "VolumeMode", "spec.volumeMode", "Whether it is a file system or a block device.", missing=UNSET, priority=1
)

PERSISTENT_VOLUME_CLAIMS = (
    NAME,
    _PHASE_OF_VOLUME,
    text_column("Volume", "spec.volumeName", "The volume it is bound to."),
    Column("Capacity", cell=_claim_capacity, description="The size of the volume it is bound to."),
    Column("Access Modes", cell=_claim_access_modes, description="How the volume may be mounted."),
    _STORAGE_CLASS,
    _ATTRIBUTES_CLASS,
    AGE,
    _VOLUME_MODE,
)


def _claim_of_volume(document: Document, _: CellContext) -> str:
    reference = at(document, "spec.claimRef")
    return f"{reference.get('namespace') or ''}/{reference.get('name') or ''}" if reference else ""


PERSISTENT_VOLUMES = (
    NAME,
    Column(
        "Capacity",
        cell=lambda document, _: str((at(document, "spec.capacity") or {}).get("storage", "0")),
        description="Its size.",
    ),
    Column(
        "Access Modes",
        cell=lambda document, _: access_modes_text(at(document, "spec.accessModes")),
        description="How it may be mounted.",
    ),
    text_column("Reclaim Policy", "spec.persistentVolumeReclaimPolicy", "What becomes of it once its claim is gone."),
    _PHASE_OF_VOLUME,
    Column("Claim", cell=_claim_of_volume, description="The claim it is bound to."),
    _STORAGE_CLASS,
    _ATTRIBUTES_CLASS,
    text_column("Reason", "status.reason", "Why it is in this state, in one word."),
    AGE,
    _VOLUME_MODE,
)


def _quota(document: Document, *, limits: bool) -> str:
    used = at(document, "status.used") or {}
    return ", ".join(
        f"{name}: {used.get(name, '0')}/{hard}"
        for name, hard in sorted((at(document, "status.hard") or {}).items())
        if name.startswith("limits.") is limits
    )


RESOURCE_QUOTAS = (
    NAME,
    Column(
        "Request",
        cell=lambda document, _: _quota(document, limits=False),
        description="How much of each quantity has been asked for, and how much may be.",
    ),
    Column(
        "Limit",
        cell=lambda document, _: _quota(document, limits=True),
        description="The same for quantities that limits count against.",
    ),
    AGE,
)

POD_TEMPLATES = (
    NAME,
    *[
        Column(column.name, cell=column.cell, description=column.description)
        for column in pod_template_columns("template.spec")
    ],
    Column(
        "Pod Labels",
        cell=lambda document, _: labels_text(at(document, "template.metadata.labels")),
        description="The labels of pods made from it.",
    ),
)

REPLICATION_CONTROLLERS = (
    NAME,
    count_column("Desired", "spec.replicas", "How many pods there should be."),
    count_column("Current", "status.replicas", "How many pods there are."),
    count_column("Ready", "status.readyReplicas", "How many of them are ready."),
    AGE,
    *pod_template_columns(),
    Column(
        "Selector",
        cell=lambda document, _: labels_text(at(document, "spec.selector")),
        description=label_selector_column().description,
        priority=1,
    ),
)


def _first_seen(document: Document, context: CellContext) -> str:
    return time_since(document.get("firstTimestamp") or document.get("eventTime"), context)


def _last_seen(document: Document, context: CellContext) -> str:
    series = document.get("series")
    if series:
        return time_since(series.get("lastObservedTime"), context)
    last = document.get("lastTimestamp")
    return time_since(last, context) if last else _first_seen(document, context)


def _event_object(document: Document, _: CellContext) -> str:
    reference = document.get("involvedObject") or {}
    kind, name = str(reference.get("kind") or "").lower(), reference.get("name")
    return f"{kind}/{name}" if name else kind


def _event_source(document: Document, _: CellContext) -> str:
    source = document.get("source") or {}
    component = str(source.get("component") or document.get("reportingComponent") or "")
    instance = source.get("host") or document.get("reportingInstance")
    return f"{component}, {instance}" if instance else component


def _event_count(document: Document, _: CellContext) -> int:
    series: dict[str, Any] | None = document.get("series")
    return int((series.get("count") if series else document.get("count")) or (0 if series else 1))


EVENTS = (
    Column("Last Seen", cell=_last_seen, description="How long ago it happened last."),
    text_column("Type", "type", "Whether it is a warning."),
    text_column("Reason", "reason", "What happened, in one word."),
    Column("Object", cell=_event_object, description="What it happened to."),
    text_column("Subobject", "involvedObject.fieldPath", "The part of the object that it happened to.", priority=1),
    Column("Source", cell=_event_source, description="Who reported it.", priority=1),
    Column(
        "Message",
        cell=lambda document, _: str(document.get("message") or "").strip(),
        description="What happened, in a sentence.",
    ),
    Column("First Seen", cell=_first_seen, description="How long ago it happened first.", priority=1),
    Column("Count", cell=_event_count, description="How often it has happened.", priority=1),
    Column("Name", cell=name_of, format="name", description=NAME.description, priority=1),
)
