"""Small objects, and the changes that write them."""

from __future__ import annotations

import orjson

from solovirt.machinery.errors import AlreadyExists
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.store.encoding import encode
from solovirt.machinery.store.index import index_of
from solovirt.machinery.store.protocol import Change, Event, Keep, Outcome, Put, Record, Remove, View

VMS = GroupResource("kubevirt.io", "virtualmachines")
PODS = GroupResource("", "pods")

SELECTABLE = {PODS: ("spec.nodeName",)}


def selectable(resource: GroupResource) -> tuple[str, ...]:
    return SELECTABLE.get(resource, ())


def key(name: str, namespace: str = "default") -> ObjectKey:
    return ObjectKey(namespace, name)


def document(
    where: ObjectKey, value: object = 0, *, labels: dict[str, str] | None = None, owners: tuple[str, ...] = ()
) -> Document:
    metadata: Document = {"name": where.name, "namespace": where.namespace, "uid": f"uid-{where.name}"}
    if labels:
        metadata["labels"] = labels
    if owners:
        metadata["ownerReferences"] = [
            {"uid": owner, "name": owner, "kind": "K", "apiVersion": "v1"} for owner in owners
        ]
    return {"metadata": metadata, "spec": {"value": value}}


def putting(doc: Document) -> Change:
    """Store *doc* whatever was there."""

    def change(_current: Record | None, _view: View) -> Outcome:
        return Put(encode(doc), index_of(doc, ()))

    return change


def creating(resource: GroupResource, doc: Document) -> Change:
    """Store *doc* if nothing is there."""

    def change(current: Record | None, _view: View) -> Outcome:
        if current is not None:
            raise AlreadyExists.of(resource, current.key.name)
        return Put(encode(doc), index_of(doc, ()))

    return change


def adding(amount: int = 1) -> Change:
    """Read, add to spec.value, write."""

    def change(current: Record | None, _view: View) -> Outcome:
        assert current is not None
        doc = parsed(current)
        doc["spec"]["value"] += amount
        return Put(encode(doc), current.index)

    return change


def removing(current: Record | None, _view: View) -> Outcome:
    if current is None:
        return Keep()
    return Remove(encode(parsed(current)), current.index)


def keeping(_current: Record | None, _view: View) -> Outcome:
    return Keep()


def parsed(record: Record) -> Document:
    doc: Document = orjson.loads(b"{" + record.body)
    return doc


def value_of(record: Record | None) -> object:
    return None if record is None else parsed(record)["spec"]["value"]


def told(events: list[Event]) -> list[tuple[str, str, object, object]]:
    """Events as (type, name, value before, value)."""
    return [
        (event.type.value, event.record.key.name, value_of(event.previous), value_of(event.record)) for event in events
    ]
