"""
Write the published OpenAPI documents below openapi/ from what Solovirt serves.

    python scripts/publish_openapi.py [directory]
"""

from __future__ import annotations

import sys
from pathlib import Path

from solovirt import kinds
from solovirt.machinery.registry import Registry
from solovirt.machinery.schema.compiled import SchemaSet
from solovirt.machinery.schema.openapi import OpenAPI, publish

ROOT = Path(__file__).resolve().parent.parent


def main(directory: Path) -> None:
    registry = Registry()
    for resource in kinds.builtin():
        registry.register(resource)
    written = publish.write(OpenAPI(registry, SchemaSet(registry)), directory)
    sys.stdout.write(f"{len(written)} files in {directory}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "openapi")
