"""
The quick yes: a structural schema as a pydantic-core validator.

The validator accepts a document only if nothing at all has to be done to it: no unknown field, no null to drop, no default to write, no
error. It may refuse a document that is fine (an integer written as `1.0`, the 29th of February); the exact walkers
then find nothing wrong. What pydantic-core has no words for is checked by calling the exact walker on that one value.

Equal parts are compiled once: objects by the identity of their properties, strings with patterns by their words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import CoreConfig, SchemaValidator, core_schema

from solovirt.machinery.schema import formats, meta, patterns
from solovirt.machinery.schema.structural import structural

Core = core_schema.CoreSchema
Check = Callable[[Any, Mapping[str, Any]], bool]
"""Whether the value has no error by the exact rules; asked for values below which the quick validator cannot judge alone."""

_INT_RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
_ANNOTATIONS = frozenset(
    {"type", "description", "title", "default", "nullable", "example", "externalDocs", "x-kubernetes-validations"}
    | {"x-kubernetes-map-type", "x-kubernetes-patch-strategy", "x-kubernetes-patch-merge-key"}
)
_NATIVE: Mapping[str | None, frozenset[str]] = {
    "string": frozenset({"minLength", "maxLength", "pattern", "enum", "format"}),
    "integer": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "format"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "format"}),
    "boolean": frozenset(),
    "array": frozenset(
        {"items", "minItems", "maxItems", "x-kubernetes-list-type", "x-kubernetes-list-map-keys"}
        | {"x-kubernetes-preserve-unknown-fields"}
    ),
    "object": frozenset(
        {"properties", "required", "additionalProperties", "x-kubernetes-preserve-unknown-fields"}
        | {"x-kubernetes-embedded-resource"}
    ),
    None: frozenset({"x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"}),
}
_STANDARD_ANY_OF = [{"type": "integer"}, {"type": "string"}]


def compile_object(schema: Mapping[str, Any], *, built_in: bool, check: Check) -> SchemaValidator:
    """Compile the schema of a whole object. Raises ValueError on a pattern that is no regular expression."""
    return _Compiler(built_in=built_in, check=check).root(schema)


class _Compiler:
    def __init__(self, *, built_in: bool, check: Check) -> None:
        self._built_in = built_in
        self._check = check
        self._references: dict[Any, str] = {}
        self._definitions: list[Core] = []

    def root(self, schema: Mapping[str, Any]) -> SchemaValidator:
        fields = {key: core_schema.typed_dict_field(core_schema.any_schema(), required=False) for key in _ENVELOPE}
        status = (schema.get("properties") or {}).get("status")
        if self._built_in and status is not None:
            fields["status"] = core_schema.typed_dict_field(self._value(status, lenient=True), required=False)
        body = self._typed_dict(schema, fields)
        wrapped = self._exactly(schema, body, "object")
        if self._definitions:
            wrapped = core_schema.definitions_schema(wrapped, self._definitions)
        return SchemaValidator(wrapped, CoreConfig(strict=True))

    def _value(self, schema: Mapping[str, Any], *, lenient: bool = False) -> Core:
        """*lenient*: nothing is required below (a built-in kind's status)."""
        out = self._bare(schema, lenient=lenient)
        return core_schema.nullable_schema(out) if schema.get("nullable") else out

    def _bare(self, schema: Mapping[str, Any], *, lenient: bool) -> Core:
        if schema.get("x-kubernetes-int-or-string"):
            return self._int_or_string(schema)
        type_ = schema.get("type")
        if type_ == "object":
            return self._object(schema, lenient=lenient)
        if type_ == "array":
            return self._exactly(schema, self._array(schema, lenient=lenient), "array")
        if type_ == "string":
            return self._string(schema)
        if type_ in ("integer", "number"):
            return self._exactly(schema, self._number(schema, type_), type_)
        if type_ == "boolean":
            return self._exactly(schema, core_schema.bool_schema(strict=True), "boolean")
        return self._exactly(schema, _anything_but_null(), None)

    def _exactly(self, schema: Mapping[str, Any], core: Core, type_: str | None) -> Core:
        """*core*, and the exact check after it if the schema says more than *core* does."""
        extra = {key for key in schema if key not in _ANNOTATIONS and key not in _NATIVE[type_]}
        if type_ is None and schema.get("properties"):
            extra.add("properties")
        if not extra:
            return core
        check = self._check

        def exact(value: Any) -> Any:
            if not check(value, schema):
                raise ValueError
            return value

        return core_schema.no_info_after_validator_function(exact, core)

    def _shared(self, key: Any, make: Callable[[], Core]) -> Core:
        reference = self._references.get(key)
        if reference is None:
            reference = self._references[key] = f"d{len(self._references)}"
            core: Any = make()
            core["ref"] = reference
            self._definitions.append(core)
        return core_schema.definition_reference_schema(reference)

    def _object(self, schema: Mapping[str, Any], *, lenient: bool) -> Core:
        properties = schema.get("properties")
        if properties is None:
            return self._exactly(schema, self._map(schema, lenient=lenient), "object")
        # Copies of a named type that differ in their description share these very objects.
        words = {key: value for key, value in schema.items() if key not in _ANNOTATIONS}
        key = (
            lenient,
            *((word, value if isinstance(value, str | int) else id(value)) for word, value in sorted(words.items())),
        )
        return self._shared(key, lambda: self._exactly(schema, self._typed_dict(schema, {}, lenient=lenient), "object"))

    def _map(self, schema: Mapping[str, Any], *, lenient: bool) -> Core:
        other = schema.get("additionalProperties")
        if isinstance(other, Mapping):
            values = self._value(other, lenient=lenient) if other else core_schema.any_schema()
            return core_schema.dict_schema(core_schema.str_schema(strict=True), values, strict=True)
        if other is True or schema.get("x-kubernetes-preserve-unknown-fields"):
            if schema.get("x-kubernetes-embedded-resource"):
                return self._typed_dict(schema, {}, lenient=lenient)
            return core_schema.dict_schema(core_schema.str_schema(strict=True), strict=True)
        return self._typed_dict(schema, {}, lenient=lenient)

    def _typed_dict(
        self, schema: Mapping[str, Any], fields: dict[str, core_schema.TypedDictField], *, lenient: bool = False
    ) -> Core:
        required = () if lenient else schema.get("required", ())
        if schema.get("x-kubernetes-embedded-resource"):
            text = core_schema.str_schema(strict=True, min_length=1)
            metadata = self._value(structural(meta.ObjectMeta))
            fields = {
                "apiVersion": core_schema.typed_dict_field(text, required=True),
                "kind": core_schema.typed_dict_field(text, required=True),
                "metadata": core_schema.typed_dict_field(metadata, required=False),
            }
        for name, child in (schema.get("properties") or {}).items():
            if name in fields:
                continue
            # A property with a default must be there, or the default would have to be written.
            fields[name] = core_schema.typed_dict_field(
                self._value(child, lenient=lenient), required=name in required or "default" in child
            )
        other = schema.get("additionalProperties")
        if isinstance(other, Mapping):
            extras = self._value(other, lenient=lenient)
            return core_schema.typed_dict_schema(fields, strict=True, extras_schema=extras, extra_behavior="allow")
        keeps = other is True or schema.get("x-kubernetes-preserve-unknown-fields")
        return core_schema.typed_dict_schema(fields, strict=True, extra_behavior="ignore" if keeps else "forbid")

    def _array(self, schema: Mapping[str, Any], *, lenient: bool) -> Core:
        items = schema.get("items")
        core: Core = core_schema.list_schema(
            core_schema.any_schema() if items is None else self._value(items, lenient=lenient),
            strict=True,
            min_length=schema.get("minItems"),
            max_length=schema.get("maxItems"),
        )
        unique = None if self._built_in else uniqueness(schema)
        if unique is None:
            return core
        return core_schema.no_info_after_validator_function(unique, core)

    def _string(self, schema: Mapping[str, Any]) -> Core:
        words = {key: schema[key] for key in _NATIVE["string"] if key in schema}
        if not words:
            return self._exactly(schema, core_schema.str_schema(strict=True), "string")
        enum = words.pop("enum", None)
        if enum is not None and not words:
            allowed = [*enum, ""] if self._built_in and "" not in enum else list(enum)
            return self._exactly(schema, core_schema.literal_schema(allowed), "string")
        name = words.get("format")
        quick = formats.QUICK_PATTERNS.get(name) if name else None
        if name and quick is None and name not in formats.CHECKS:
            del words["format"]
        if enum is not None or (name in formats.CHECKS and (quick is None or len(words) > 1)):
            # An unusual mixture: leave it to the exact check.
            return self._exactly({**schema, "_": None}, core_schema.str_schema(strict=True), "string")
        pattern = quick if quick is not None and name in formats.CHECKS else words.get("pattern")
        if pattern is None:
            core = core_schema.str_schema(
                strict=True, min_length=words.get("minLength"), max_length=words.get("maxLength")
            )
            return self._exactly(schema, core, "string")
        return self._exactly(schema, self._pattern(pattern, words.get("minLength"), words.get("maxLength")), "string")

    def _pattern(self, pattern: str, min_length: int | None = None, max_length: int | None = None) -> Core:
        return self._shared(
            ("pattern", pattern, min_length, max_length),
            lambda: patterns.string_schema(pattern, min_length=min_length, max_length=max_length),
        )

    def _number(self, schema: Mapping[str, Any], type_: str) -> Core:
        low = schema.get("minimum")
        high = schema.get("maximum")
        bounds: dict[str, Any] = {}
        if low is not None:
            bounds["gt" if schema.get("exclusiveMinimum") else "ge"] = low
        if high is not None:
            bounds["lt" if schema.get("exclusiveMaximum") else "le"] = high
        if type_ == "number":
            return core_schema.float_schema(strict=True, allow_inf_nan=False, **bounds)
        least, most = _INT_RANGES.get(schema.get("format", "int64"), _INT_RANGES["int64"])
        if low is None:
            bounds["ge"] = least
        if high is None:
            bounds["le"] = most
        if any(isinstance(bound, float) and not bound.is_integer() for bound in bounds.values()):
            return self._exactly({**schema, "_": None}, core_schema.int_schema(strict=True), "integer")
        whole: dict[str, Any] = {key: int(bound) for key, bound in bounds.items()}
        return core_schema.int_schema(strict=True, **whole)

    def _int_or_string(self, schema: Mapping[str, Any]) -> Core:
        plain = {key for key in schema if key not in _ANNOTATIONS} - {"x-kubernetes-int-or-string", "pattern", "format"}
        if schema.get("anyOf") == _STANDARD_ANY_OF:
            plain.discard("anyOf")
        pattern = schema.get("pattern")
        text = core_schema.str_schema(strict=True) if pattern is None else self._pattern(pattern)
        least, most = _INT_RANGES["int64"]
        number = core_schema.int_schema(strict=True, ge=least, le=most)
        core = core_schema.union_schema([text, number], mode="left_to_right")
        if not plain:
            return core
        return self._exactly({**schema, "_": None}, core, "string")


_ENVELOPE = ("apiVersion", "kind", "metadata")


def _anything_but_null() -> Core:
    return core_schema.union_schema(
        [
            core_schema.dict_schema(strict=True),
            core_schema.list_schema(strict=True),
            core_schema.str_schema(strict=True),
            core_schema.bool_schema(strict=True),
            core_schema.int_schema(strict=True),
            core_schema.float_schema(strict=True),
        ],
        mode="left_to_right",
    )


def uniqueness(schema: Mapping[str, Any]) -> Callable[[Any], Any] | None:
    """A check for the list type of an array: raises ValueError on a repeated item, or one that cannot be compared quickly."""
    kind = schema.get("x-kubernetes-list-type")
    if kind == "set":

        def unique_items(value: list[Any]) -> list[Any]:
            try:
                if len(value) > 1 and len(set(value)) != len(value):
                    raise ValueError("duplicate")
            except TypeError as error:
                raise ValueError("not hashable") from error
            return value

        return unique_items
    keys = tuple(schema.get("x-kubernetes-list-map-keys") or ())
    if kind != "map" or not keys:
        return None

    def unique_keys(value: list[Any]) -> list[Any]:
        if len(value) > 1:
            try:
                seen = {tuple(item.get(key) for key in keys) for item in value}
            except TypeError as error:
                raise ValueError("not hashable") from error
            if len(seen) != len(value):
                raise ValueError("duplicate")
        return value

    return unique_keys
