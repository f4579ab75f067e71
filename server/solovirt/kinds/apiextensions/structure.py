"""
Whether a schema is structural (k8s.io/apiextensions-apiserver, pkg/apiserver/schema).

There has to be a type at every level (or an int-or-string, or a place that preserves what it does not know); below the combinators `allOf`, `anyOf`,
`oneOf` and `not` there may be nothing but value validation, of nothing that is not declared outside them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from solovirt.machinery.errors import FieldError, forbidden_field, invalid, required
from solovirt.machinery.schema import patterns

INT_OR_STRING, PRESERVE = "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields"
EMBEDDED, RULES = "x-kubernetes-embedded-resource", "x-kubernetes-validations"
LIST_TYPE, LIST_KEYS, MAP_TYPE = "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type"
_INT_OR_STRING_TYPES = [{"type": "integer"}, {"type": "string"}]
_UNTYPED = {
    "root": "must not be empty at the root",
    "item": "must not be empty for specified array items",
    "field": "must not be empty for specified object fields",
}
# What has no place below a combinator, and what it must be to be as good as not there.
_NOT_NESTED = {
    "type": "empty",
    "additionalProperties": "undefined",
    "default": "undefined",
    "title": "empty",
    "description": "empty",
    "nullable": "false",
    PRESERVE: "false",
    EMBEDDED: "false",
    INT_OR_STRING: "false",
    LIST_KEYS: "empty",
    LIST_TYPE: "undefined",
    MAP_TYPE: "undefined",
    RULES: "empty",
}

Schema = Mapping[str, Any]


def validate(schema: Schema, path: str) -> list[FieldError]:
    """Everything that keeps the schema of a whole object, which is at *path*, from being structural; sorted."""
    found = [*_invariants(schema, path, "root"), *_completeness(schema, path)]
    return sorted(found, key=str)


def _invariants(schema: Schema, path: str, level: str) -> Iterator[FieldError]:
    type_ = schema.get("type") or ""
    if type_ == "array" and schema.get("items") is None:
        yield required(f"{path}.items", "must be specified")
    if isinstance(schema.get("items"), Mapping):
        yield from _invariants(schema["items"], f"{path}.items", "item")
    for name, child in (schema.get("properties") or {}).items():
        yield from _invariants(child, f"{path}.properties[{name}]", "field")
    other = schema.get("additionalProperties")
    if other is not None:
        if level == "root":
            yield forbidden_field(f"{path}.additionalProperties", "must not be used at the root")
        if isinstance(other, Mapping):
            yield from _invariants(other, f"{path}.additionalProperties", "field")
    if schema.get(INT_OR_STRING):
        for word in (PRESERVE, EMBEDDED):
            if schema.get(word):
                yield invalid(f"{path}.{word}", True, f"must be false if {INT_OR_STRING} is true")
    yield from _values(schema, path, skip=_standard(schema))
    yield from _own(schema, path, level, type_)
    yield from _envelope(schema, path, level)


def _own(schema: Schema, path: str, level: str, type_: str) -> Iterator[FieldError]:
    """The type of the place itself, and what an embedded object needs."""
    embedded = bool(schema.get(EMBEDDED))
    if embedded and type_ != "object":
        text = f"must be object if {EMBEDDED} is true"
        yield invalid(f"{path}.type", type_, text) if type_ else required(f"{path}.type", text)
    elif not type_ and not schema.get(INT_OR_STRING) and not schema.get(PRESERVE):
        yield required(f"{path}.type", _UNTYPED[level])
    if embedded and schema.get("additionalProperties") is not None:
        yield forbidden_field(f"{path}.additionalProperties", f"must not be used if {EMBEDDED} is set")
    if level == "root" and type_ and type_ != "object":
        yield invalid(f"{path}.type", type_, "must be object at the root")
    if embedded and not schema.get(PRESERVE) and not schema.get("properties"):
        yield required(f"{path}.properties", f"must not be empty if {EMBEDDED} is true without {PRESERVE}")


def _envelope(schema: Schema, path: str, level: str) -> Iterator[FieldError]:
    """What may be said of apiVersion, kind and metadata of a whole object."""
    properties = schema.get("properties") or {}
    whole = level == "root" or bool(schema.get(EMBEDDED))
    for name in ("kind", "apiVersion"):
        if whole and name in properties and properties[name].get("type") != "string":
            yield invalid(f"{path}.properties[{name}].type", properties[name].get("type") or "", "must be string")
    metadata = properties.get("metadata")
    if metadata is None:
        return
    where = f"{path}.properties[metadata]"
    if whole and metadata.get("type") != "object":
        yield invalid(f"{where}.type", metadata.get("type") or "", "must be object")
    if level == "root":
        more = set(metadata) - {"type", "default", "description", "properties"}
        names = set(metadata.get("properties") or {})
        if more or metadata.get("description") or names - {"name", "generateName"}:
            text = "must not specify anything other than name and generateName, but metadata is implicitly specified"
            yield forbidden_field(where, text)


def _standard(schema: Schema) -> str:
    """Which combinator, if any, is the usual way to say int or string."""
    if schema.get("anyOf") == _INT_OR_STRING_TYPES:
        return "anyOf"
    first = (schema.get("allOf") or [{}])[0]
    return "allOf" if isinstance(first, Mapping) and first.get("anyOf") == _INT_OR_STRING_TYPES else ""


def _values(schema: Schema, path: str, *, skip: str = "") -> Iterator[FieldError]:
    for word in ("anyOf", "allOf", "oneOf"):
        if word == skip == "anyOf":
            continue
        for index, one in enumerate(schema.get(word) or ()):
            inner = "anyOf" if word == skip == "allOf" and index == 0 else ""
            yield from _nested(one, f"{path}.{word}[{index}]", skip=inner)
    if schema.get("not") is not None:
        yield from _nested(schema["not"], f"{path}.not")
    if pattern := schema.get("pattern"):
        try:
            patterns.matches(pattern, "")
        except ValueError as error:
            text = f"must be a valid regular expression, but isn't: {error}"
            yield invalid(f"{path}.pattern", pattern, text)


def _nested(schema: Schema, path: str, *, skip: str = "") -> Iterator[FieldError]:
    """A schema below a combinator: it may only restrict values."""
    yield from _values(schema, path, skip=skip)
    if isinstance(schema.get("items"), Mapping):
        yield from _nested(schema["items"], f"{path}.items")
    for name, child in (schema.get("properties") or {}).items():
        yield from _nested(child, f"{path}.properties[{name}]")
    for word, wanted in _NOT_NESTED.items():
        if schema.get(word) not in (None, False, "", []) or (word == "additionalProperties" and word in schema):
            yield forbidden_field(f"{path}.{word}", f"must be {wanted} to be structural")
    if "metadata" in (schema.get("properties") or {}):
        yield forbidden_field(f"{path}.properties[metadata]", "must not be specified in a nested context")


def _completeness(schema: Schema, path: str) -> Iterator[FieldError]:
    """What is restricted below combinators, and not declared outside them."""
    yield from _declared(schema, schema, path, path)


def _declared(values: Schema, schema: Schema, path: str, where: str) -> Iterator[FieldError]:
    for word in ("allOf", "anyOf", "oneOf"):
        for index, one in enumerate(values.get(word) or ()):
            yield from _declared_part(one, schema, path, f"{where}.{word}[{index}]")
    if values.get("not") is not None:
        yield from _declared_part(values["not"], schema, path, f"{where}.not")


def _declared_part(values: Schema, schema: Schema | None, path: str, where: str) -> Iterator[FieldError]:
    if schema is None:
        yield required(path, f"because it is defined in {where}")
        return
    yield from _declared(values, schema, path, where)
    if isinstance(values.get("items"), Mapping):
        items = schema.get("items")
        known = items if isinstance(items, Mapping) else None
        yield from _declared_part(values["items"], known, f"{path}.items", f"{where}.items")
    for name, child in (values.get("properties") or {}).items():
        known = (schema.get("properties") or {}).get(name)
        yield from _declared_part(child, known, f"{path}.properties[{name}]", f"{where}.properties[{name}]")
