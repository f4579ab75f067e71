"""Resource versions as clients write them: unsigned 64-bit decimals (reference kubernetes-api.md 2.3)."""

from __future__ import annotations

from solovirt.machinery import errors

_MAX_DIGITS = 20
_LIMIT = 1 << 64


class NoRevision(ValueError):
    """The text is no resource version; the message is Go's."""


def parse(text: str) -> int:
    """Read *text* as Go's strconv.ParseUint does. Raises NoRevision."""
    problem = ""
    if not (text.isascii() and text.isdigit()):
        problem = "invalid syntax"
    else:
        # Counted before it is converted: Python refuses numbers of some thousand digits with an error of its own.
        digits = text.lstrip("0") or "0"
        if len(digits) <= _MAX_DIGITS and (number := int(digits)) < _LIMIT:
            return number
        problem = "value out of range"
    raise NoRevision(f"strconv.ParseUint: parsing {errors.go_quoted(text)}: {problem}")
