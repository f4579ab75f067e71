"""
Schemas as OpenAPI v3 publishes them.

Built-in kinds: each named type is a component, referred to by `$ref` (wrapped in `allOf` where the field says more than the type).
Custom resources: written out in place, only the object's metadata is a reference; apiVersion, kind and metadata are added to what the
structural schema declares.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from solovirt.machinery.resource import Flavour, Resource
from solovirt.machinery.schema import meta, structural
from solovirt.machinery.schema.markers import ApiModel
from solovirt.machinery.schema.openapi import names
from solovirt.machinery.schema.structural import NamedSchema, Schema

_API_VERSION = {"description": "Version of the API that the object is written in: group/version.", "type": "string"}
_KIND = {"description": "Kind of the object.", "type": "string"}
_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_GVK = "x-kubernetes-group-version-kind"

# Scalars whose published form is not the one they are validated by.
SCALARS: Mapping[str, Schema] = {
    structural.QUANTITY: {
        "description": "A number with an optional suffix: decimal (m, k, M, G, …), binary (Ki, Mi, Gi, …) or exponent (1e3).",
        "oneOf": [{"type": "string"}, {"type": "number"}],
    },
    structural.INT_OR_STRING: {
        "description": "A whole number or a name.",
        "format": "int-or-string",
        "oneOf": [{"type": "integer"}, {"type": "string"}],
    },
    structural.TIME: {
        "description": "A time in RFC 3339 form, whole seconds.",
        "type": "string",
        "format": "date-time",
    },
    structural.MICRO_TIME: {
        "description": "A time in RFC 3339 form, with microseconds.",
        "type": "string",
        "format": "date-time",
    },
    structural.RAW_EXTENSION: {"description": "Any object, kept as it was sent.", "type": "object"},
}


class Components:
    """The schemas of one document, collected while its operations refer to them."""

    def __init__(self, kinds: Mapping[str, list[Schema]]) -> None:
        """*kinds*: by definition, the groups, versions and kinds that objects of it may call themselves."""
        self._kinds = kinds
        self.schemas: dict[str, Schema] = {}
        self._written: dict[int, Schema] = {}

    def model(self, model: type[ApiModel]) -> Schema:
        """A reference to a type of our own (Status, DeleteOptions, …)."""
        schema = structural.structural(model)
        if not isinstance(schema, NamedSchema):
            raise TypeError(f"{model.__qualname__} has no schema_name to be referred to by")
        return self._reference(schema)

    def kind(self, resource: Resource, version: str, schema: Mapping[str, Any]) -> Schema:
        """A reference to the objects of *resource*."""
        name = names.of_resource(resource, version, schema)
        if name not in self.schemas:
            gvk = [{"group": resource.group, "version": version, "kind": resource.kind}]
            if resource.flavour is Flavour.BUILT_IN:
                self.schemas[name] = {}
                self.schemas[name] = {**self._named_type(schema), _GVK: gvk}
            else:
                self.schemas[name] = {**self._custom(schema), _GVK: gvk}
        return _ref(name)

    def list_of(self, resource: Resource, version: str, schema: Mapping[str, Any]) -> Schema:
        """A reference to lists of *resource*."""
        item = self.kind(resource, version, schema)
        prefix = names.of_resource(resource, version, schema).rpartition(".")[0]
        name = f"{prefix}.{resource.list_kind_name}"
        if name not in self.schemas:
            self.schemas[name] = {
                "description": f"A list of {resource.kind} objects.",
                "type": "object",
                "required": ["items"],
                "properties": {
                    "apiVersion": _API_VERSION,
                    "items": {"description": "The objects.", "type": "array", "items": item},
                    "kind": _KIND,
                    "metadata": {"description": "Metadata of the list.", "allOf": [self.model(meta.ListMeta)]},
                },
                _GVK: [{"group": resource.group, "version": version, "kind": resource.list_kind_name}],
            }
        return _ref(name)

    def _custom(self, schema: Mapping[str, Any]) -> Schema:
        out = dict(self._in_place(schema))
        properties = dict(out.get("properties") or {})
        properties["apiVersion"] = _API_VERSION
        properties["kind"] = _KIND
        properties["metadata"] = {"description": "Metadata of the object.", "allOf": [self.model(meta.ObjectMeta)]}
        out["type"] = "object"
        out["properties"] = dict(sorted(properties.items()))
        return out

    def _in_place(self, schema: Mapping[str, Any]) -> Schema:
        """*schema* with nothing referred to. A custom resource's types never contain themselves."""
        known = self._written.get(id(schema))
        if known is not None:
            return known
        out: Schema = {}
        for key, value in schema.items():
            if key == "properties":
                out[key] = {name: self._in_place(child) for name, child in value.items()}
            elif key in ("items", "additionalProperties") and isinstance(value, Mapping):
                out[key] = self._in_place(value)
            else:
                out[key] = value
        self._written[id(schema)] = out
        return out

    def _reference(self, schema: NamedSchema) -> Schema:
        if schema.name not in self.schemas:
            # Claimed first: a type may contain itself.
            self.schemas[schema.name] = {}
            self.schemas[schema.name] = self._named_type(schema.base)
        return _ref(schema.name)

    def _named_type(self, schema: Mapping[str, Any]) -> Schema:
        name = schema.name if isinstance(schema, NamedSchema) else ""
        if name in SCALARS:
            return dict(SCALARS[name])
        out = self._with_references(schema)
        if name in self._kinds:
            out[_GVK] = self._kinds[name]
        return out

    def _value(self, schema: Mapping[str, Any]) -> Schema:
        if not isinstance(schema, NamedSchema):
            return self._with_references(schema)
        reference = self._reference(schema)
        own = {key: value for key, value in schema.own.items() if key != _PRESERVE}
        return {**own, "allOf": [reference]} if own else reference

    def _with_references(self, schema: Mapping[str, Any]) -> Schema:
        out: Schema = {}
        for key, value in schema.items():
            if key == "properties":
                out[key] = {name: self._value(child) for name, child in value.items()}
            elif key in ("items", "additionalProperties") and isinstance(value, Mapping):
                out[key] = self._value(value)
            elif key != _PRESERVE:
                out[key] = value
        return out


def _ref(name: str) -> Schema:
    return {"$ref": names.COMPONENTS + name}
