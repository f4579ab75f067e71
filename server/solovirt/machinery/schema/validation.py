"""
What is wrong with a document, in the words of Kubernetes.

The walker visits values in the order in which the original's validators run, because the order of the errors shows: type, combinators, string,
format, number, items, enum, properties, required. It is only asked when the quick validator (`fast`) has refused. Texts:
reference kubernetes-api.md 4.1, "CRD schema errors".

Built-in kinds have no schema validation in Kubernetes: Go's decoder checks types (`decoding`) and code written by hand the rest. What the schema
knows of that rest is checked here in the same words: required fields, enums, bounds. Their status is not looked at.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from solovirt.machinery import errors
from solovirt.machinery.errors import FieldError, FieldErrorType
from solovirt.machinery.resource import Document
from solovirt.machinery.schema import formats, patterns

ROOT = "<nil>"
_ENVELOPE = ("apiVersion", "kind", "metadata")
_UNCHECKED_RULES = (
    "some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation"
)
BLOCKING = {
    FieldErrorType.NOT_SUPPORTED,
    FieldErrorType.REQUIRED,
    FieldErrorType.TOO_LONG,
    FieldErrorType.TOO_MANY,
    FieldErrorType.TYPE_INVALID,
}
"""Errors of these types leave a document in no shape for rules to look at."""
MISSING: Any = object()
"""Stands for an old value where there is none."""
_INT_FORMATS = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
_EXACT_FLOAT = 2.0**53
_MAX_FLOAT32 = 3.4028234663852886e38


def validate(
    document: Document, schema: Mapping[str, Any], old: Document | None, *, built_in: bool
) -> list[FieldError]:
    """
    Everything wrong with the values of *document*.

    With *old*, a value that is unchanged since then is let pass even if it is invalid (ratcheting). The root's apiVersion, kind and metadata are
    not looked at.
    """
    body = {key: value for key, value in document.items() if key not in _ENVELOPE}
    before: Any = MISSING if old is None else {key: value for key, value in old.items() if key not in _ENVELOPE}
    walker = _Walker(built_in=built_in)
    root = dict(schema)
    root["properties"] = {key: value for key, value in (schema.get("properties") or {}).items() if key not in _ENVELOPE}
    root["required"] = [key for key in schema.get("required") or () if key not in _ENVELOPE]
    if built_in:
        body.pop("status", None)
        root["required"] = [key for key in root["required"] if key != "status"]
    found, _ = walker.check(body, root, "", before)
    if not built_in:
        found += _list_types(body, root, "", before)
        if any(error.type in BLOCKING for error in found) and has_rules(schema):
            found.append(errors.invalid(ROOT, None, _UNCHECKED_RULES))
    return found


def is_valid(value: Any, schema: Mapping[str, Any], *, built_in: bool) -> bool:
    """Whether one value below an object has no error."""
    found, _ = _Walker(built_in=built_in).check(value, schema, "value", MISSING)
    return not found and (built_in or not _list_types(value, schema, "value", MISSING))


def has_rules(schema: Mapping[str, Any]) -> bool:
    """Whether any x-kubernetes-validations are anywhere in *schema*."""
    seen: set[int] = set()

    def look(part: Any) -> bool:
        if not isinstance(part, Mapping) or id(part) in seen:
            return False
        seen.add(id(part))
        if part.get("x-kubernetes-validations"):
            return True
        return (
            any(look(child) for child in (part.get("properties") or {}).values())
            or look(part.get("items"))
            or look(part.get("additionalProperties"))
        )

    return look(schema)


def type_name(value: Any) -> str:
    """The JSON type of a value as messages name it: an integral number is an integer only if it was written as one."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    return "array" if isinstance(value, list) else "object"


def _is_integral(value: Any) -> bool:
    return isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT_FLOAT


def _go_number(value: Any) -> str:
    """A schema's bound as Go prints it with %v."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return str(value)


Found = tuple[list[FieldError], int]


class _Walker:
    """Checks values. Each check returns its errors and how many checks were met, which chooses between failed alternatives."""

    def __init__(self, *, built_in: bool) -> None:
        self._built_in = built_in

    def check(self, value: Any, schema: Mapping[str, Any], path: str, old: Any) -> Found:
        if old is not MISSING and _same(value, old):
            return [], 1
        if value is None:
            found = list(self._type(value, schema, path))
            found += self._enum(value, schema, path)
            return found, 0
        out: list[FieldError] = []
        met = 1
        for validator in (self._type, self._combined, self._string, self._format, self._number):
            met += _merge(out, validator(value, schema, path))
        if isinstance(value, list):
            met += self._items(out, value, schema, path, old)
        met += _merge(out, self._enum(value, schema, path))
        if isinstance(value, dict):
            met += self._properties(out, value, schema, path, old)
        if schema.get("x-kubernetes-embedded-resource") and isinstance(value, dict):
            out += _embedded(value, path)
        return out, met

    def _type(self, value: Any, schema: Mapping[str, Any], path: str) -> Iterator[FieldError]:
        if self._built_in:
            return
        types: tuple[str, ...] = ()
        if schema.get("x-kubernetes-int-or-string"):
            types = ("integer", "string")
        elif schema.get("type"):
            types = (schema["type"],)
        name = schema.get("format", "")
        if name not in formats.CHECKS and name not in _KNOWN_NUMBER_FORMATS:
            name = ""
        if not types and not name:
            return
        actual = type_name(value)
        if value is None:
            if types and not schema.get("nullable"):
                yield _wrong_type(path, ",".join(types), "null")
            return
        numeric = "number" in types or "integer" in types
        fits = (
            actual in types
            or ("integer" in types and _is_integral(value))
            or (actual == "integer" and "number" in types)
        )
        textual = isinstance(value, str | list)
        if name and not textual and not fits:
            width = {"integer": "int64", "number": "float64"}.get(actual, "")
            if width != name:
                yield _wrong_type(path, name, width)
                return
        if name and textual and not numeric:
            return
        if not fits:
            yield _wrong_type(path, ",".join(types), actual)

    def _combined(self, value: Any, schema: Mapping[str, Any], path: str) -> Iterator[FieldError]:
        if self._built_in:
            return
        if alternatives := schema.get("anyOf"):
            results = [self.check(value, one, path, MISSING) for one in alternatives]
            if all(found for found, _ in results):
                yield _plain(f'"{path}" must validate at least one schema (anyOf)')
                yield from max(results, key=lambda result: result[1])[0]
        if alternatives := schema.get("oneOf"):
            results = [self.check(value, one, path, MISSING) for one in alternatives]
            valid = sum(not found for found, _ in results)
            if valid != 1:
                why = f"Found {valid} valid alternatives" if valid else "Found none valid"
                yield _plain(f'"{path}" must validate one and only one schema (oneOf). {why}')
                if not valid:
                    yield from max(results, key=lambda result: result[1])[0]
        if alternatives := schema.get("allOf"):
            results = [self.check(value, one, path, MISSING) for one in alternatives]
            for found, _ in results:
                yield from found
            if any(found for found, _ in results):
                why = "" if any(not found for found, _ in results) else ". None validated"
                yield _plain(f'"{path}" must validate all the schemas (allOf){why}')
        if (unwanted := schema.get("not")) is not None and not self.check(value, unwanted, path, MISSING)[0]:
            yield _plain(f'"{path}" must not validate the schema (not)')

    def _string(self, value: Any, schema: Mapping[str, Any], path: str) -> Iterator[FieldError]:
        if not isinstance(value, str):
            return
        if (most := schema.get("maxLength")) is not None and len(value) > most:
            yield errors.too_long(path, most)
        elif (least := schema.get("minLength")) is not None and len(value) < least:
            yield errors.invalid(path, value, f"{path} in body should be at least {least} chars long")
        elif (pattern := schema.get("pattern")) and not self._built_in and not patterns.matches(pattern, value):
            yield errors.invalid(path, value, f"{path} in body should match '{pattern}'")

    def _format(self, value: Any, schema: Mapping[str, Any], path: str) -> Iterator[FieldError]:
        name = schema.get("format", "")
        check = formats.CHECKS.get(name)
        if isinstance(value, str) and check is not None and not self._built_in and not check(value):
            detail = f"{path} in body must be of type {name}: {errors.go_value(value)}"
            yield FieldError(FieldErrorType.TYPE_INVALID, path, value, detail)

    def _number(self, value: Any, schema: Mapping[str, Any], path: str) -> Iterator[FieldError]:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return
        if not self._built_in and (message := _out_of_range(value, schema, path)):
            yield _plain(message)
        factor = schema.get("multipleOf")
        if factor and value % factor:
            yield errors.invalid(path, value, f"{path} in body should be a multiple of {_go_number(factor)}")
        low = schema.get("minimum")
        if low is not None and (value <= low if schema.get("exclusiveMinimum") else value < low):
            words = "greater than" if schema.get("exclusiveMinimum") else "greater than or equal to"
            yield errors.invalid(path, value, f"{path} in body should be {words} {_go_number(low)}")
        high = schema.get("maximum")
        if high is not None and (value >= high if schema.get("exclusiveMaximum") else value > high):
            words = "less than" if schema.get("exclusiveMaximum") else "less than or equal to"
            yield errors.invalid(path, value, f"{path} in body should be {words} {_go_number(high)}")

    def _enum(self, value: Any, schema: Mapping[str, Any], path: str) -> Iterator[FieldError]:
        allowed = schema.get("enum")
        if not allowed or any(_same(value, one) for one in allowed) or (self._built_in and value == ""):
            return
        texts = [one if isinstance(one, str) else json.dumps(one, separators=(",", ":")) for one in allowed]
        yield errors.not_supported(path, value, texts)

    def _items(self, out: list[FieldError], value: list[Any], schema: Mapping[str, Any], path: str, old: Any) -> int:
        met = 0
        items = schema.get("items")
        if isinstance(items, Mapping):
            before = correlate(schema, old)
            for index, item in enumerate(value):
                found, below = self.check(item, items, f"{path}[{index}]", before(item))
                out += found
                met += below
        least, most = schema.get("minItems"), schema.get("maxItems")
        if least is not None and len(value) < least:
            out.append(errors.invalid(path, len(value), f"{path} in body should have at least {least} items"))
        if most is not None and len(value) > most:
            out.append(errors.too_many(path, len(value), most))
        if schema.get("uniqueItems") and any(_same(one, other) for i, one in enumerate(value) for other in value[:i]):
            out.append(errors.invalid(path, "", f"{path} in body shouldn't contain duplicates"))
        return met + 1

    def _properties(
        self, out: list[FieldError], value: Document, schema: Mapping[str, Any], path: str, old: Any
    ) -> int:
        met = 0
        least, most = schema.get("minProperties"), schema.get("maxProperties")
        if least is not None and len(value) < least:
            out.append(
                errors.invalid(path or ROOT, len(value), f"{path} in body should have at least {least} properties")
            )
        if most is not None and len(value) > most:
            out.append(errors.too_many(path or ROOT, len(value), most))
        properties = schema.get("properties") or {}
        other = schema.get("additionalProperties")
        before = old if isinstance(old, dict) else {}
        if isinstance(other, Mapping):
            for key in value:
                if key in properties:
                    continue
                found, below = self.check(value[key], other, f"{path}.{key}", before.get(key, MISSING))
                out += found
                met += below
        for key, child in properties.items():
            if key in value:
                where = f"{path}.{key}" if path else key
                found, below = self.check(value[key], child, where, before.get(key, MISSING))
                out += found
                met += below
        for key in schema.get("required") or ():
            if key not in value:
                out.append(errors.required(f"{path}.{key}" if path else key))
        return met


_KNOWN_NUMBER_FORMATS = ("int32", "int64", "float", "double")


def _merge(out: list[FieldError], found: Iterator[FieldError]) -> int:
    before = len(out)
    out.extend(found)
    return 1 if len(out) == before else 0


def _wrong_type(path: str, expected: str, actual: str) -> FieldError:
    where = path or ROOT
    return FieldError(
        FieldErrorType.TYPE_INVALID, where, actual, f'{path} in body must be of type {expected}: "{actual}"'
    )


def _plain(message: str) -> FieldError:
    """An error that the original's validation library does not tie to a field."""
    return errors.invalid(ROOT, "", message)


def _out_of_range(value: float, schema: Mapping[str, Any], path: str) -> str | None:
    type_ = schema.get("type") or ""
    name = schema.get("format", "") if type_ in ("integer", "number") else ""
    named = f"with format {name}" if name else "(default format)"
    if type_ == "integer":
        least, most = _INT_FORMATS.get(name, _INT_FORMATS["int64"])
        if not (isinstance(value, int) or _is_integral(value)) or not least <= value <= most:
            return f"Checked value must be of type integer {named} in {path}"
    elif name == "float" and abs(value) > _MAX_FLOAT32:
        return f"Checked value must be of type {type_} {named} in {path}"
    return None


def _embedded(value: Document, path: str) -> Iterator[FieldError]:
    for key in ("apiVersion", "kind"):
        if not value.get(key):
            yield errors.required(f"{path}.{key}", "must not be empty")


def _same(value: Any, other: Any) -> bool:
    """Equal as JSON: `true` is not `1`."""
    if isinstance(value, bool) or isinstance(other, bool):
        return value is other
    return bool(value == other)


def _map_key(item: Any, keys: Sequence[str]) -> str:
    return json.dumps(
        {key: item[key] for key in keys if key in item}, separators=(",", ":"), sort_keys=True, ensure_ascii=False
    )


def correlate(schema: Mapping[str, Any], old: Any) -> Callable[[Any], Any]:
    """How an item of a list finds its predecessor: by its keys in a list of type map, not at all in any other."""
    keys = schema.get("x-kubernetes-list-map-keys") if schema.get("x-kubernetes-list-type") == "map" else None
    if not keys or not isinstance(old, list):
        return lambda _item: MISSING
    known = {_map_key(item, keys): item for item in old if isinstance(item, dict)}
    return lambda item: known.get(_map_key(item, keys), MISSING) if isinstance(item, dict) else MISSING


def _list_types(value: Any, schema: Mapping[str, Any], path: str, old: Any) -> list[FieldError]:
    """Items that occur twice in lists of type set and map, in the whole tree."""
    if old is not MISSING and _same(value, old):
        return []
    out: list[FieldError] = []
    if isinstance(value, list):
        kind = schema.get("x-kubernetes-list-type")
        if kind in ("set", "map"):
            out += _duplicates(value, schema.get("x-kubernetes-list-map-keys") or () if kind == "map" else None, path)
        items = schema.get("items")
        if isinstance(items, Mapping):
            before = correlate(schema, old)
            for index, item in enumerate(value):
                out += _list_types(item, items, f"{path}[{index}]", before(item))
    elif isinstance(value, dict):
        properties = schema.get("properties") or {}
        other = schema.get("additionalProperties")
        before_keys = old if isinstance(old, dict) else {}
        for key, child in value.items():
            known = properties.get(key)
            where = f"{path}.{key}" if path else key
            if known is None and isinstance(other, Mapping):
                known, where = other, f"{path}[{key}]"
            if known is not None and isinstance(child, dict | list):
                out += _list_types(child, known, where, before_keys.get(key, MISSING))
    return out


def _duplicates(value: list[Any], keys: Sequence[str] | None, path: str) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, item in enumerate(value):
        if keys is not None and not isinstance(item, dict):
            continue
        shown = item if keys is None else {key: item[key] for key in keys if key in item}
        text = json.dumps(shown, sort_keys=True)
        if text in seen:
            yield errors.duplicate(f"{path}[{index}]", shown)
        seen.add(text)
