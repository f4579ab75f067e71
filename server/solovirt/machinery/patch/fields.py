"""
Who set which field: metadata.managedFields.

Every write is held against the object as it was; what it added or changed becomes the writer's, and what it removed is nobody's
any more (reference kubernetes-api.md 3.5). Fields are the schema's: lists and maps that merge are owned part by part, the rest as a whole.
What the server itself fills in (names, versions, kind) is nobody's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from solovirt.machinery.patch import managers, shape
from solovirt.machinery.patch.fieldset import (
    LEAF,
    FieldSet,
    difference,
    intersection,
    is_empty,
    normal,
    path_element,
    paths,
    union,
)
from solovirt.machinery.patch.shape import Shape
from solovirt.machinery.resource import Document

__all__ = [
    "FieldSet",
    "added_fields",
    "changed_fields",
    "difference",
    "fields_of",
    "intersection",
    "is_empty",
    "path_element",
    "paths",
    "track_update",
    "union",
]

_UNOWNED = frozenset({"apiVersion", "kind"})
_UNOWNED_METADATA = frozenset(
    {"name", "namespace", "uid", "generation", "creationTimestamp", "resourceVersion", "selfLink", "managedFields"}
)

InVersion = Callable[[str, Sequence[Document]], tuple[Sequence[Document], Mapping[str, Any]] | None]
"""Documents as they are in another API version, with its schema; None if there is no such version."""

Changes = tuple[FieldSet | None, FieldSet | None]
"""Fields that were added or changed, and fields that were removed. None is no field; `{}` is the node itself."""


def track_update(
    old: Document | None,
    new: Document,
    *,
    manager: str,
    api_version: str,
    subresource: str,
    now: str,
    schema: Mapping[str, Any],
    in_version: InVersion | None = None,
) -> None:
    """
    Write *new*'s managedFields for a create (*old* is None), update or patch by *manager*.

    The entries are those of *old*, or of *new* if it brings its own; a list that is empty or holds one empty entry clears them all. An
    object that has no entries gets none before it is first applied to. The manager's entry gets the time *now* (RFC 3339) if
    the write added or changed a field. Without a manager the entries stay as they are. Fields are named as in the version that they were written in:
    *in_version* tells what the others are like, if they differ in more than their name.
    """
    metadata = new["metadata"]
    entries = _starting_entries(old, metadata.get("managedFields"), subresource)
    if manager and (old is None or entries):
        root = shape.of_object(schema)
        changed, removed = (added_fields(new, root), None) if old is None else changed_fields(old, new, root)
        writer = managers.Manager(manager, managers.UPDATE, api_version, subresource)
        taken_in = None if in_version is None or old is None else taken_by(in_version, old, new)
        entries = managers.after_update(
            entries, writer, changed=changed or {}, removed=removed or {}, now=now, taken_in=taken_in
        )
    if entries:
        metadata["managedFields"] = entries
    else:
        metadata.pop("managedFields", None)


def taken_by(in_version: InVersion, old: Document, new: Document) -> Callable[[str], FieldSet | None]:
    """What changed from *old* to *new*, by the names of any API version; None if there is no such version."""

    def taken(api_version: str) -> FieldSet | None:
        found = in_version(api_version, [old, new])
        if found is None:
            return None
        (before, after), schema = found
        changed, removed = changed_fields(before, after, shape.of_object(schema))
        return union(changed or {}, removed or {})

    return taken


def _starting_entries(old: Document | None, asked: Any, subresource: str) -> list[Document]:
    before: list[Document] = []
    if old is not None:
        before = old["metadata"].get("managedFields") or []
        if subresource or asked is None or asked is before:
            return before
        if asked in ([], [{}]):
            return []
    return asked if asked and (asked == before or managers.are_well_formed(asked)) else before


def fields_of(document: Document, schema: Mapping[str, Any]) -> FieldSet:
    """
    The fields that a document states, as its author owns them by applying it.

    These are the leaves, and beside them the items of lists, entries of maps whose keys are free, and empty maps.
    """
    return stated_fields(document, shape.of_object(schema))


def stated_fields(document: Document, root: Shape) -> FieldSet:
    """`fields_of` for a schema that is a shape already."""
    out: FieldSet = {}
    for key, value in document.items():
        if key in _UNOWNED:
            continue
        name, part = root.fields[key]
        if key == "metadata":
            value = _owned_metadata(value)  # noqa: PLW2901 - the same metadata, without what nobody owns
            if not value:
                continue
        node = _stated(value, part, declared=key in root.declared)
        if node is not None:
            out[name] = node
    return out


def _owned_metadata(metadata: Any) -> Document:
    return {key: value for key, value in (metadata or {}).items() if key not in _UNOWNED_METADATA}


def _stated(value: Any, part: Shape, *, declared: bool) -> FieldSet | None:
    """The node of one field; None if it states nothing, as an empty list with parts does."""
    if type(value) is dict:
        if part.atomic or not value:
            return LEAF
        out: FieldSet = {} if declared else {".": LEAF}
        for key, one in value.items():
            name, inner = part.fields[key]
            node = _stated(one, inner, declared=key in part.declared)
            if node is not None:
                out[name] = node
        return normal(out)
    if type(value) is list and (part.keys or part.is_set):
        out = {} if declared else {".": LEAF}
        for item in value:
            called = part.item(item)
            if called is None:
                return LEAF
            out[called] = _stated(item, part.items, declared=False) or LEAF
        return normal(out)
    return LEAF


def added_fields(document: Document, root: Shape) -> FieldSet:
    """The fields that come into being with a new document: its leaves and all that they are in, but for metadata itself."""
    out: FieldSet = {}
    for key, value in document.items():
        if key in _UNOWNED:
            continue
        name, part = root.fields[key]
        if key == "metadata":
            if owned := _owned_metadata(value):
                node = dict(_added(owned, part))
                del node["."]
                out[name] = node
        else:
            out[name] = _added(value, part)
    return out


def _added(value: Any, part: Shape) -> FieldSet:
    kind = type(value)
    if kind is dict:
        if not value or part.atomic:
            return LEAF
        out: FieldSet = {".": LEAF}
        fields = part.fields
        for key, one in value.items():
            name, inner = fields[key]
            kind = type(one)
            out[name] = _added(one, inner) if kind is dict or kind is list else LEAF
        return out
    if kind is list and value and (part.keys or part.is_set):
        out = {".": LEAF}
        items = part.items
        for item in value:
            called = part.item(item)
            if called is None:
                return LEAF
            # An item that is there twice is owned as a whole.
            out[called] = _added(item, items) if called not in out else LEAF
        return out
    return LEAF


def changed_fields(old: Document, new: Document, root: Shape) -> Changes:
    """What changed from one version of an object to the next."""
    before = {key: value for key, value in old.items() if key not in _UNOWNED}
    after = {key: value for key, value in new.items() if key not in _UNOWNED}
    before["metadata"] = _owned_metadata(old.get("metadata"))
    after["metadata"] = _owned_metadata(new.get("metadata"))
    return _changed_map(before, after, root)


def _changed(old: Any, new: Any, part: Shape) -> Changes:
    """The changes of one field, whose values are not equal."""
    kind = type(new)
    if kind is type(old):
        if kind is dict and not part.atomic:
            return _changed_map(old, new, part)
        if kind is list and (part.keys or part.is_set):
            before, after = _items(old, part), _items(new, part)
            if before is not None and after is not None:
                return _changed_items(before, after, part.items)
    return _added(new, part), _parts_of(_added(old, part))


def _parts_of(node: FieldSet) -> FieldSet | None:
    """A node that stays while all that was in it goes."""
    return {key: part for key, part in node.items() if key != "."} or None


def _changed_map(old: Document, new: Document, part: Shape) -> Changes:
    added: FieldSet = {}
    removed: FieldSet = {}
    fields = part.fields
    for key, value in new.items():
        before = old.get(key, _changed_map)  # no JSON value is a function
        if before is value or before == value:
            continue
        name, inner = fields[key]
        if before is _changed_map:
            added[name] = _added(value, inner)
        else:
            more, less = _changed(before, value, inner)
            if more is not None:
                added[name] = more
            if less is not None:
                removed[name] = less
    for key, value in old.items():
        if key not in new:
            name, inner = fields[key]
            removed[name] = _added(value, inner)
    return added or None, removed or None


class _Several(list[Any]):
    """Items of a list that cannot be told apart, although they should."""


def _items(values: list[Any], part: Shape) -> dict[str, Any] | None:
    out: dict[str, Any] = {}
    for value in values:
        called = part.item(value)
        if called is None:
            return None
        there = out.get(called, _items)  # no JSON value is a function
        if there is _items:
            out[called] = value
        elif type(there) is _Several:
            there.append(value)
        else:
            out[called] = _Several([there, value])
    return out


def _changed_items(old: dict[str, Any], new: dict[str, Any], part: Shape) -> Changes:
    added: FieldSet = {}
    removed: FieldSet = {}
    for name, value in new.items():
        if name not in old:
            added[name] = LEAF if type(value) is _Several else _added(value, part)
            continue
        before = old[name]
        if before == value:
            continue
        if type(value) is _Several or type(before) is _Several:
            more: FieldSet | None = LEAF
            less = None if type(before) is _Several else _parts_of(_added(before, part))
        else:
            more, less = _changed(before, value, part)
        if more is not None:
            added[name] = more
        if less is not None:
            removed[name] = less
    for name, value in old.items():
        if name not in new:
            removed[name] = LEAF if type(value) is _Several else _added(value, part)
    return added or None, removed or None
