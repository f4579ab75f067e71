"""What the events.k8s.io group serves."""

from __future__ import annotations

from dataclasses import replace

from solovirt.kinds.core import columns
from solovirt.kinds.core.resources import EVENT
from solovirt.kinds.events.behaviour import NewEventBehaviour
from solovirt.machinery.resource import CellContext, Column, Document, ModelRef, Resource, Version, View

GROUP = "events.k8s.io"
RENAMED = {
    "deprecatedCount": "count",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedSource": "source",
    "note": "message",
    "regarding": "involvedObject",
    "reportingController": "reportingComponent",
}


def _column(column: Column) -> Column:
    """The core group's column, of a document of this group's."""
    if column.json_path is not None:
        first, dot, rest = column.json_path.removeprefix(".").partition(".")
        shown = next((shown for shown, stored in RENAMED.items() if stored == first), first)
        return replace(column, json_path=f".{shown}{dot}{rest}")
    cell = column.cell
    assert cell is not None

    def renamed(document: Document, context: CellContext) -> object:
        return cell({RENAMED.get(key, key): value for key, value in document.items()}, context)

    return replace(column, cell=renamed)


RESOURCES: tuple[Resource, ...] = (
    replace(
        EVENT,
        group=GROUP,
        versions=(
            Version(
                "v1",
                ModelRef("solovirt.kinds.events.models.events:Event"),
                columns=tuple(_column(column) for column in columns.EVENTS),
            ),
        ),
        behaviour=NewEventBehaviour(),
        # In the order of the core group's, which is that of the stored values.
        selectable_fields={
            "regarding.kind": "involvedObject.kind",
            "regarding.namespace": "involvedObject.namespace",
            "regarding.name": "involvedObject.name",
            "regarding.uid": "involvedObject.uid",
            "regarding.apiVersion": "involvedObject.apiVersion",
            "regarding.resourceVersion": "involvedObject.resourceVersion",
            "regarding.fieldPath": "involvedObject.fieldPath",
            "reason": "reason",
            "reportingController": "reportingComponent",
            "source": "source.component",
            "type": "type",
        },
        view=View(EVENT, RENAMED),
    ),
)
