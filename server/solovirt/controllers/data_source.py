"""
DataSources: names for sources that DataVolumes refer to (reference cdi.md 10).

The loop says whether what a DataSource names can be used, and copies KubeVirt's labels from it, by which machines find their instance type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, NamedTuple

from solovirt.kinds.cdi import names
from solovirt.kinds.cdi.references import ReferenceRefused, allowed_labels, resolved
from solovirt.machinery.clock import timestamp
from solovirt.machinery.control.objects import NotServed
from solovirt.machinery.control.protocol import DONE, Result, Source, Tools
from solovirt.machinery.control.relation import Relation
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.store.protocol import Store

_RESOURCES = {
    "pvc": names.PERSISTENT_VOLUME_CLAIMS,
    "snapshot": names.VOLUME_SNAPSHOTS,
    "dataSource": names.DATA_SOURCES,
}


class _Ready(NamedTuple):
    status: str
    reason: str
    message: str


_IS_READY = _Ready("True", "Ready", "DataSource is ready to be consumed")


class DataSourceController:
    """See the module."""

    name: ClassVar[str] = "datasource-controller"
    resource: ClassVar[GroupResource] = names.DATA_SOURCES

    def __init__(self, tools: Tools, *, store: Store, registry: Registry) -> None:
        self._objects = tools.objects
        self._clock = tools.clock
        self._pointing = Relation(store, registry, names.DATA_SOURCES, _pointed_at)
        self.sources: Sequence[Source] = (
            Source(names.DATA_SOURCES, self._itself_and_pointing),
            Source(names.DATA_VOLUMES, self._who_points("pvc")),
            Source(names.PERSISTENT_VOLUME_CLAIMS, self._who_points("pvc")),
            Source(names.VOLUME_SNAPSHOTS, self._who_points("snapshot")),
        )

    async def reconcile(self, key: ObjectKey) -> Result:
        found = self._objects.get(names.DATA_SOURCES, key)
        if found is None or found["metadata"].get("deletionTimestamp"):
            return DONE
        labels: dict[str, str] = {}
        try:
            source = resolved(found, lambda other: self._objects.get(names.DATA_SOURCES, other))
            ready = self._look_at(source, key.namespace, labels)
        except ReferenceRefused as refused:
            source, ready = {}, _Ready("False", refused.reason, refused.message)
        status = {
            "source": source if ready.status == "True" else {},
            "conditions": [_condition(ready, (found.get("status") or {}).get("conditions") or (), self._clock.now())],
        }
        current = found["metadata"].get("labels") or {}
        if status == found.get("status") and current | labels == current:
            return DONE

        def write(document: Document) -> None:
            # DataSource has no status subresource (reference cdi.md 1.1).
            document["status"] = status
            if labels:
                document["metadata"].setdefault("labels", {}).update(labels)

        await self._objects.edit(names.DATA_SOURCES, key, write)
        return DONE

    def _look_at(self, source: Mapping[str, Any], namespace: str, labels: dict[str, str]) -> _Ready:
        """Whether *source* can be used; its labels go into *labels*."""
        if claim := source.get("pvc"):
            return self._look_at_claim(ObjectKey(claim.get("namespace") or namespace, claim["name"]), labels)
        if snapshot := source.get("snapshot"):
            return self._look_at_snapshot(ObjectKey(snapshot.get("namespace") or namespace, snapshot["name"]), labels)
        return _Ready("False", "NoSource", "No source PVC set")

    def _look_at_claim(self, key: ObjectKey, labels: dict[str, str]) -> _Ready:
        claim = self._objects.get(names.PERSISTENT_VOLUME_CLAIMS, key)
        data_volume = self._objects.get(names.DATA_VOLUMES, key)
        if data_volume is not None:
            phase = (data_volume.get("status") or {}).get("phase") or ""
            if phase != "Succeeded":
                return _Ready("False", phase, f"Import DataVolume phase {phase}")
        elif claim is None:
            return _Ready("False", "NotFound", "PVC not found")
        for document in (data_volume, claim):
            labels |= allowed_labels(document)
        return _IS_READY

    def _look_at_snapshot(self, key: ObjectKey, labels: dict[str, str]) -> _Ready:
        try:
            snapshot = self._objects.get(names.VOLUME_SNAPSHOTS, key)
        except NotServed:
            snapshot = None
        if snapshot is None:
            return _Ready("False", "NotFound", "Snapshot not found")
        if not (snapshot.get("status") or {}).get("readyToUse"):
            return _Ready("False", "SnapshotNotReady", "Snapshot phase is not ready")
        labels |= allowed_labels(snapshot)
        return _IS_READY

    # Who is woken

    def _itself_and_pointing(self, data_source: Document) -> list[ObjectKey]:
        metadata = data_source["metadata"]
        return [ObjectKey(metadata["namespace"], metadata["name"]), *self._who_points("dataSource")(data_source)]

    def _who_points(self, kind: str) -> Callable[[Document], list[ObjectKey]]:
        def keys(document: Document) -> list[ObjectKey]:
            metadata = document["metadata"]
            return self._pointing.find_anywhere(_mark(kind, metadata["namespace"], metadata["name"]))

        return keys


def condition(
    type: str, status: str, reason: str, message: str, before: Iterable[Mapping[str, Any]], now: datetime
) -> dict[str, Any]:
    """A condition as CDI keeps them: with the time of the last change of its status, and of the last change at all."""
    old = next((dict(one) for one in before if one["type"] == type), None)
    made = {"type": type, "status": status, "reason": reason, "message": message}
    if old is not None and all(old.get(field) == value for field, value in made.items()):
        return old
    is_same_status = old is not None and old.get("status") == status
    return {
        **made,
        "lastTransitionTime": old["lastTransitionTime"] if old is not None and is_same_status else timestamp(now),
        "lastHeartbeatTime": timestamp(now),
    }


def _condition(ready: _Ready, before: Iterable[Mapping[str, Any]], now: datetime) -> dict[str, Any]:
    return condition("Ready", ready.status, ready.reason, ready.message, before, now)


def _mark(kind: str, namespace: str, name: str) -> str:
    return f"{kind} {namespace}/{name}"


def _pointed_at(data_source: Document) -> Iterable[str]:
    for kind in _RESOURCES:
        reference = ((data_source.get("spec") or {}).get("source") or {}).get(kind)
        if reference:
            namespace = reference.get("namespace") or data_source["metadata"]["namespace"]
            yield _mark(kind, namespace, reference["name"])
