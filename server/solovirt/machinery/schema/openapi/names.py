"""Names in the OpenAPI documents: definitions, operation ids, tags, document paths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from solovirt.machinery.resource import Flavour, Resource
from solovirt.machinery.schema.structural import NamedSchema

COMPONENTS = "#/components/schemas/"


def of_kind(group: str, version: str, kind: str) -> str:
    """`example.com`, `v1`, `VM` is `com.example.v1.VM`: how custom resources are named."""
    return ".".join([*reversed(group.split(".")), version, kind])


def of_built_in(group: str, version: str, kind: str) -> str:
    """`rbac.authorization.k8s.io`, `v1`, `Role` is `io.k8s.api.rbac.v1.Role`: how most built-in kinds are named."""
    return f"io.k8s.api.{group.split('.', maxsplit=1)[0] or 'core'}.{version}.{kind}"


def of_resource(resource: Resource, version: str, schema: Mapping[str, Any]) -> str:
    """The definition of the objects of *resource*; *schema* is their structural schema."""
    if resource.flavour is Flavour.BUILT_IN:
        return schema.name if isinstance(schema, NamedSchema) else of_built_in(resource.group, version, resource.kind)
    return of_kind(resource.group, version, resource.kind)


def document(group: str, version: str = "") -> str:
    """The document's path below /openapi/v3: `api/v1`, `apis/apps/v1`, `apis/apps`."""
    root = f"apis/{group}" if group else "api"
    return f"{root}/{version}" if version else root


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _group_words(group: str) -> list[str]:
    return (group.removesuffix(".k8s.io") or "core").split(".")


def tag(group: str, version: str = "") -> str:
    """`example.com`, `v1` is `exampleCom_v1`."""
    first, *rest = _group_words(group)
    name = first + "".join(_upper(part) for part in rest)
    return f"{name}_{version}" if version else name


def operation(verb: str, group: str, version: str, what: str) -> str:
    """`patch`, `example.com`, `v1`, `NamespacedVM` is `patchExampleComV1NamespacedVM`."""
    return verb + "".join(_upper(part) for part in _group_words(group)) + _upper(version) + what
