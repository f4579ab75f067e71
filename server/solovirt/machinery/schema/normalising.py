"""
Values as Go writes them.

A built-in kind's objects are decoded into Go's types and encoded from them, so what is stored is not always what was sent: quantities come out in
canonical form (`1024Mi` as `1Gi`, the number 10 as `"10"`), times in UTC and to the second, or to six digits of it. Custom resources
are kept as they are sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from solovirt.machinery import quantity
from solovirt.machinery.schema.structural import MICRO_TIME, QUANTITY, TIME, NamedSchema

_ENVELOPE = frozenset(("apiVersion", "kind", "metadata"))
_SECONDS = len("2026-11-23T07:01:03Z")
_MICROSECONDS = len("2026-11-23T07:01:03.000000Z")


class Plan:
    """Where in a value there is something to normalise, so that nothing else is looked at."""

    __slots__ = ("fields", "items", "others", "scalar")

    def __init__(self) -> None:
        self.fields: dict[str, Plan] = {}
        self.others: Plan | None = None
        self.items: Plan | None = None
        self.scalar: Callable[[Any], Any] | None = None

    def run(self, value: Any) -> Any:
        """The value, normalised in place as far as it has parts."""
        if self.scalar is not None:
            return value if value is None else self.scalar(value)
        if isinstance(value, dict):
            for key, plan in self.fields.items():
                if key in value:
                    value[key] = plan.run(value[key])
            if (others := self.others) is not None:
                for key in value:
                    if key not in self.fields:
                        value[key] = others.run(value[key])
        elif isinstance(value, list) and (items := self.items) is not None:
            value[:] = [items.run(item) for item in value]
        return value


def plan(schema: Mapping[str, Any]) -> Plan | None:
    """What there is to normalise in documents of a built-in kind; None for nothing. Metadata is the server's own."""
    return _plan(schema, {}, skip=_ENVELOPE)


def _plan(schema: Mapping[str, Any], seen: dict[int, Plan | None], skip: frozenset[str] = frozenset()) -> Plan | None:
    if isinstance(schema, NamedSchema) and schema.name in _SCALARS:
        out = Plan()
        out.scalar = _SCALARS[schema.name]
        return out
    if id(schema) in seen:
        # A type within itself: none of those has a time or a quantity.
        return seen[id(schema)]
    seen[id(schema)] = None
    out = Plan()
    for key, child in (schema.get("properties") or {}).items():
        if key not in skip and (found := _plan(child, seen)) is not None:
            out.fields[key] = found
    for name in ("additionalProperties", "items"):
        child = schema.get(name)
        found = _plan(child, seen) if isinstance(child, Mapping) else None
        if name == "items":
            out.items = found
        else:
            out.others = found
    made = out if out.fields or out.others or out.items else None
    seen[id(schema)] = made
    return made


def _quantity(value: Any) -> Any:
    try:
        return quantity.text(value)
    except quantity.QuantityError:
        return value


def _time(value: Any) -> Any:
    if len(value) == _SECONDS and value[-1] == "Z":
        return value
    moment = _moment(value)
    return value if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _micro_time(value: Any) -> Any:
    if len(value) == _MICROSECONDS and value[-1] == "Z":
        return value
    moment = _moment(value)
    return value if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _moment(value: str) -> datetime | None:
    """None for what is no time: whoever validates says so."""
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


_SCALARS: Mapping[str, Callable[[Any], Any]] = {QUANTITY: _quantity, TIME: _time, MICRO_TIME: _micro_time}
