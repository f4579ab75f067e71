"""JSON values: copying them, comparing them as JSON does where Python would take `True` for `1`, and printing them as Go does."""

from __future__ import annotations

import json
from typing import Any


def copied(value: Any) -> Any:
    """A copy of a JSON value that shares nothing with it that could be changed."""
    if type(value) is dict:
        return {key: copied(one) if type(one) is dict or type(one) is list else one for key, one in value.items()}
    if type(value) is list:
        return [copied(one) if type(one) is dict or type(one) is list else one for one in value]
    return value


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal. Numbers are equal by their value, true and false are no numbers."""
    if one != other:
        return False
    kind = type(one)
    if kind is dict:
        return all(same(value, other[key]) for key, value in one.items())
    if kind is list:
        return all(same(value, other[index]) for index, value in enumerate(one))
    return kind is type(other) or (kind is not bool and type(other) is not bool)


def go_text(value: Any, *, syntax: bool = False) -> str:
    """A decoded JSON value as Go prints it with %v, or, in Go's *syntax*, with %#v."""
    if isinstance(value, dict):
        pairs = [(json.dumps(key) if syntax else key, go_text(value[key], syntax=syntax)) for key in sorted(value)]
        if syntax:
            return f"map[string]interface {{}}{{{', '.join(f'{key}:{one}' for key, one in pairs)}}}"
        return f"map[{' '.join(f'{key}:{one}' for key, one in pairs)}]"
    if isinstance(value, list):
        texts = [go_text(one, syntax=syntax) for one in value]
        return f"[]interface {{}}{{{', '.join(texts)}}}" if syntax else f"[{' '.join(texts)}]"
    if value is None:
        return "interface {}(nil)" if syntax else "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and syntax:
        return json.dumps(value, ensure_ascii=False)
    return str(value)
