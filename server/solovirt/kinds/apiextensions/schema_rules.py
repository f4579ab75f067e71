"""
Which schemas a CustomResourceDefinition may bring: structural ones, whose rules and patterns can be evaluated.

Kubernetes' conditions for a structural schema: a type at every level (or an int-or-string, or a place that preserves what it does not know), and
nothing but value validation below the combinators `allOf`, `anyOf`, `oneOf`, `not` (reference kubernetes-api.md 7).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from solovirt.machinery.errors import FieldError, duplicate, forbidden_field, invalid, not_supported, required
from solovirt.machinery.resource import Flavour
from solovirt.machinery.schema import patterns
from solovirt.machinery.schema.compiled import ObjectSchema
from solovirt.machinery.schema.rules import engine, values

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_UNSUPPORTED = ("$ref", "additionalItems", "definitions", "dependencies", "id", "patternProperties")
_INT_OR_STRING, _PRESERVE = "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields"
_EMBEDDED, _RULES = "x-kubernetes-embedded-resource", "x-kubernetes-validations"
_LIST_TYPE, _LIST_KEYS, _MAP_TYPE = "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type"
# What has no place below a combinator.
_NOT_NESTED = (
    *("type", "additionalProperties", "default", "title", "description", "nullable"),
    *(_PRESERVE, _EMBEDDED, _INT_OR_STRING, _LIST_TYPE, _MAP_TYPE, _RULES),
)
_INT_OR_STRING_TYPES = [{"type": "integer"}, {"type": "string"}]


def validate(schema: Mapping[str, Any], path: str) -> list[FieldError]:
    """Everything wrong with the schema of a whole object, which is at *path* in the definition."""
    out: list[FieldError] = []
    if not schema.get("type"):
        out.append(required(f"{path}.type", "must not be empty at the root"))
    elif schema["type"] != "object":
        out.append(invalid(f"{path}.type", schema["type"], "must be object at the root"))
    if schema.get("nullable"):
        out.append(forbidden_field(f"{path}.nullable", "nullable cannot be true at the root"))
    out += _Walk().schema(schema, path, root=True)
    metadata = (schema.get("properties") or {}).get("metadata")
    if isinstance(metadata, Mapping) and set(metadata.get("properties") or ()) - {"name", "generateName"}:
        text = "must not specify anything other than name and generateName, but metadata is implicitly specified"
        out.append(forbidden_field(f"{path}.properties[metadata]", text))
    if not out:
        out += _rules(schema, path, schema)
    return out


def at(schema: Mapping[str, Any], steps: Sequence[str]) -> Mapping[str, Any] | None:
    """The schema of the field at *steps* below *schema*, None if it declares none."""
    found: Any = schema
    for step in steps:
        found = (found.get("properties") or {}).get(step) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else None


class _Walk:
    def schema(self, schema: Mapping[str, Any], path: str, *, root: bool = False) -> Iterator[FieldError]:
        """A schema on the trunk, outside the combinators."""
        yield from self._words(schema, path)
        type_, int_or_string = schema.get("type"), bool(schema.get(_INT_OR_STRING))
        if type_ and type_ not in _TYPES:
            yield not_supported(f"{path}.type", type_, _TYPES)
        if int_or_string and type_:
            yield forbidden_field(f"{path}.type", f"must be empty if {_INT_OR_STRING} is true")
        if schema.get(_EMBEDDED) and type_ != "object":
            yield invalid(f"{path}.type", type_ or "", f"must be object if {_EMBEDDED} is true")
        if schema.get(_EMBEDDED) and not schema.get(_PRESERVE) and not schema.get("properties"):
            text = f"must not be empty if {_EMBEDDED} is true without {_PRESERVE}"
            yield required(f"{path}.properties", text)
        if type_ == "array" and schema.get("items") is None:
            yield required(f"{path}.items", "must be specified")
        yield from self._lists(schema, path)
        yield from self._below(schema, path)
        if not root or "default" in schema:
            yield from self._default(schema, path, root=root)

    def _words(self, schema: Mapping[str, Any], path: str) -> Iterator[FieldError]:
        """What holds everywhere."""
        for word in _UNSUPPORTED:
            if schema.get(word):
                yield forbidden_field(f"{path}.{word}", f"{word} is not supported")
        if schema.get("uniqueItems"):
            text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
            yield forbidden_field(f"{path}.uniqueItems", text)
        if schema.get("additionalProperties") is False:
            yield forbidden_field(f"{path}.additionalProperties", "additionalProperties cannot be set to false")
        if schema.get("additionalProperties") and schema.get("properties"):
            yield forbidden_field(
                f"{path}.additionalProperties", "additionalProperties and properties are mutual exclusive"
            )
        if isinstance(schema.get("items"), list):
            yield forbidden_field(f"{path}.items", "items must be a schema object and not an array")
        if pattern := schema.get("pattern"):
            try:
                patterns.matches(pattern, "")
            except ValueError:
                yield invalid(f"{path}.pattern", pattern, "must be a valid regular expression, but isn't")

    def _lists(self, schema: Mapping[str, Any], path: str) -> Iterator[FieldError]:
        kind, keys = schema.get(_LIST_TYPE), schema.get(_LIST_KEYS) or []
        if kind is not None and schema.get("type") != "array":
            yield invalid(f"{path}.type", schema.get("type", ""), f"must be array if {_LIST_TYPE} is specified")
        if kind not in (None, "atomic", "set", "map"):
            yield not_supported(f"{path}.{_LIST_TYPE}", kind, ["atomic", "set", "map"])
        if kind == "map" and not keys:
            yield required(f"{path}.{_LIST_KEYS}", f"must not be empty if {_LIST_TYPE} is map")
        if keys and kind != "map":
            yield invalid(f"{path}.{_LIST_TYPE}", kind or "", f"must be map if {_LIST_KEYS} is non-empty")
        items = schema.get("items")
        if kind == "map" and isinstance(items, Mapping):
            properties = items.get("properties") or {}
            if items.get("type") != "object":
                yield invalid(
                    f"{path}.items.type", items.get("type", ""), f"must be object if parent array's {_LIST_TYPE} is map"
                )
            for index, key in enumerate(keys):
                if key in keys[:index]:
                    yield duplicate(f"{path}.{_LIST_KEYS}[{index}]", key)
                if key not in properties:
                    yield invalid(
                        f"{path}.{_LIST_KEYS}[{index}]",
                        key,
                        f"must be a property of the items, one of {', '.join(sorted(properties))}",
                    )
                elif key not in (items.get("required") or ()) and "default" not in properties[key]:
                    text = f"this property is in {_LIST_KEYS}, so it must have a default or be a required property"
                    yield required(f"{path}.items.properties[{key}].default", text)
        map_type = schema.get(_MAP_TYPE)
        if map_type not in (None, "atomic", "granular"):
            yield not_supported(f"{path}.{_MAP_TYPE}", map_type, ["atomic", "granular"])
        if map_type is not None and schema.get("type") != "object":
            yield invalid(f"{path}.type", schema.get("type", ""), f"must be object if {_MAP_TYPE} is specified")

    def _below(self, schema: Mapping[str, Any], path: str) -> Iterator[FieldError]:
        for name, child in (schema.get("properties") or {}).items():
            yield from self._child(child, f"{path}.properties[{name}]", "must not be empty for specified object fields")
        for word, text in (
            ("additionalProperties", "must not be empty for specified object fields"),
            ("items", "must not be empty for specified array items"),
        ):
            child = schema.get(word)
            if isinstance(child, Mapping):
                yield from self._child(child, f"{path}.{word}", text)
            elif child is not None and not isinstance(child, bool | list):
                yield invalid(f"{path}.{word}", child, "must be a schema")
        for word in ("allOf", "anyOf", "oneOf"):
            for index, one in enumerate(schema.get(word) or ()):
                standard = bool(schema.get(_INT_OR_STRING)) and (
                    (word == "anyOf" and schema["anyOf"] == _INT_OR_STRING_TYPES)
                    or (word == "allOf" and one.get("anyOf") == _INT_OR_STRING_TYPES)
                )
                if not standard:
                    yield from self._value(one, f"{path}.{word}[{index}]")
        if schema.get("not"):
            yield from self._value(schema["not"], f"{path}.not")

    def _child(self, child: Any, path: str, untyped: str) -> Iterator[FieldError]:
        if not isinstance(child, Mapping):
            yield invalid(path, child, "must be a schema")
            return
        if not child.get("type") and not child.get(_INT_OR_STRING) and not child.get(_PRESERVE):
            yield required(f"{path}.type", untyped)
        yield from self.schema(child, path)

    def _value(self, schema: Mapping[str, Any], path: str) -> Iterator[FieldError]:
        """A schema below a combinator: it may only restrict values."""
        yield from self._words(schema, path)
        for word in _NOT_NESTED:
            if word in schema and schema[word] not in (False, ""):
                yield forbidden_field(f"{path}.{word}", "must be empty to be structural")
        for name, child in (schema.get("properties") or {}).items():
            yield from self._value(child, f"{path}.properties[{name}]")
        if isinstance(schema.get("items"), Mapping):
            yield from self._value(schema["items"], f"{path}.items")
        for word in ("allOf", "anyOf", "oneOf"):
            for index, one in enumerate(schema.get(word) or ()):
                yield from self._value(one, f"{path}.{word}[{index}]")
        if schema.get("not"):
            yield from self._value(schema["not"], f"{path}.not")

    def _default(self, schema: Mapping[str, Any], path: str, *, root: bool) -> Iterator[FieldError]:
        if "default" not in schema:
            return
        if root:
            yield forbidden_field(f"{path}.default", "must not be set at the root")
            return
        if schema["default"] is None and schema.get("nullable"):
            return
        wrapped = {
            "type": "object",
            "properties": {"default": {key: schema[key] for key in schema if key != "default"}},
        }
        checked = ObjectSchema(wrapped, kind="", flavour=Flavour.CUSTOM)
        document = {"default": schema["default"]}
        for found in checked.validate(document):
            yield FieldError(
                found.type, f"{path}.default{found.field.removeprefix('default')}", found.value, found.detail
            )
        for unknown in checked.unknown_fields(document):
            yield invalid(f"{path}.{unknown}", schema["default"], "must not have unknown fields")


def _rules(schema: Mapping[str, Any], path: str, root: Mapping[str, Any] | None = None) -> Iterator[FieldError]:
    """The rules in CEL, here and below."""
    for index, rule in enumerate(schema.get(_RULES) or ()):
        yield from _rule(rule, schema, f"{path}.{_RULES}[{index}]", at_root=root is schema)
    for name, child in (schema.get("properties") or {}).items():
        yield from _rules(child, f"{path}.properties[{name}]")
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), Mapping):
            yield from _rules(schema[word], f"{path}.{word}")


def _rule(rule: Mapping[str, Any], schema: Mapping[str, Any], path: str, *, at_root: bool) -> Iterator[FieldError]:
    source, message = rule.get("rule", ""), rule.get("message")
    if not source.strip():
        yield required(f"{path}.rule", "rule is not specified")
        return
    if message is not None and not message.strip():
        yield invalid(f"{path}.message", message, "message must be non-empty if specified")
    elif message and "\n" in message.strip():
        yield invalid(f"{path}.message", message, "message must not contain line breaks")
    elif not message and "\n" in source.strip():
        yield required(f"{path}.message", "message must be specified if rule contains line breaks")
    for field in ("rule", "messageExpression"):
        if text := rule.get(field):
            prefix = "messageExpression " if field == "messageExpression" else ""
            try:
                engine.Expression(text)
            except engine.CompileError as error:
                yield invalid(f"{path}.{field}", rule, f"{prefix}compilation failed: {error}")
                continue
            for where, name in _undefined(text, schema, at_root=at_root):
                told = engine.located(text, where, f"undefined field '{name}'")
                yield invalid(f"{path}.{field}", rule, f"{prefix}compilation failed: {told}")
    if (pointer := rule.get("fieldPath")) is not None and not _leads_somewhere(pointer, schema):
        yield invalid(
            f"{path}.fieldPath", pointer, f"fieldPath {pointer} must be a valid path: does not refer to a valid field"
        )


def _undefined(source: str, schema: Mapping[str, Any], *, at_root: bool) -> Iterator[tuple[int, str]]:
    """Fields that an expression selects from `self` and the schema does not declare, with their place."""
    optional = "oldSelf.hasValue()" in source or "oldSelf.value()" in source
    for root in ("self",) if optional else ("self", "oldSelf"):
        for where, steps in engine.selections(source, root):
            if at_root and steps[0] in ("apiVersion", "kind", "metadata"):
                continue
            found: Any = schema
            for step in steps:
                properties = found.get("properties") or {}
                if found.get(_EMBEDDED) or found.get(_PRESERVE) or found.get("type") != "object" or not properties:
                    break
                named = {values.escaped(name): child for name, child in properties.items()}
                if step not in named:
                    yield where, step
                    break
                found = named[step]


def _leads_somewhere(pointer: str, schema: Mapping[str, Any]) -> bool:
    found: Any = schema
    for match in engine.FIELD_STEP.finditer(pointer):
        name = match.group(1) or match.group(2)
        properties, other = found.get("properties") or {}, found.get("additionalProperties")
        found = properties.get(name, other)
        if not isinstance(found, Mapping):
            return found is True
    return pointer.startswith((".", "["))
