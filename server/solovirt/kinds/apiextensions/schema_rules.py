"""
Which schemas a CustomResourceDefinition may bring: structural ones, whose defaults are valid and whose rules can be evaluated
(k8s.io/apiextensions-apiserver, pkg/apis/apiextensions/validation).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from solovirt.kinds.apiextensions import rule_checks, structure
from solovirt.kinds.apiextensions.rule_checks import Spot, Total
from solovirt.kinds.apiextensions.structure import EMBEDDED, LIST_KEYS, LIST_TYPE, MAP_TYPE, PRESERVE, RULES
from solovirt.machinery.errors import FieldError, forbidden_field, invalid, not_supported, required
from solovirt.machinery.resource import Flavour
from solovirt.machinery.schema.compiled import ObjectSchema
from solovirt.machinery.schema.rules import engine

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_UNSUPPORTED = ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref")
_REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
_ENVELOPE = ("metadata", "kind", "apiVersion")
# With a status subresource the root may have these, by the names of Go's fields, in which the refusal lists them.
_AT_ROOT = (
    *(
        "Description",
        "Type",
        "Format",
        "Title",
        "Maximum",
        "ExclusiveMaximum",
        "Minimum",
        "ExclusiveMinimum",
        "MaxLength",
    ),
    *("MinLength", "Pattern", "MaxItems", "MinItems", "UniqueItems", "MultipleOf", "Required", "Items", "Properties"),
    *("ExternalDocs", "Example", "XPreserveUnknownFields", "XValidations"),
)
_GO_NAMES = {PRESERVE: "XPreserveUnknownFields", RULES: "XValidations"}


def validate(schema: Mapping[str, Any], path: str, *, status: bool = False) -> list[FieldError]:
    """Everything wrong with the schema of a whole object, which is at *path* in the definition. *status* is a subresource of it."""
    out: list[FieldError] = []
    if status:
        out += _root_fields(schema, path)
    if schema.get("nullable"):
        out.append(forbidden_field(f"{path}.nullable", "nullable cannot be true at the root"))
    total = Total()
    wrong = structure.validate(schema, path) or list(_defaults(schema, path, root=True))
    out += wrong
    walk = _Walk(total if not wrong else None)
    out += walk.errors(Spot(schema, path, root=True))
    out += total.errors(path)
    return out


def _root_fields(schema: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    for name in schema:
        called = _GO_NAMES.get(name, name[:1].upper() + name[1:])
        if called not in _AT_ROOT and schema[name] not in (None, "", False, [], {}):
            listed = " ".join(_AT_ROOT)
            text = f"only [{listed}] fields are allowed at the root of the schema if the status subresource is enabled"
            yield invalid(path, dict(schema), text)
            return


def at(schema: Mapping[str, Any], steps: Sequence[str]) -> Mapping[str, Any] | None:
    """The schema of the field at *steps* below *schema*, None if it declares none."""
    found: Any = schema
    for step in steps:
        found = (found.get("properties") or {}).get(step) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else None


class _Walk:
    """Visits every part of a schema. Rules are looked at if there is a *total*, which their cost is added to."""

    def __init__(self, total: Total | None) -> None:
        self._total = total

    def errors(self, spot: Spot) -> list[FieldError]:
        of_schema, of_rules = self._visit(spot, defaults="", rules=True)
        return [*of_schema, *of_rules]

    def _visit(self, spot: Spot, *, defaults: str, rules: bool) -> tuple[list[FieldError], list[FieldError]]:
        """Errors of the schema and of rules. *defaults* says why there may be none here, *rules* whether there may be any."""
        schema, path = spot.schema, spot.path
        out = list(_own(schema, path))
        if "default" in schema and schema["default"] is not None and defaults:
            out.append(forbidden_field(f"{path}.default", f"must not be set {defaults}"))
        of_rules: list[FieldError] = []
        for child, why, counts in self._children(spot, defaults):
            found, about = self._visit(child, defaults=why, rules=rules and counts)
            out += found
            of_rules += about
        out += _lists(schema, path)
        if schema.get(RULES):
            out += _rule_forms(schema, path)
            # Of a schema that is wrong no types can be told.
            if rules and self._total is not None and not out:
                of_rules += rule_checks.check(spot, self._total)
        return out, of_rules

    def _children(self, spot: Spot, defaults: str) -> Iterator[tuple[Spot, str, bool]]:
        schema, path = spot.schema, spot.path
        below = _cardinality(schema, spot.cardinality)
        other = schema.get("additionalProperties")
        if isinstance(other, Mapping):
            yield self._child(spot, other, f"{path}.additionalProperties", below), defaults, True
        for name, child in (schema.get("properties") or {}).items():
            why, uncorrelated = defaults, spot.uncorrelated
            if schema.get(MAP_TYPE) == "atomic" and not uncorrelated:
                uncorrelated = path
            if spot.root and name in _ENVELOPE:
                why = f"in top-level {name}"
            made = self._child(spot, child, f"{path}.properties[{name}]", below, uncorrelated)
            yield made, why, True
        for word in ("not", "allOf", "oneOf", "anyOf"):
            given = schema.get(word)
            parts = (
                [] if given is None else [(f"{path}.{word}", given)] if word == "not" else _indexed(path, word, given)
            )
            for where, one in parts:
                yield self._child(spot, one, where, below), defaults, False
        if isinstance(schema.get("items"), Mapping):
            uncorrelated = spot.uncorrelated or ("" if schema.get(LIST_TYPE) == "map" else path)
            yield self._child(spot, schema["items"], f"{path}.items", below, uncorrelated), defaults, True

    @staticmethod
    def _child(
        spot: Spot, schema: Mapping[str, Any], path: str, cardinality: int | None, uncorrelated: str | None = None
    ) -> Spot:
        where = spot.uncorrelated if uncorrelated is None else uncorrelated
        return Spot(schema, path, bool(schema.get(EMBEDDED)), cardinality, where)


def _indexed(path: str, word: str, given: Sequence[Any]) -> list[tuple[str, Any]]:
    return [(f"{path}.{word}[{index}]", one) for index, one in enumerate(given)]


def _cardinality(schema: Mapping[str, Any], above: int | None) -> int | None:
    """How many values of each part there can be in an object, None if that is not limited."""
    most: int | None = 1
    if schema.get("type") == "object" and schema.get("additionalProperties") is not None:
        most = schema.get("maxProperties")
    elif schema.get("type") == "array":
        most = schema.get("maxItems")
    return None if above is None or most is None else above * max(most, 0)


def _own(schema: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """What may be said at all."""
    type_ = schema.get("type")
    if type_ and type_ not in _TYPES:
        yield not_supported(f"{path}.type", type_, _TYPES)
    for word in _UNSUPPORTED:
        if schema.get(word):
            yield forbidden_field(f"{path}.{word}", f"{word} is not supported")
    if type_ == "null":
        yield forbidden_field(f"{path}.type", "type cannot be set to null, use nullable as an alternative")
    if isinstance(schema.get("items"), list):
        yield forbidden_field(f"{path}.items", "items must be a schema object and not an array")
    if schema.get("uniqueItems"):
        text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield forbidden_field(f"{path}.uniqueItems", text)
    other = schema.get("additionalProperties")
    if other is False:
        yield forbidden_field(f"{path}.additionalProperties", "additionalProperties cannot be set to false")
    if other is not None and other is not True and schema.get("properties"):
        yield forbidden_field(
            f"{path}.additionalProperties", "additionalProperties and properties are mutual exclusive"
        )
    if schema.get(PRESERVE) is False:
        yield invalid(f"{path}.{PRESERVE}", False, "must be true or undefined")


def _lists(schema: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    type_, kind, map_type = schema.get("type") or "", schema.get(LIST_TYPE), schema.get(MAP_TYPE)
    for given, wanted, word in ((map_type, "object", MAP_TYPE), (kind, "array", LIST_TYPE)):
        if given is not None and type_ != wanted:
            text = f"must be {wanted} if {word} is specified"
            yield invalid(f"{path}.type", type_, text) if type_ else required(f"{path}.type", text)
    if map_type not in (None, "atomic", "granular"):
        yield not_supported(f"{path}.{MAP_TYPE}", map_type, ["atomic", "granular"])
    items = schema.get("items")
    if kind == "set" and type_ == "array" and isinstance(items, Mapping):
        text = f"must be atomic as item of a list with {LIST_TYPE}=set"
        if items.get("type") == "array" and items.get(LIST_TYPE) not in (None, "atomic"):
            yield invalid(f"{path}.items.{LIST_TYPE}", items[LIST_TYPE], text)
        if items.get("type") == "object" and items.get(MAP_TYPE) != "atomic":
            yield invalid(f"{path}.items.{MAP_TYPE}", items.get(LIST_TYPE), text)
    if kind not in (None, "atomic", "set", "map"):
        yield not_supported(f"{path}.{LIST_TYPE}", kind, ["atomic", "set", "map"])
    keys = schema.get(LIST_KEYS) or []
    if keys and kind != "map":
        text = f"must be map if {LIST_KEYS} is non-empty"
        yield required(f"{path}.{LIST_TYPE}", text) if kind is None else invalid(f"{path}.{LIST_TYPE}", kind, text)
    if kind == "map":
        yield from _map_list(items, keys, path)
    if kind in ("map", "set") and isinstance(items, Mapping) and items.get("nullable"):
        yield forbidden_field(f"{path}.items.nullable", f"cannot be nullable when {LIST_TYPE} is {kind}")
    if kind == "map" and isinstance(items, Mapping):
        yield from _keys(items, keys, path)


def _map_list(items: Any, keys: list[str], path: str) -> Iterator[FieldError]:
    if not keys:
        yield required(f"{path}.{LIST_KEYS}", f"must not be empty if {LIST_TYPE} is map")
    if items is None:
        yield required(f"{path}.items", f"must have a schema if {LIST_TYPE} is map")
        return
    if not isinstance(items, Mapping):
        yield invalid(f"{path}.items", items, f"must only have a single schema if {LIST_TYPE} is map")
        return
    if items.get("type") != "object":
        text = f"must be object if parent array's {LIST_TYPE} is map"
        yield invalid(f"{path}.items.type", items.get("type") or "", text)
        return
    properties = items.get("properties") or {}
    for index, key in enumerate(keys):
        if key not in properties:
            yield invalid(f"{path}.{LIST_KEYS}", keys, "entries must all be names of item properties")
        elif properties[key].get("type") in ("array", "object"):
            text = f"must be a scalar type if parent array's {LIST_TYPE} is map"
            yield invalid(f"{path}.items.properties[{key}].type", items["type"], text)
        if key in keys[:index]:
            yield invalid(f"{path}.{LIST_KEYS}", keys, "must not contain duplicate entries")


def _keys(items: Mapping[str, Any], keys: list[str], path: str) -> Iterator[FieldError]:
    """Keys have to be there, or nobody could tell items apart."""
    for key in keys:
        known = (items.get("properties") or {}).get(key)
        if known is None:
            continue
        where = f"{path}.items.properties[{key}]"
        if key not in (items.get("required") or ()) and known.get("default") is None:
            text = f"this property is in {LIST_KEYS}, so it must have a default or be a required property"
            yield required(f"{where}.default", text)
        if known.get("nullable"):
            yield forbidden_field(f"{where}.nullable", f"this property is in {LIST_KEYS}, so it cannot be nullable")


def _defaults(schema: Mapping[str, Any], path: str, *, root: bool = False) -> Iterator[FieldError]:
    """Defaults must be values of their own schema."""
    if schema.get("default") is not None and not root:
        yield from _default(schema, path)
    if isinstance(schema.get("items"), Mapping):
        yield from _defaults(schema["items"], f"{path}.items")
    for name, child in (schema.get("properties") or {}).items():
        if not root or name not in _ENVELOPE:
            yield from _defaults(child, f"{path}.properties[{name}]")


def _default(schema: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    wrapped = {"type": "object", "properties": {"default": {key: schema[key] for key in schema if key != "default"}}}
    checked = ObjectSchema(wrapped, kind="", flavour=Flavour.CUSTOM)
    document = {"default": schema["default"]}
    if checked.unknown_fields(document):
        yield invalid(f"{path}.default", schema["default"], "must not have unknown fields")
        return
    found = list(checked.validate(document))
    if not found:
        try:
            found = list(checked.check_rules(document, None, ()))
        except engine.CompileError:
            # Told where the rule is.
            return
    for one in found:
        yield FieldError(one.type, f"{path}.default{one.field.removeprefix('default')}", one.value, one.detail)


def _rule_forms(schema: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """What rules are, before anybody asks what they say."""
    for index, rule in enumerate(schema.get(RULES) or ()):
        where = f"{path}.{RULES}[{index}]"
        source, message = (rule.get("rule") or "").strip(), rule.get("message") or ""
        if not source:
            yield required(f"{where}.rule", "rule is not specified")
        elif message and not message.strip():
            yield invalid(f"{where}.message", message, "message must be non-empty if specified")
        elif _broken(message.strip()):
            yield invalid(f"{where}.message", message, "message must not contain line breaks")
        elif _broken(source) and not message.strip():
            yield required(f"{where}.message", "message must be specified if rule contains line breaks")
        if (text := rule.get("messageExpression")) and not text.strip():
            yield required(f"{where}.messageExpression", "messageExpression must be non-empty if specified")
        if (reason := rule.get("reason")) is not None and reason not in _REASONS:
            yield not_supported(f"{where}.reason", reason, _REASONS)
        if pointer := rule.get("fieldPath"):
            if not pointer.strip():
                yield invalid(f"{where}.fieldPath", pointer, "must be non-empty if specified")
            if _broken(pointer):
                yield invalid(f"{where}.fieldPath", pointer, "must not contain line breaks")
            if not _leads_somewhere(pointer, schema):
                yield invalid(f"{where}.fieldPath", pointer, "must be a valid path")


def _broken(text: str) -> bool:
    return "\n" in text or "\r" in text


def _leads_somewhere(pointer: str, schema: Mapping[str, Any]) -> bool:
    found: Any = schema
    end = 0
    for match in engine.FIELD_STEP.finditer(pointer):
        if match.start() != end:
            return False
        end = match.end()
        name = match.group(1) or match.group(2)
        properties, other = found.get("properties") or {}, found.get("additionalProperties")
        found = properties.get(name, other if match.group(2) is not None and not properties else None)
        if not isinstance(found, Mapping):
            return False
    return end == len(pointer) and pointer.startswith((".", "["))
