"""
Structural schemas out of field models.

`structural` turns an `ApiModel` into the structural schema of Kubernetes: OpenAPI v3 words and `x-kubernetes-` extensions, nothing else. It
reads annotations and never makes pydantic build its own schema, which for a VirtualMachine would take a thousand times as long.

A type with a `schema_name` becomes one `NamedSchema`, shared by all places that refer to it, so a schema is a graph of plain dicts that can
be walked without resolving references; it is a tree unless a named type contains itself. The OpenAPI documents publish named types
of built-in kinds under their names and write everything else out in place.
"""

from __future__ import annotations

import enum
import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Literal, Union

import annotated_types
from pydantic.fields import FieldInfo

from solovirt.machinery.schema import markers
from solovirt.machinery.schema.markers import ApiModel

Schema = dict[str, Any]
"""A structural schema, or a part of one. Shared and cached: not to be changed."""


class NamedSchema(dict[str, Any]):
    """
    A schema that the OpenAPI documents of built-in kinds publish under *name*.

    A field may add words of its own (a description, a list type): then its schema is a copy, *base* is the published one and *own* is
    what the field adds.
    """

    __slots__ = ("base", "name", "own")

    def __init__(self, name: str, *args: Any, base: NamedSchema | None = None, own: Schema | None = None) -> None:
        super().__init__(*args)
        self.name = name
        self.base = base or self
        self.own = own or {}


_INT_OR_STRING: Schema = {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}

QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
RAW_EXTENSION = "io.k8s.apimachinery.pkg.runtime.RawExtension"
TIME = "io.k8s.apimachinery.pkg.apis.meta.v1.Time"
MICRO_TIME = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime"

# What a named scalar means where it is validated, or written out in a custom resource's schema.
_NAMED_SCALARS: Mapping[str, Schema] = {
    QUANTITY: {**_INT_OR_STRING, "pattern": markers.QUANTITY_PATTERN},
    INT_OR_STRING: _INT_OR_STRING,
    TIME: {"type": "string", "format": "date-time"},
    MICRO_TIME: {"type": "string", "format": "date-time"},
    RAW_EXTENSION: {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
}

_SCALARS: Mapping[Any, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
}

_PRESERVE = "x-kubernetes-preserve-unknown-fields"

# Cached per class for the life of the process, as the classes themselves are.
_known: dict[type[ApiModel], Schema] = {}


def structural(model: type[ApiModel]) -> Schema:
    """
    The structural schema of *model*, from the cache if it was asked for before.

    Raises TypeError on an annotation that a structural schema cannot express, and on a type without `schema_name` that contains itself.
    """
    known = _known.get(model)
    return known if known is not None else _Reader().read(model)


class _Reader:
    """Reads one model and everything below it."""

    def __init__(self) -> None:
        self._open: dict[type[ApiModel], Schema] = {}
        self._done: dict[type[ApiModel], Schema] = {}
        # Copies made of named types that were still being read: they are completed at the end.
        self._unfinished: list[tuple[Schema, Schema]] = []

    def read(self, model: type[ApiModel]) -> Schema:
        out = self._model(model)
        for copy, original in self._unfinished:
            own = dict(copy)
            copy.clear()
            copy.update(original)
            copy.update(own)
        # Only now are they complete, and may be seen by another thread.
        _known.update(self._done)
        return out

    def _model(self, model: type[ApiModel]) -> Schema:
        known = _known.get(model) or self._done.get(model)
        if known is not None:
            return known
        if model in self._open:
            if model.schema_name is None:
                raise TypeError(f"{model.__qualname__} contains itself and has no schema_name to refer to it by")
            return self._open[model]
        out: Schema = NamedSchema(model.schema_name) if model.schema_name is not None else {}
        self._open[model] = out
        if description := _docstring(model):
            out["description"] = description
        out["type"] = "object"
        properties: Schema = {}
        required: list[str] = []
        for name, annotation, field in _fields(model):
            properties[name] = self._field(annotation, field, f"{model.__qualname__}.{name}")
            if field.is_required():
                required.append(name)
        if properties:
            out["properties"] = dict(sorted(properties.items()))
        if required:
            out["required"] = sorted(required)
        if model.preserve_unknown:
            out[_PRESERVE] = True
        if model.atomic:
            out["x-kubernetes-map-type"] = "atomic"
        if model.rules:
            out["x-kubernetes-validations"] = [_rule(rule) for rule in model.rules]
        del self._open[model]
        self._done[model] = out
        return out

    def _field(self, annotation: Any, field: FieldInfo, where: str) -> Schema:
        own: Schema = {}
        if any(isinstance(one, markers.Named) for one in field.metadata):
            # A required field's Annotated was taken apart by pydantic, the name with it; an optional one still has it inside its union.
            out = self._type(Annotated[(annotation, *field.metadata)], where)
        else:
            out = self._type(annotation, where)
            own = _words(field.metadata, out.get("type"), where)
        if field.description:
            own["description"] = field.description
        return self._with(out, own)

    def _with(self, schema: Schema, own: Schema) -> Schema:
        """*schema* with the words of *own* on top; the same object if there are none."""
        if not own:
            return schema
        if own.keys() & {"x-kubernetes-int-or-string"}:
            own = {**_INT_OR_STRING, **own}
            schema = {}
        validations = own.get("x-kubernetes-validations")
        if validations and schema.get("x-kubernetes-validations"):
            own["x-kubernetes-validations"] = [*schema["x-kubernetes-validations"], *validations]
        out: Schema
        if isinstance(schema, NamedSchema):
            out = NamedSchema(schema.name, schema, base=schema.base, own={**schema.own, **own})
        else:
            out = dict(schema)
        out.update(own)
        if own.get(_PRESERVE) and out.get("additionalProperties") == {_PRESERVE: True}:
            del out["additionalProperties"]
        if isinstance(out, NamedSchema) and any(out.base is one for one in self._open.values()):
            out.clear()
            out.update(out.own)
            self._unfinished.append((out, out.base))
        return out

    def _type(self, annotation: Any, where: str) -> Schema:
        origin = typing.get_origin(annotation)
        if origin is Annotated:
            base, *metadata = typing.get_args(annotation)
            named = next((one for one in metadata if isinstance(one, markers.Named)), None)
            if named is not None:
                base_schema = _NAMED_SCALARS.get(named.name)
                out: Schema = NamedSchema(named.name, self._type(base, where) if base_schema is None else base_schema)
            elif any(isinstance(one, markers.IntOrStringMarker) for one in metadata):
                out = {}
            else:
                out = self._type(base, where)
            return self._with(out, _words(metadata, out.get("type"), where))
        if origin is Union or origin is types.UnionType:
            return self._union(typing.get_args(annotation), where)
        if origin is Literal:
            return _enumeration(typing.get_args(annotation))
        if origin in (list, tuple, set):
            return {"type": "array", "items": self._type(typing.get_args(annotation)[0], where)}
        if origin is dict:
            return {"type": "object", "additionalProperties": self._type(typing.get_args(annotation)[1], where)}
        return self._plain(annotation, where)

    def _plain(self, annotation: Any, where: str) -> Schema:
        if annotation is Any:
            return {_PRESERVE: True}
        if annotation in _SCALARS:
            return dict(_SCALARS[annotation])
        if annotation in (list, dict):
            return {"type": "array" if annotation is list else "object", _PRESERVE: True}
        if isinstance(annotation, type) and issubclass(annotation, ApiModel):
            return self._model(annotation)
        if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
            return _enumeration(tuple(member.value for member in annotation))
        raise TypeError(f"{where}: a structural schema cannot express {annotation!r}")

    def _union(self, members: tuple[Any, ...], where: str) -> Schema:
        members = tuple(member for member in members if member is not types.NoneType)
        if len(members) == 1:
            return self._type(members[0], where)
        if set(members) == {int, str}:
            return dict(_INT_OR_STRING)
        raise TypeError(f"{where}: a structural schema has no union of {members!r}; name it with Named, or use Any")


def _docstring(model: type[ApiModel]) -> str:
    doc = model.__dict__.get("__doc__")
    return inspect.cleandoc(doc) if doc else ""


def _fields(model: type[ApiModel]) -> Iterable[tuple[str, Any, FieldInfo]]:
    """Wire name, annotation without its outer Annotated (where pydantic has taken it apart), and field."""
    complete = getattr(model, "__pydantic_fields_complete__", True)
    hints = {} if complete else _hints(model)
    generator = model.model_config.get("alias_generator")
    for name, field in model.model_fields.items():
        wire = field.alias
        if wire is None:
            wire = generator(name) if callable(generator) else name
        yield wire, field.annotation if complete else hints[name], field


def _hints(model: type[ApiModel]) -> dict[str, Any]:
    """The annotations of a class that was defined before all the classes it refers to were."""
    out: dict[str, Any] = {}
    for base in reversed(model.__mro__):
        if not issubclass(base, ApiModel) or base is ApiModel:
            continue
        own = types.SimpleNamespace(
            __annotations__={
                name: hint for name, hint in inspect.get_annotations(base).items() if name in model.model_fields
            }
        )
        names = vars(sys.modules[base.__module__])
        out.update(typing.get_type_hints(own, globalns=names, localns={base.__name__: base}, include_extras=True))
    return out


def _enumeration(values: tuple[Any, ...]) -> Schema:
    kinds = {type(value) for value in values}
    scalar = _SCALARS.get(kinds.pop()) if len(kinds) == 1 else None
    return {**(scalar or {}), "enum": list(values)}


def _rule(rule: markers.Rule) -> Schema:
    out: Schema = {"rule": rule.rule}
    for key, value in (
        ("message", rule.message),
        ("messageExpression", rule.message_expression),
        ("reason", rule.reason),
        ("fieldPath", rule.field_path),
        ("optionalOldSelf", rule.optional_old_self),
    ):
        if value is not None:
            out[key] = value
    return out


def _list_map(marker: markers.ListMap) -> Schema:
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(marker.keys)}


def _patch(marker: markers.PatchStrategy) -> Schema:
    out: Schema = {"x-kubernetes-patch-strategy": marker.strategy}
    if marker.merge_key is not None:
        out["x-kubernetes-patch-merge-key"] = marker.merge_key
    return out


_MARKERS: Mapping[type, Callable[[Any], Schema]] = {
    markers.ListMap: _list_map,
    markers.ListSet: lambda _: {"x-kubernetes-list-type": "set"},
    markers.ListAtomic: lambda _: {"x-kubernetes-list-type": "atomic"},
    markers.MapAtomic: lambda _: {"x-kubernetes-map-type": "atomic"},
    markers.MapGranular: lambda _: {"x-kubernetes-map-type": "granular"},
    markers.PatchStrategy: _patch,
    markers.Format: lambda marker: {"format": marker.name},
    markers.Default: lambda marker: {"default": marker.value},
    markers.IntOrStringMarker: lambda _: {"x-kubernetes-int-or-string": True},
    markers.PreserveUnknown: lambda _: {_PRESERVE: True},
    markers.EmbeddedResource: lambda _: {"x-kubernetes-embedded-resource": True},
    markers.Nullable: lambda _: {"nullable": True},
    annotated_types.Ge: lambda bound: {"minimum": bound.ge},
    annotated_types.Gt: lambda bound: {"minimum": bound.gt, "exclusiveMinimum": True},
    annotated_types.Le: lambda bound: {"maximum": bound.le},
    annotated_types.Lt: lambda bound: {"maximum": bound.lt, "exclusiveMaximum": True},
    annotated_types.MultipleOf: lambda bound: {"multipleOf": bound.multiple_of},
}

_LENGTHS = {"array": "Items", "object": "Properties"}


def _words(metadata: Iterable[Any], type_: Any, where: str) -> Schema:
    """What the pieces of an Annotated say, in the words of OpenAPI."""
    out: Schema = {}
    for piece in metadata:
        if isinstance(piece, markers.Named):
            continue
        if isinstance(piece, markers.Rule):
            out.setdefault("x-kubernetes-validations", []).append(_rule(piece))
        elif isinstance(piece, FieldInfo):
            out.update(_words(piece.metadata, type_, where))
            if piece.description:
                out["description"] = piece.description
        elif isinstance(piece, annotated_types.MinLen):
            out["min" + _LENGTHS.get(type_, "Length")] = piece.min_length
        elif isinstance(piece, annotated_types.MaxLen):
            out["max" + _LENGTHS.get(type_, "Length")] = piece.max_length
        elif type(piece) in _MARKERS:
            out.update(_MARKERS[type(piece)](piece))
        elif (pattern := getattr(piece, "pattern", None)) is not None:
            out["pattern"] = pattern
        else:
            raise TypeError(f"{where}: a structural schema cannot express {piece!r}")
    return out
