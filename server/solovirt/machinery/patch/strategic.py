"""
Strategic merge patch: a merge patch that knows which lists are sets of things with keys.

The schema says how each list merges (`x-kubernetes-patch-strategy`, `x-kubernetes-patch-merge-key`), and directives in the patch say more:
`$patch`, `$setElementOrder/…`, `$deleteFromPrimitiveList/…`, `$retainKeys` (reference kubernetes-api.md 3.6). Only built-in kinds take it.

Order, unless `$setElementOrder` rules: items that the patch names stand in the patch's order, the others in the live order; where both could
come next the one that is first in the live list does, and an item that is not in the live list comes before. So a new item stands before those
that the patch does not mention.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from solovirt.machinery.errors import BadRequest, Invalid, PlainError
from solovirt.machinery.patch.values import copied, go_text, same
from solovirt.machinery.resource import Document
from solovirt.machinery.schema import meta
from solovirt.machinery.schema.structural import structural

_PATCH = "$patch"
_RETAIN = "$retainKeys"
_ORDER = "$setElementOrder/"
_DELETE = "$deleteFromPrimitiveList/"
_GO_TYPES = {bool: "bool", int: "number", float: "number", str: "string", list: "array"}

Schema = Mapping[str, Any]
_UNKNOWN: Schema = {}
_NOTHING = object()
"""What is left of a value that was a directive."""


def apply(document: Document, patch: Any, schema: Schema) -> Document:
    """
    What *document* becomes by *patch*, as a new document.

    *schema* is the structural schema of the whole object. Raises BadRequest if the patch is no object or a directive is of
    a wrong form, Invalid for lists of lists, PlainError for what else makes no sense.
    """
    if not isinstance(patch, dict):
        kind = _GO_TYPES.get(type(patch), "null")
        raise BadRequest(
            f"error decoding patch: json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
        )
    root = {**schema, "properties": {**(schema.get("properties") or {}), "metadata": structural(meta.ObjectMeta)}}
    out: Document = _merge_maps(copied(document), copied(patch), root)
    return {} if out is _NOTHING else out


def _field(schema: Schema, key: str) -> Schema:
    """The schema of one member of an object."""
    found = (schema.get("properties") or {}).get(key)
    if found is None:
        found = schema.get("additionalProperties")
    return found if isinstance(found, Mapping) else _UNKNOWN


def _strategy(field: Schema) -> str:
    """`merge`, `replace` or none: the strategy without retainKeys, which only allows a directive."""
    words = str(field.get("x-kubernetes-patch-strategy", "")).split(",")
    return next((word for word in words if word != "retainKeys"), "")


def _merge_maps(original: Document, patch: Document, schema: Schema) -> Any:
    """Merge *patch* into *original*, both the callee's own. `_NOTHING` if the patch says to delete the whole."""
    if _PATCH in patch:
        return _directed(patch)
    _retain_keys(original, patch)
    _merge_ordered_lists(original, patch, schema)
    for name, value in patch.items():
        deletes = name.startswith(_DELETE)
        key = name[len(_DELETE) :] if deletes else name
        if value is None:
            original.pop(key, None)
            continue
        live = original.get(key)
        if deletes:
            if isinstance(live, list):
                original[key] = _without(live, _list(value, "invalid patch format of primitive list"))
            continue
        field = _field(schema, key)
        merged: Any
        if isinstance(live, dict) and isinstance(value, dict):
            merged = _fresh(value) if _strategy(field) == "replace" else _merge_maps(live, value, field)
        elif isinstance(live, list) and isinstance(value, list):
            merged = _merge_lists(live, value, field)
        else:
            merged = _fresh(value)
        if merged is _NOTHING:
            original.pop(key, None)
        else:
            original[key] = merged
    return original


def _directed(patch: Document) -> Any:
    directive = patch[_PATCH]
    if directive == "replace":
        del patch[_PATCH]
        return _fresh(patch)
    if directive == "delete":
        return _NOTHING
    raise _unknown_directive(patch)


def _unknown_directive(patch: Document) -> PlainError:
    return PlainError(f"unknown patch type: {go_text(patch[_PATCH])} in map: {go_text(patch)}")


def _retain_keys(original: Document, patch: Document) -> None:
    """Drop members of *original* that `$retainKeys` does not list."""
    if _RETAIN not in patch:
        return
    wrong = "invalid patch format of retainKeys"
    keys = _list(patch.pop(_RETAIN), wrong)
    for key, value in patch.items():
        if value is not None and key not in keys and not key.startswith((_DELETE, _ORDER)):
            raise BadRequest(wrong)
    for key in [key for key in original if key not in keys]:
        del original[key]


def _merge_ordered_lists(original: Document, patch: Document, schema: Schema) -> None:
    """Merge the lists that come with a `$setElementOrder`, and take both out of the patch."""
    for name in [name for name in patch if name.startswith(_ORDER)]:
        wrong = "invalid patch format of setElementOrder list"
        order = _list(patch.pop(name), wrong)
        key = name[len(_ORDER) :]
        live = _list(original.get(key) or [], wrong)
        changes = patch.pop(key, None)
        field = _field(schema, key)
        merge_key = field.get("x-kubernetes-patch-merge-key")
        if changes is not None:
            _check_order(_list(changes, wrong), order, merge_key)
        if key not in original and changes is None:
            continue
        if changes is None:
            merged = live
        elif key in original:
            merged = _merge_lists(live, changes, field)
        else:
            merged = _fresh(changes)
        original[key] = _ordered(merged, order, live, merge_key)


def _check_order(changes: list[Any], order: list[Any], merge_key: str | None) -> None:
    """Refuse a patch whose items are not in the order that it asks for itself."""
    if not order or not changes:
        return
    named = [_identity(one, merge_key) for one in order]
    place = 0
    for item in changes:
        if isinstance(item, dict) and _PATCH in item:
            continue
        identity = _identity(item, merge_key)
        while place < len(named) and not same(named[place], identity):
            place += 1
        if place == len(named):
            raise PlainError(
                f"The order in patch list:\n{go_text(changes)}\n doesn't match $setElementOrder list:\n{go_text(order)}\n"
            )
        place += 1


def _merge_lists(live: list[Any], patch: list[Any], field: Schema) -> list[Any]:
    if _strategy(field) != "merge":
        return [kept for one in patch if (kept := _fresh(one)) is not _NOTHING]
    merge_key = field.get("x-kubernetes-patch-merge-key")
    kinds = {_go_type(one) for one in (*live, *patch)}
    if not kinds:
        return live
    if kinds == {"slice"}:
        raise Invalid("the server rejected our request due to an error in our request", details={})
    if len(kinds) > 1:
        raise PlainError(f"list element types are not identical: {go_text([live, patch])}")
    if kinds != {"map"}:
        return _ordered(_distinct([*live, *patch]), patch, live, None)
    if merge_key is None:
        raise PlainError(f"cannot merge lists without merge key for {getattr(field.get('items'), 'name', '')}")
    replace = False
    changes: list[Any] = []
    for item in patch:
        directive = item.get(_PATCH, _NOTHING)
        if directive is _NOTHING:
            changes.append(item)
        elif directive == "delete":
            gone = _identity(item, merge_key)
            live = [one for one in live if merge_key not in one or not same(one[merge_key], gone)]
        elif directive == "replace":
            replace = True
        elif directive == "merge":
            raise PlainError("merging lists cannot yet be specified in the patch")
        else:
            raise _unknown_directive(item)
    if replace:
        return [_fresh(one) for one in changes]
    return _ordered(_merged_items(live, changes, merge_key, field.get("items") or _UNKNOWN), changes, live, merge_key)


def _merged_items(live: list[Any], changes: list[Any], merge_key: str, items: Schema) -> list[Any]:
    out = list(live)
    for change in changes:
        identity = _identity(change, merge_key)
        for index, one in enumerate(out):
            if merge_key in one and same(one[merge_key], identity):
                out[index] = _merge_maps(one, change, items)
                break
        else:
            out.append(_fresh(change))
    return out


def _ordered(merged: list[Any], first: Sequence[Any], live: Sequence[Any], merge_key: str | None) -> list[Any]:
    """*merged* with the items that *first* names in that order, and the others in the order of *live* between them."""
    wanted = [_identity(one, merge_key) for one in first]
    before = [_identity(one, merge_key) for one in live]

    def place(item: Any, among: Sequence[Any]) -> int:
        identity = _identity(item, merge_key)
        return next((index for index, one in enumerate(among) if same(one, identity)), -1)

    named = sorted((one for one in merged if place(one, wanted) >= 0), key=lambda one: place(one, wanted))
    others = sorted((one for one in merged if place(one, wanted) < 0), key=lambda one: place(one, before))
    out: list[Any] = []
    for item in others:
        mine = place(item, before)
        while named and not 0 <= mine < place(named[0], before):
            out.append(named.pop(0))
        out.append(item)
    return out + named


def _identity(item: Any, merge_key: str | None) -> Any:
    """What tells an item from others: itself, or the value of its merge key."""
    if merge_key is None:
        return item
    if not isinstance(item, dict):
        raise PlainError(f"expected a map[string]interface {{}}, but received a {_go_type(item)}")
    if merge_key not in item:
        raise PlainError(f"map: {go_text(item)} does not contain declared merge key: {merge_key}")
    return item[merge_key]


def _without(live: list[Any], gone: list[Any]) -> list[Any]:
    return [one for one in live if not any(same(one, other) for other in gone)]


def _distinct(values: list[Any]) -> list[Any]:
    out: list[Any] = []
    for value in values:
        if not any(same(value, other) for other in out):
            out.append(value)
    return out


def _fresh(value: Any) -> Any:
    """A value that nothing is merged with: without nulls and directives, `_NOTHING` if it is a directive itself."""
    if isinstance(value, dict):
        if _PATCH in value:
            return _NOTHING
        out = {}
        for key, one in value.items():
            if one is not None and key != _RETAIN and not key.startswith((_ORDER, _DELETE)):
                kept = _fresh(one)
                if kept is not _NOTHING:
                    out[key] = kept
        return out
    if isinstance(value, list):
        return [kept for one in value if (kept := _fresh(one)) is not _NOTHING]
    return value


def _list(value: Any, wrong: str) -> list[Any]:
    if not isinstance(value, list):
        raise BadRequest(wrong)
    return value


def _go_type(value: Any) -> str:
    if isinstance(value, dict):
        return "map"
    if isinstance(value, list):
        return "slice"
    return {bool: "bool", int: "int64", float: "float64", str: "string"}.get(type(value), "nil")
