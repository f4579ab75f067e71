"""
Sets of fields, in the form in which managedFields publish them.

A set is a nested dict. The keys of a node are its parts: `f:name` a field, `k:{"name":"x"}` an item of a list by its keys, `v:"x"` an item by its
value. The key `.` says that the node itself is in the set; a node without parts is in it too and is written `{}`. So the fields `.spec.cpu` and
`.spec.vols[name="x"]` with its size are

    {"f:spec": {"f:cpu": {}, "f:vols": {'k:{"name":"x"}': {".": {}, "f:size": {}}}}}

and the empty set is the root `{}`. Sets are never changed once they are made: they share their parts with each other and with the
documents that they came from.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

FieldSet = dict[str, Any]

LEAF: FieldSet = {}
"""A node that is in the set and has no parts. Shared; not to be changed."""


def is_empty(fields: FieldSet | None) -> bool:
    """Whether there is no field in the set."""
    return not fields


def has(node: FieldSet) -> bool:
    """Whether a node below the root is itself in the set."""
    return not node or "." in node


def union(one: FieldSet, other: FieldSet) -> FieldSet:
    """The fields that are in either set."""
    if not one or one is other:
        return other
    return _union(one, other) if other else one


def _union(one: FieldSet, other: FieldSet) -> FieldSet:
    if one is other:
        return one
    if not one:
        return {".": LEAF, **other} if other else one
    if not other:
        return {".": LEAF, **one}
    out = dict(one)
    for key, node in other.items():
        mine = out.get(key)
        out[key] = node if mine is None else _union(mine, node)
    return out


def difference(fields: FieldSet, without: FieldSet) -> FieldSet:
    """The fields that are not in the other set too; *fields* itself if no field of it is."""
    if not fields or not without:
        return fields
    return _difference(fields, without, root=True) or {}


def _difference(node: FieldSet, without: FieldSet, *, root: bool = False) -> FieldSet | None:
    """None if nothing is left."""
    if not node:
        return None if has(without) else node
    if not without:
        if "." not in node:
            return node
        return {key: part for key, part in node.items() if key != "."} or None
    changed: FieldSet | None = None
    for key, other in without.items():
        part = node.get(key)
        if part is None:
            continue
        left = None if key == "." else _difference(part, other)
        if left is part:
            continue
        if changed is None:
            changed = dict(node)
        if left is None:
            del changed[key]
        else:
            changed[key] = left
    if changed is None:
        return node
    return normal(changed, root=root)


def intersection(one: FieldSet, other: FieldSet) -> FieldSet:
    """The fields that are in both sets."""
    if not one or not other:
        return {}
    return _intersection(one, other, root=True) or {}


def _intersection(one: FieldSet, other: FieldSet, *, root: bool = False) -> FieldSet | None:
    if not one:
        return LEAF if has(other) else None
    if not other:
        return LEAF if "." in one else None
    out: FieldSet = {}
    if len(other) < len(one):
        one, other = other, one
    for key, part in one.items():
        theirs = other.get(key)
        if theirs is not None:
            both = LEAF if key == "." else _intersection(part, theirs)
            if both is not None:
                out[key] = both
    return normal(out, root=root)


def normal(node: FieldSet, *, root: bool = False) -> FieldSet | None:
    """*node* as sets write it: None without any field, `{}` if only the node itself is left."""
    if not node:
        return None
    return LEAF if len(node) == 1 and "." in node and not root else node


_RANKS = {"f": 0, "k": 1, "v": 2, "i": 3}


def paths(fields: FieldSet) -> list[str]:
    """
    The fields as conflicts name them (`.spec.vols[name="x"].size`), sorted.

    In each node the parts that are themselves in the set come first, then what is below them.
    """
    return [path for path, _ in members(fields)]


def members(fields: FieldSet) -> Iterator[tuple[str, FieldSet]]:
    """Path and set of each single field, in the order of `paths`."""
    return _members(fields, ())


def _members(node: FieldSet, above: tuple[str, ...]) -> Iterator[tuple[str, FieldSet]]:
    keys = sorted((key for key in node if key != "."), key=lambda key: (_RANKS.get(key[:1], 4), key))
    for key in keys:
        if has(node[key]):
            single = LEAF
            for step in (key, *reversed(above)):
                single = {step: single}
            yield "".join(path_element(step) for step in (*above, key)), single
    for key in keys:
        yield from _members(node[key], (*above, key))


def path_element(key: str) -> str:
    """One step of a path: `.name` for a field, `[name="x"]` and `[="x"]` for items of lists, `[0]` for one by its place."""
    kind, _, rest = key.partition(":")
    if kind == "f":
        return "." + rest
    if kind == "k":
        values = json.loads(rest)
        return "[" + ",".join(f"{name}={_text(values[name])}" for name in sorted(values)) + "]"
    if kind == "v":
        return f"[={_text(json.loads(rest))}]"
    return f"[{rest}]"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def is_well_formed(fields: Any) -> bool:
    """Whether a decoded JSON value is a field set that can be worked with."""
    if not isinstance(fields, dict):
        return False
    for key, node in fields.items():
        if key == ".":
            if node != {}:
                return False
            continue
        kind, colon, rest = key.partition(":")
        if not colon or kind not in _RANKS or not is_well_formed(node):
            return False
        if kind in {"k", "v"}:
            try:
                value = json.loads(rest)
            except ValueError:
                return False
            if kind == "k" and not isinstance(value, dict):
                return False
    return True
