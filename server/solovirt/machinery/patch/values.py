"""JSON values: copying them and comparing them as JSON does, where Python would take `True` for `1`."""

from __future__ import annotations

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
