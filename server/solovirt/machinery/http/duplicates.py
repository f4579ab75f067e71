"""
Fields that a JSON body gives twice.

The fast decoder keeps the last of them silently. Whether there are any is told without a second parse: encoding what was decoded gives back as
many keys as the body had, unless some were dropped. Only then, or where the bytes do not allow the comparison, a slow decoder looks.
"""

from __future__ import annotations

import json
from typing import Any

_SPACES = (b" ", b"\t", b"\n", b"\r")
_ESCAPED = (b"\\u0022", b"\\u003a", b"\\u003A")


def possible(body: bytes, encoded: bytes) -> bool:
    """Whether *body* may give a field twice. *encoded* is the decoded body, encoded again. Never wrongly false."""
    if body.rstrip() == encoded:
        # As most clients send it: nothing was dropped.
        return False
    return body.count(b'":') != encoded.count(b'":') or _is_uncountable(body)


def _is_uncountable(body: bytes) -> bool:
    """Whether counting keys by `":` is unreliable: for white space before a colon, or a quote or colon written as an escape."""
    # Looking for one byte is many times faster than for two, and most bodies have neither tabs nor escapes.
    return any(space in body and space + b":" in body for space in _SPACES) or (
        b"\\" in body and b"\\u00" in body and any(escaped in body for escaped in _ESCAPED)
    )


class _Object(dict[str, Any]):
    """An object that remembers its keys as they were written."""

    written: list[str]


def _remember(pairs: list[tuple[str, Any]]) -> _Object:
    made = _Object(pairs)
    made.written = [key for key, _ in pairs]
    return made


def find(body: bytes) -> tuple[str, ...]:
    """Paths of the fields given more than once (`spec.cpu`, `spec.vols[0].name`), in the order of the body."""
    try:
        document = json.loads(body, object_pairs_hook=_remember)
    except RecursionError:
        return ()
    out: dict[str, None] = {}
    _walk(document, "", out)
    return tuple(out)


def _walk(value: Any, path: str, out: dict[str, None]) -> None:
    if isinstance(value, _Object):
        seen: set[str] = set()
        for key in value.written:
            at = f"{path}.{key}" if path else key
            if key in seen:
                out[at] = None
                continue
            seen.add(key)
            _walk(value[key], at, out)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _walk(item, f"{path}[{index}]", out)
