"""
Is this document what the request is about? (reference kubernetes-api.md 3.2, 4.1, 4.2)

Checked before anything is read or stored: kind and apiVersion, the shape of metadata, name and namespace against the path, unknown
and duplicate fields as the caller wants them treated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from solovirt.machinery import errors, metadata
from solovirt.machinery.errors import BadRequest, Invalid
from solovirt.machinery.resource import Document, Flavour
from solovirt.machinery.schema.protocol import ObjectSchema
from solovirt.machinery.verbs.protocol import Caller, FieldValidation, Target

_SUMMARY_BYTES = 30
_YAML_ERRORS = "yaml: unmarshal errors:\n"


def check_type(document: Any, target: Target) -> None:
    """Fill in or insist on kind and apiVersion, in place. Raises BadRequest or Invalid."""
    resource = target.resource
    wanted_version = resource.api_version(target.version)
    if not isinstance(document, dict):
        raise BadRequest(
            f"the object provided is unrecognized (must be of type {resource.kind}): "
            f"couldn't get version/kind; json parse error: json: cannot unmarshal {_go_type(document)} into Go value of type "
            f'struct {{ APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }} '
            f"({_summary(document)})"
        )
    kind, version = document.get("kind"), document.get("apiVersion")
    for name, value in (("kind", kind), ("apiVersion", version)):
        if value is not None and not isinstance(value, str):
            raise BadRequest(
                f"the object provided is unrecognized (must be of type {resource.kind}): couldn't get version/kind; "
                f"json parse error: json: cannot unmarshal {_go_type(value)} into Go struct field .{name} of type string "
                f"({_summary(document)})"
            )
    if resource.flavour is Flavour.BUILT_IN:
        if not kind:
            document["kind"] = kind = resource.kind
        if not version:
            document["apiVersion"] = version = wanted_version
    elif not kind:
        text = orjson.dumps(document).decode()
        raise BadRequest(
            f"the object provided is unrecognized (must be of type {resource.kind}): "
            f"Object 'Kind' is missing in '{text}' ({_summary(document)})"
        )
    if version != wanted_version:
        raise BadRequest(
            f"the API version in the data ({version or ''}) does not match the expected API version ({wanted_version})"
        )
    if kind != resource.kind:
        if resource.flavour is Flavour.BUILT_IN:
            raise BadRequest(
                f'{kind} in version "{target.version}" cannot be handled as a {resource.kind}: '
                f'no kind "{kind}" is registered for version "{version}" in scheme "solovirt/built-in"'
            )
        found = [errors.invalid("kind", kind, f"must be {resource.kind}")]
        name = (document.get("metadata") or {}).get("name", "") if isinstance(document.get("metadata"), dict) else ""
        raise Invalid.of(resource.group, resource.kind, name if isinstance(name, str) else "", found)


def check_shape(document: Document, target: Target, schema: ObjectSchema) -> bool:
    """
    Refuse what Go could not decode: metadata of wrong types, and for built-in kinds any field.

    Says whether the document's fields are all known and valid as they stand, so that nobody need ask the schema again.
    """
    accepted, wrong = shape(document, target, schema)
    if wrong is not None:
        raise BadRequest(f"{cannot_be_handled(target)}: {wrong}")
    return accepted


def shape(document: Document, target: Target, schema: ObjectSchema) -> tuple[bool, str | None]:
    """As `check_shape`, with why Go could not decode it instead of the refusal."""
    if document.get("metadata") is None:
        document["metadata"] = {}
    wrong = metadata.decode_error(document["metadata"])
    accepted = schema.accepts(document)
    if wrong is None and target.resource.flavour is Flavour.BUILT_IN and not accepted:
        wrong = schema.decode_error(document)
    return accepted, wrong


def check_place(document: Document, target: Target) -> None:
    """Put the path's namespace into the document, or refuse another; likewise for the name of a path that has one."""
    meta = document["metadata"]
    if target.resource.namespaced:
        if meta.get("namespace", "") not in ("", target.namespace) and meta.get("namespace") is not None:
            raise BadRequest("the namespace of the provided object does not match the namespace sent on the request")
        meta["namespace"] = target.namespace
    elif meta.get("namespace"):
        raise BadRequest("the namespace of the provided object does not match the namespace sent on the request")
    else:
        meta.pop("namespace", None)
    if target.name:
        if meta.get("name") and meta["name"] != target.name:
            raise BadRequest(
                f"the name of the object ({meta['name']}) does not match the name on the URL ({target.name})"
            )
        meta["name"] = target.name


def unknown_fields(document: Document, schema: ObjectSchema, caller: Caller, *, accepted: bool) -> list[str]:
    """
    What a strict decoder complains of, in its words (`unknown field "spec.foo"`); empty if the caller ignores such fields.

    Call it before anything is pruned. *accepted* says that the schema has accepted the document as it stands.
    """
    if caller.field_validation is FieldValidation.IGNORE:
        return []
    out = list(caller.duplicate_fields)
    out += [f'unknown field "{path}"' for path in metadata.unknown_fields(document["metadata"])]
    if not accepted:
        out += [f'unknown field "{path}"' for path in schema.unknown_fields(document)]
    return out


def refuse_unknown(complaints: list[str], target: Target, caller: Caller) -> None:
    """Raise for a strict caller, leave warnings for another."""
    if not complaints:
        return
    if caller.field_validation is FieldValidation.STRICT:
        raise BadRequest(f"{cannot_be_handled(target)}: strict decoding error: {', '.join(complaints)}")
    caller.warnings += _lines(complaints)


def refuse_unknown_in_patch(complaints: list[str], caller: Caller, refusal: Callable[[str], Invalid]) -> None:
    """The same for a patch; *refusal* is made of what is wrong with it."""
    if not complaints:
        return
    if caller.field_validation is FieldValidation.STRICT:
        raise refusal(f"strict decoding error: {', '.join(complaints)}")
    caller.warnings += _lines(complaints)


def _lines(complaints: list[str]) -> Iterator[str]:
    """Complaints as warnings: what YAML's decoder says of several lines is one error, and several warnings."""
    for complaint in complaints:
        lines = complaint.removeprefix(_YAML_ERRORS)
        yield from (complaint,) if lines == complaint else (line.strip() for line in lines.split("\n"))


def cannot_be_handled(target: Target) -> str:
    """How refusals of what cannot be decoded begin."""
    kind = target.resource.kind
    return f'{kind} in version "{target.version}" cannot be handled as a {kind}'


def _go_type(value: Any) -> str:
    names = {str: "string", bool: "bool", int: "number", float: "number", list: "array", dict: "object"}
    return names.get(type(value), "null")


def _summary(document: Any) -> str:
    text = orjson.dumps(document).decode()
    return text if len(text) <= _SUMMARY_BYTES else f"{text[:_SUMMARY_BYTES]} ..."
