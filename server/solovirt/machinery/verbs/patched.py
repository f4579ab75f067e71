"""
Patches whose result is no object of the kind: refused as a value of the field `patch` (reference kubernetes-api.md 4.2).

What is shown of it depends on how a real API server works: for JSON and merge patches the patched object, as JSON; for strategic ones, which it applies to
Go's maps, the patch itself as Go prints maps, and what is wrong in the words of the conversion from maps.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from solovirt.machinery import errors
from solovirt.machinery.errors import Invalid
from solovirt.machinery.verbs.protocol import PatchType

_UNMARSHAL = re.compile(r"json: cannot unmarshal (\w+)(?: \S+)? into Go struct field \S+ of type (\S+)")
_GO_KINDS = {"number": "int64", "object": "map", "array": "slice"}


def refusal(type: PatchType, body: Any, document: Any, problem: str) -> Invalid:
    """The answer to the patch *body*, which made *document*, because of *problem*."""
    strategic = type is PatchType.STRATEGIC
    shown = go_map(body) if strategic else orjson.dumps(document).decode()
    found = errors.invalid("patch", shown, _converted(problem) if strategic else problem)
    return Invalid.of("", "", "", [found])


def go_map(value: Any) -> str:
    """A JSON value as Go's `%+v` prints it: `map[data:map[a:1] list:[x y]]`."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{go_map(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(go_map(item) for item in value)}]"
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _converted(problem: str) -> str:
    """What JSON's decoder says, as the conversion from maps says it. Types with a decoder of their own speak for themselves in both."""
    match = _UNMARSHAL.fullmatch(problem)
    if match is None:
        return problem
    found, wanted = match.groups()
    kind = _GO_KINDS.get(found, found)
    if wanted.startswith("map["):
        return f"cannot restore map from {kind}"
    if wanted.startswith("[]"):
        return f"cannot restore slice from {kind}"
    if "." in wanted and not wanted.startswith("*"):
        return f"cannot restore struct from: {kind}"
    return f"cannot convert {kind} to {wanted.removeprefix('*')}"
