"""
OpenAPI v3 documents as one Swagger 2.0 document.

What Swagger 2 cannot say is left out, so that a client that validates by it refuses nothing that the server would take: `oneOf`, `anyOf`,
`not`, what is below a nullable value or beside int-or-string, and what is listed of an object that keeps unknown fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from solovirt.machinery.schema import structural
from solovirt.machinery.schema.openapi import names
from solovirt.machinery.schema.structural import Schema

_DEFINITIONS = "#/definitions/"
_UNSAYABLE = frozenset({"oneOf", "anyOf", "allOf", "not", "nullable"})
_CONTENTS = frozenset(
    {
        "type",
        "format",
        "properties",
        "required",
        "items",
        "additionalProperties",
        "enum",
        "pattern",
        "minimum",
        "maximum",
    }
    | {"exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems", "uniqueItems"}
    | {"minProperties", "maxProperties", "multipleOf"}
)
_SCALARS: Mapping[str, Schema] = {
    structural.QUANTITY: {"type": "string"},
    structural.INT_OR_STRING: {"type": "string", "format": "int-or-string"},
}
# In Swagger a list of parameters may be shared; kubectl's look-ups in PATCH do not follow references, so that one writes its own.
_METHODS = ("get", "put", "post", "delete", "patch")


def swagger(documents: Iterable[Mapping[str, Any]], info: Mapping[str, Any]) -> dict[str, Any]:
    """Join v3 *documents* into one Swagger 2.0 document."""
    converter = _Converter()
    paths: dict[str, Any] = {}
    definitions: dict[str, Any] = {}
    for document in documents:
        for path, item in document["paths"].items():
            paths[path] = converter.path(item)
        for name, schema in document.get("components", {}).get("schemas", {}).items():
            if name not in definitions:
                definitions[name] = converter.definition(name, schema)
    return {
        "swagger": "2.0",
        "info": dict(info),
        "paths": dict(sorted(paths.items())),
        "definitions": dict(sorted(definitions.items())),
        "parameters": dict(sorted(converter.parameters.items())),
        "securityDefinitions": {
            "BearerToken": {
                "description": "A bearer token.",
                "type": "apiKey",
                "name": "authorization",
                "in": "header",
            }
        },
        "security": [{"BearerToken": []}],
    }


class _Converter:
    def __init__(self) -> None:
        self.parameters: dict[str, Schema] = {}
        self._known: dict[int, tuple[Schema, Schema]] = {}

    def definition(self, name: str, schema: Schema) -> Schema:
        out = self.schema(schema)
        if name in _SCALARS:
            out = {"description": schema.get("description", ""), **_SCALARS[name]}
        return out

    def schema(self, schema: Schema) -> Schema:
        known = self._known.get(id(schema))
        if known is not None:
            return known[1]
        out = self._schema(schema)
        # The source is kept with it, or its identity might be given to another.
        self._known[id(schema)] = (schema, out)
        return out

    def _schema(self, schema: Schema) -> Schema:
        if "$ref" in schema:
            return {"$ref": _DEFINITIONS + schema["$ref"].removeprefix(names.COMPONENTS)}
        dropped = set(_UNSAYABLE)
        out: Schema = {}
        wrapped = schema.get("allOf")
        if wrapped and len(wrapped) == 1 and "$ref" in wrapped[0]:
            out.update(self._schema(wrapped[0]))
        if schema.get("nullable"):
            dropped |= _CONTENTS
        if schema.get("x-kubernetes-int-or-string"):
            dropped |= _CONTENTS
        if schema.get("x-kubernetes-preserve-unknown-fields"):
            dropped |= _CONTENTS - {"type"}
        for key, value in schema.items():
            if key in dropped:
                continue
            if key == "properties":
                out[key] = {name: self.schema(child) for name, child in value.items()}
            elif key in ("items", "additionalProperties") and isinstance(value, Mapping):
                out[key] = self.schema(dict(value) if not isinstance(value, dict) else value)
            else:
                out[key] = value
        required = out.get("required")
        if required and "properties" in schema:
            # A null where null is allowed counts as missing for a Swagger validator.
            kept = [name for name in required if not schema["properties"].get(name, {}).get("nullable")]
            if kept:
                out["required"] = kept
            else:
                del out["required"]
        return out

    def path(self, item: Mapping[str, Any]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for method in _METHODS:
            if method in item:
                out[method] = self._operation(item[method], share=method != "patch")
        if "parameters" in item:
            out["parameters"] = [self._parameter(one, share=True) for one in item["parameters"]]
        return out

    def _operation(self, operation: Mapping[str, Any], *, share: bool) -> dict[str, Any]:
        out = {key: value for key, value in operation.items() if key not in ("parameters", "requestBody", "responses")}
        body = operation.get("requestBody")
        parameters: list[Schema] = []
        out["consumes"] = ["*/*"]
        if body is not None:
            content = body["content"]
            out["consumes"] = list(content)
            schema = self.schema(next(iter(content.values()))["schema"])
            parameters.append(
                {"name": "body", "in": "body", "schema": schema} | ({"required": True} if "required" in body else {})
            )
        parameters += [self._parameter(one, share=share) for one in operation.get("parameters", ())]
        if parameters:
            out["parameters"] = parameters
        responses: dict[str, Any] = {}
        produces: dict[str, None] = {}
        for code, response in operation["responses"].items():
            responses[code] = {"description": response["description"]}
            content = response.get("content") or {}
            produces.update(dict.fromkeys(content))
            if content:
                responses[code]["schema"] = self.schema(next(iter(content.values()))["schema"])
        out["produces"] = list(produces)
        out["responses"] = responses
        out["schemes"] = ["https"]
        return out

    def _parameter(self, parameter: Schema, *, share: bool) -> Schema:
        plain: Schema = {key: value for key, value in parameter.items() if key != "schema"} | parameter["schema"]
        if not share or (plain["in"] == "path" and plain["name"] == "name"):
            return plain
        self.parameters[plain["name"]] = plain
        return {"$ref": f"#/parameters/{plain['name']}"}
