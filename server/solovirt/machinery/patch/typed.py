"""
Documents as server-side apply sees them: checked against the schema, merged by it, and stripped of fields.

The checks are fewer than validation's and their words are others: they ask only whether a document can be merged and owned field by
field (reference kubernetes-api.md 3.5).
"""

from __future__ import annotations

from typing import Any

from solovirt.machinery.patch.fieldset import FieldSet, has, path_element
from solovirt.machinery.patch.shape import Shape
from solovirt.machinery.patch.values import copied, go_text
from solovirt.machinery.resource import Document

_GO_TYPES = {
    bool: "bool",
    int: "int64",
    float: "float64",
    str: "string",
    dict: "map[string]interface {}",
    list: "[]interface {}",
}


def check(document: Document, root: Shape) -> list[str]:
    """What keeps *document* from being applied, each with its path (`.spec.bogus: field not declared in schema`)."""
    found: list[str] = []
    _check_map(document, root, "", found)
    return found


def explained(problems: list[str]) -> str:
    """The problems as one text."""
    return problems[0] if len(problems) == 1 else "\n  ".join(["errors:", *problems])


def _complain(path: str, text: str, found: list[str]) -> None:
    found.append(f"{path}: {text}" if path else text)


def _check(value: Any, part: Shape, path: str, found: list[str]) -> None:
    if value is None:
        return
    expected = _expected(part)
    if expected == "anything":
        if isinstance(value, dict):
            _check_map(value, part, path, found)
    elif expected == "map":
        if isinstance(value, dict):
            _check_map(value, part, path, found)
        else:
            _complain(path, f"expected map, got &{{{go_text(value)}}}", found)
    elif expected == "list":
        if isinstance(value, list):
            _check_list(value, part, path, found)
        else:
            _complain(path, f"expected list, got &{{{go_text(value)}}}", found)
    elif wrong := _wrong_scalar(value, expected):
        _complain(path, wrong, found)


def _expected(part: Shape) -> str:
    schema = part.schema
    if schema.get("x-kubernetes-int-or-string"):
        return "scalar"
    kind = schema.get("type")
    if kind == "object" or (kind is None and schema.get("properties")):
        return "map"
    if kind == "array":
        return "list"
    return kind or "anything"


def _wrong_scalar(value: Any, expected: str) -> str | None:
    if expected in {"integer", "number"}:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"expected numeric (int or float), got {_GO_TYPES[type(value)]}"
    elif expected == "string":
        if not isinstance(value, str):
            return f"expected string, got &value.valueUnstructured{{Value:{go_text(value, syntax=True)}}}"
    elif expected == "boolean":
        if not isinstance(value, bool):
            return f"expected boolean, got &{{{go_text(value)}}}"
    elif isinstance(value, dict | list):
        return f"expected any scalar, got &{{{go_text(value)}}}"
    return None


def _check_map(value: Document, part: Shape, path: str, found: list[str]) -> None:
    for key, one in value.items():
        if part.other is None and key not in part.declared:
            _complain(f"{path}.{key}", "field not declared in schema", found)
            # One is enough to say that the map is of another kind.
            return
        _check(one, part.fields[key][1], f"{path}.{key}", found)


def _check_list(value: list[Any], part: Shape, path: str, found: list[str]) -> None:
    parts = bool(part.keys) or part.is_set
    seen: set[str] = set()
    for index, item in enumerate(value):
        element = f"[{index}]"
        if parts:
            called = part.item(item)
            if called is None:
                _complain(path, f"element {index}: {_why_unnamed(item, part)}", found)
                return
            element = path_element(called)
            if called in seen:
                _complain(path, f"duplicate entries for key {element}", found)
            seen.add(called)
        _check(item, part.items, path + element, found)


def _why_unnamed(item: Any, part: Shape) -> str:
    if part.keys:
        if item is None:
            return "associative list with keys may not have a null element"
        if not isinstance(item, dict):
            return "associative list with keys may not have non-map elements"
        keys = " ".join(f'"{key}"' for key in part.keys)
        return (
            f"associative list with keys has an element that omits all key fields [{keys}] "
            "(and doesn't have default values for any key fields)"
        )
    if isinstance(item, dict):
        return "associative list without keys has an element that's a map type"
    if isinstance(item, list):
        return "not supported: associative list with lists as elements"
    return "associative list without keys has an element that's an explicit null"


def merged(live: Any, config: Any, part: Shape) -> Any:
    """*live* with *config* laid over it, part by part where there are parts. Shares nothing that could be changed with either."""
    if isinstance(live, dict) and not part.atomic:
        if config is None and live:
            return copied(live)
        if isinstance(config, dict):
            out = {
                key: merged(value, config[key], part.fields[key][1]) if key in config else copied(value)
                for key, value in live.items()
            }
            out.update((key, copied(value)) for key, value in config.items() if key not in live)
            return out
    if isinstance(live, list) and (part.keys or part.is_set):
        if config is None and live:
            return copied(live)
        if isinstance(config, list):
            return _merged_lists(live, config, part)
    return copied(config)


def _merged_lists(live: list[Any], config: list[Any], part: Shape) -> list[Any]:
    """
    Items of both lists, those with the same keys merged, in an order that respects both.

    The applied items keep their order. A live item that is not applied stays where it is in relation to live items before it: for live
    `a b c` and applied `c a` comes `b c a`, for applied `x b` comes `a x b c`.
    """
    before = [part.item(item) for item in live]
    after = [part.item(item) for item in config]
    if None in before or None in after:
        return copied(config)  # type: ignore[no-any-return]  # a copy is of the same type
    wanted = dict(zip(after, config, strict=True))
    there: dict[str | None, Any] = {}
    for name, item in zip(before, live, strict=True):
        # Of items that cannot be told apart none is merged with.
        there[name] = None if name in there else item
    shared = [name for name in after if name in there]
    done: set[str | None] = set()
    out: list[Any] = []

    def take_applied(name: str | None) -> None:
        mine = there.get(name)
        out.append(merged(mine, wanted[name], part.items) if mine is not None else copied(wanted[name]))
        done.add(name)
        if shared and shared[0] == name:
            shared.pop(0)

    left = right = 0
    while left < len(before) or right < len(after):
        if left < len(before) and right < len(after):
            if before[left] == after[right]:
                take_applied(after[right])
                left, right = left + 1, right + 1
                continue
            if before[left] in wanted and shared and shared[0] != before[left]:
                # Its turn comes, or came, in the order that was applied.
                left += 1
                continue
        if left < len(before):
            if before[left] not in wanted:
                out.append(copied(live[left]))
                left += 1
                continue
            if before[left] in done:
                left += 1
        if right < len(after):
            take_applied(after[right])
            right += 1
    return out


def without(value: Any, fields: FieldSet, part: Shape) -> Any:
    """
    *value* less *fields*. What it still consists of is shared with it.

    A map or list that loses all its parts goes with them.
    """
    if isinstance(value, dict) and not part.atomic:
        out: Document = {}
        for key, one in value.items():
            name, inner = part.fields[key]
            node = fields.get(name)
            if node is None:
                out[key] = one
            elif not has(node):
                left = without(one, node, inner)
                if left or not isinstance(left, dict | list):
                    out[key] = left
        return out
    if isinstance(value, list) and (part.keys or part.is_set):
        items: list[Any] = []
        for item in value:
            node = fields.get(part.item(item) or "")
            if node is None:
                items.append(item)
            elif not has(node):
                items.append(without(item, node, part.items))
        return items
    return value


def with_named_fields(fields: FieldSet, part: Shape) -> FieldSet:
    """*fields* and all declared fields that they are in. Entries of maps with free keys are owned only as far as they say so."""
    out: FieldSet = {}
    for name, node in fields.items():
        if name == "." or not node:
            out[name] = node
            continue
        key = name[2:]
        is_field = name.startswith("f:")
        inner = part.fields[key][1] if is_field else part.items
        below = with_named_fields(node, inner)
        out[name] = {".": {}, **below} if is_field and key in part.declared else below
    return out
