"""
The OpenAPI documents as files, for people and tools that want to read the API without a server.

One file for each document below /openapi/v3, and beside it the same as Swagger 2.0; together the latter are what /openapi/v2 serves in one piece. The
text is sorted, with one path or schema to a line, so that a change of the API reads as a short diff.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from solovirt.machinery.schema.openapi import OpenAPI
from solovirt.machinery.schema.openapi.swagger import swagger

if TYPE_CHECKING:
    from solovirt.machinery.registry import Registry
    from solovirt.machinery.schema.protocol import Schemas


def documents(registry: Registry, schemas: Schemas) -> dict[str, bytes]:
    """Content of every file by its relative path: `v3/apis/kubevirt.io/v1.json`, `v2/apis/kubevirt.io/v1.json`, …"""
    openapi = OpenAPI(registry, schemas)
    out: dict[str, bytes] = {}
    for path in openapi.paths():
        document = openapi.build(path)
        out[f"v3/{path}.json"] = _text(document).encode()
        out[f"v2/{path}.json"] = _text(swagger([document], document["info"])).encode()
    return out


# Maps that are written with one entry to a line.
_OPEN = (("paths",), ("definitions",), ("parameters",), ("components",), ("components", "schemas"))


def _text(document: Mapping[str, Any]) -> str:
    return "".join(_lines(document, ())) + "\n"


def _lines(value: Mapping[str, Any], at: tuple[str, ...]) -> Iterator[str]:
    yield "{\n"
    indent = " " * (len(at) + 1)
    for position, (key, child) in enumerate(sorted(value.items())):
        yield f"{indent}{json.dumps(key)}: "
        below = (*at, key)
        if below in _OPEN and child:
            yield from _lines(child, below)
        else:
            yield json.dumps(child, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        yield ",\n" if position + 1 < len(value) else "\n"
    yield " " * len(at) + "}"
