"""What the built-in kinds publish of themselves."""

from __future__ import annotations

from solovirt import kinds
from solovirt.machinery.registry import Registry


def documents_of_openapi() -> dict[str, bytes]:
    """The OpenAPI documents of all built-in kinds, by the path they are published under."""
    from solovirt.machinery.schema.compiled import SchemaSet
    from solovirt.machinery.schema.publish import documents

    registry = Registry()
    for resource in kinds.builtin():
        registry.register(resource)
    return documents(registry, SchemaSet(registry))
