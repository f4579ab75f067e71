"""How long ago something was, as `kubectl get` prints it (reference kubernetes-api.md 5)."""

from __future__ import annotations

import math
from datetime import datetime
from functools import lru_cache
from typing import Any

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_YEAR = 365 * _DAY


def human_duration(seconds: float) -> str:  # noqa: PLR0911 - a table, one line a row
    """A duration in at most two units, coarser the longer it is."""
    whole = int(seconds)
    if seconds < -1:
        return "<invalid>"
    if whole <= 0:
        return "0s"
    if whole < 2 * _MINUTE:
        return f"{whole}s"
    if whole < 10 * _MINUTE:
        return _two(whole, _MINUTE, "m", 1, "s")
    if whole < 3 * _HOUR:
        return f"{whole // _MINUTE}m"
    if whole < 8 * _HOUR:
        return _two(whole, _HOUR, "h", _MINUTE, "m")
    if whole < 2 * _DAY:
        return f"{whole // _HOUR}h"
    if whole < 8 * _DAY:
        return _two(whole, _DAY, "d", _HOUR, "h")
    if whole < 2 * _YEAR:
        return f"{whole // _DAY}d"
    if whole < 8 * _YEAR:
        return _two(whole, _YEAR, "y", _DAY, "d")
    return f"{whole // _YEAR}y"


def _two(seconds: int, first: int, first_unit: str, second: int, second_unit: str) -> str:
    high, rest = divmod(seconds, first)
    low = rest // second
    return f"{high}{first_unit}{low}{second_unit}" if low else f"{high}{first_unit}"


@lru_cache(maxsize=8192)
def _since(value: str, now: int) -> str:
    # Objects that are listed together were often made in the same second.
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        return "<invalid>"
    if when.tzinfo is None:
        return "<invalid>"
    if when.year == 1:
        return "<unknown>"
    return human_duration(now - when.timestamp())


def age(value: Any, now: float) -> str:
    """The cell of a date column: time since the RFC 3339 *value*. *now* is in seconds since the epoch."""
    return _since(value, math.floor(now)) if isinstance(value, str) else "<invalid>"
