"""
The OpenAPI documents: v3 by group and version with its index, v2 as Swagger JSON and as gnostic's protobuf.

Everything is derived from the registry and the structural schemas, built when it is first asked for, and kept as bytes until the registry changes.
Facts: reference kubernetes-api.md 1.4.
"""

from solovirt.machinery.schema.openapi.documents import Hashed, OpenAPI

__all__ = ["Hashed", "OpenAPI"]
