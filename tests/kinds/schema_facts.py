"""The upstream schemas as plain facts, and what our models and declarations are compared with them by."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

_FACTS = Path(__file__).parent.parent / "reference" / "schema"


@functools.cache
def facts(name: str) -> dict[str, Any]:
    """One of the files of tests/reference/schema, by its name without `.json`."""
    content: dict[str, Any] = json.loads((_FACTS / f"{name}.json").read_text(encoding="utf-8"))
    return content


def without_descriptions(schema: Any) -> Any:
    """A structural schema with nothing left but its constraints."""
    if isinstance(schema, list):
        return [without_descriptions(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    out: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties":
            out[key] = {name: without_descriptions(one) for name, one in value.items()}
        elif key == "required":
            out[key] = sorted(value)
        elif key != "description":
            out[key] = without_descriptions(value)
    return out


def differences(ours: Any, theirs: Any, path: str = "") -> list[str]:
    """Every place where two schemas are not the same, as `path: ours | theirs`."""
    if ours == theirs:
        return []
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [
            line
            for key in sorted({*ours, *theirs})
            for line in differences(ours.get(key, "absent"), theirs.get(key, "absent"), f"{path}.{key}")
        ]
    return [f"{path}: {str(ours)[:200]} | {str(theirs)[:200]}"]
