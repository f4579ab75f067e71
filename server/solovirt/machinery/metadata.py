"""
ObjectMeta: what clients may say in it, and what only the server does (reference kubernetes-api.md 3.1, 3.2).

A document's metadata is checked here, not by its kind's schema: it is the same for every kind, and cheap to check by hand.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from solovirt.machinery import errors, names
from solovirt.machinery.clock import parse_timestamp, timestamp
from solovirt.machinery.errors import FieldError
from solovirt.machinery.resource import Document, Resource
from solovirt.machinery.uids import random_uid

_MAX_ANNOTATIONS = 262144
_GENERATED_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_GENERATED_LENGTH = 5
_MAX_GENERATED_BASE = 63 - _GENERATED_LENGTH

_STRINGS = frozenset({"name", "namespace", "generateName", "uid", "resourceVersion", "selfLink"})
_TIMES = frozenset({"creationTimestamp", "deletionTimestamp"})
_INTEGERS = frozenset({"generation", "deletionGracePeriodSeconds"})
_STRING_MAPS = frozenset({"labels", "annotations"})
_FIELDS = _STRINGS | _TIMES | _INTEGERS | _STRING_MAPS | {"finalizers", "ownerReferences", "managedFields"}
_OWNER_STRINGS = frozenset({"apiVersion", "kind", "name", "uid"})
_OWNER_BOOLEANS = frozenset({"controller", "blockOwnerDeletion"})
_OWNER_FIELDS = _OWNER_STRINGS | _OWNER_BOOLEANS
_MANAGED_STRINGS = frozenset({"manager", "operation", "apiVersion", "fieldsType", "subresource"})
_MANAGED_FIELDS = _MANAGED_STRINGS | {"time", "fieldsV1"}
_INT64 = range(-(2**63), 2**63)
_GO_TYPES: Mapping[type, str] = {
    str: "string",
    bool: "bool",
    int: "number",
    float: "number",
    list: "array",
    dict: "object",
}


def decode_error(metadata: Any) -> str | None:
    """Why Go could not read *metadata* into an ObjectMeta (`json: cannot unmarshal …`), or None."""
    if not isinstance(metadata, dict):
        return _cannot("metadata", metadata, "v1.ObjectMeta")
    for name, value in metadata.items():
        if value is None:
            continue
        if (wrong := _field_error(name, value)) is not None:
            return wrong
    return None


def _field_error(name: str, value: Any) -> str | None:
    path = f"metadata.{name}"
    if name in _STRINGS:
        return None if isinstance(value, str) else _cannot(path, value, "string")
    if name in _STRING_MAPS:
        return _string_map_error(path, value)
    if name in _INTEGERS:
        if isinstance(value, int) and not isinstance(value, bool) and value in _INT64:
            return None
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return _cannot(path, value, "int64", f" {json.dumps(value)}" if number else "")
    if name in _TIMES:
        return _time_error(path, value)
    if name == "finalizers":
        return _string_list_error(path, value)
    if name == "ownerReferences":
        return _owners_error(path, value)
    if name == "managedFields":
        return _managed_fields_error(path, value)
    return None


def _string_map_error(path: str, value: Any) -> str | None:
    if not isinstance(value, dict):
        return _cannot(path, value, "map[string]string")
    for item in value.values():
        if not isinstance(item, str) and item is not None:
            return _cannot(path, item, "string")
    return None


def _string_list_error(path: str, value: Any) -> str | None:
    if not isinstance(value, list):
        return _cannot(path, value, "[]string")
    return next(
        (_cannot(path, item, "string") for item in value if item is not None and not isinstance(item, str)), None
    )


def _time_error(path: str, value: Any) -> str | None:
    if not isinstance(value, str):
        return _cannot(path, value, "v1.Time")
    try:
        parse_timestamp(value)
    except ValueError:
        return f'parsing time {errors.go_value(value)} as "2006-01-02T15:04:05Z07:00": cannot parse {errors.go_value(value)} as "2006"'
    return None


def _owners_error(path: str, value: Any) -> str | None:
    if not isinstance(value, list):
        return _cannot(path, value, "[]v1.OwnerReference")
    for owner in value:
        if not isinstance(owner, dict):
            return _cannot(path, owner, "v1.OwnerReference")
        for name, part in owner.items():
            if part is None:
                continue
            if name in _OWNER_STRINGS and not isinstance(part, str):
                return _cannot(f"{path}.{name}", part, "string")
            if name in _OWNER_BOOLEANS and not isinstance(part, bool):
                return _cannot(f"{path}.{name}", part, "bool")
    return None


def _managed_fields_error(path: str, value: Any) -> str | None:
    if not isinstance(value, list):
        return _cannot(path, value, "[]v1.ManagedFieldsEntry")
    for entry in value:
        if not isinstance(entry, dict):
            return _cannot(path, entry, "v1.ManagedFieldsEntry")
        for name, part in entry.items():
            if part is None:
                continue
            if name == "fieldsV1":
                if not isinstance(part, dict):
                    return _cannot(f"{path}.{name}", part, "v1.FieldsV1")
            elif name == "time":
                if (wrong := _time_error(f"{path}.{name}", part)) is not None:
                    return wrong
            elif name in _MANAGED_STRINGS and not isinstance(part, str):
                return _cannot(f"{path}.{name}", part, "string")
    return None


def _cannot(path: str, value: Any, wanted: str, shown: str = "") -> str:
    got = _GO_TYPES.get(type(value), "null")
    return f"json: cannot unmarshal {got}{shown} into Go struct field ObjectMeta.{path} of type {wanted}"


def unknown_fields(metadata: Document) -> list[str]:
    """Paths of fields that ObjectMeta does not have (`metadata.zip`)."""
    out = [f"metadata.{name}" for name in metadata if name not in _FIELDS]
    for field, known in (("managedFields", _MANAGED_FIELDS), ("ownerReferences", _OWNER_FIELDS)):
        for index, item in enumerate(metadata.get(field) or ()):
            out += [f"metadata.{field}[{index}].{name}" for name in item if name not in known]
    return out


def clean(metadata: Document) -> None:
    """Drop, in place, what is not kept: unknown fields, nulls, empty strings' fields, selfLink; owner references said twice."""
    for name in [name for name, value in metadata.items() if name not in _FIELDS or value is None]:
        del metadata[name]
    metadata.pop("selfLink", None)
    for name in ("generateName", "namespace", "name", "uid", "resourceVersion"):
        if metadata.get(name) == "":
            del metadata[name]
    for name in ("labels", "annotations", "finalizers", "ownerReferences"):
        if name in metadata and not metadata[name]:
            del metadata[name]
    for name in _STRING_MAPS:
        if name in metadata:
            # Go reads a null into a string as the empty string.
            for key in [key for key, value in metadata[name].items() if value is None]:
                metadata[name][key] = ""
    if "finalizers" in metadata:
        metadata["finalizers"] = ["" if one is None else one for one in metadata["finalizers"]]
    for field, known in (("managedFields", _MANAGED_FIELDS), ("ownerReferences", _OWNER_FIELDS)):
        for item in metadata.get(field, ()):
            for name in [name for name, value in item.items() if value is None or name not in known]:
                del item[name]


def drop_duplicate_owners(metadata: Document) -> list[str]:
    """Keep the first of equal owner references, in place; returns the texts of warnings about the others."""
    owners = metadata.get("ownerReferences")
    if not owners or len(owners) < 2:
        return []
    kept: list[Document] = []
    warnings = []
    for owner in owners:
        if owner in kept:
            warnings.append(
                f".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, "
                f"and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {owner.get('uid', '')}"
            )
        else:
            kept.append(owner)
    metadata["ownerReferences"] = kept
    return warnings


def stamp_new(metadata: Document, *, now: datetime, has_generation: bool) -> None:
    """Set, in place, what the server alone says of a new object."""
    for name in ("deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion", "generation"):
        metadata.pop(name, None)
    metadata["uid"] = random_uid()
    metadata["creationTimestamp"] = timestamp(now)
    if has_generation:
        metadata["generation"] = 1


def generate_name(base: str) -> str:
    """A name from metadata.generateName: at most 58 characters of *base* and five random ones."""
    suffix = "".join(secrets.choice(_GENERATED_LETTERS) for _ in range(_GENERATED_LENGTH))
    return base[:_MAX_GENERATED_BASE] + suffix


def restore(metadata: Document, old: Document) -> None:
    """Give, in place, the fields back that a client can't change: they are put right silently."""
    for name in ("creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"):
        if name in old:
            metadata[name] = old[name]
        else:
            metadata.pop(name, None)
    if "uid" not in metadata and "uid" in old:
        metadata["uid"] = old["uid"]
    if "generateName" in old and "generateName" not in metadata:
        metadata["generateName"] = old["generateName"]


def validate(metadata: Document, resource: Resource) -> list[FieldError]:
    """Everything wrong with the metadata of an object to be stored."""
    found: list[FieldError] = []
    check_name = names.rule(resource.name_rule)
    if "generateName" in metadata:
        base = metadata["generateName"]
        # Checked as the prefix that it is: a hyphen or dot at its end is not the end of the name.
        probe = base[:-1] + "a" if base[-1:] in ("-", ".") else base
        found += [errors.invalid("metadata.generateName", base, text) for text in check_name(probe)]
    name = metadata.get("name", "")
    if not name:
        found.append(errors.required("metadata.name", "name or generateName is required"))
    else:
        found += [errors.invalid("metadata.name", name, text) for text in check_name(name)]
    for kind, check_value in (("labels", _label_value_problems), ("annotations", None)):
        found += _validate_map(f"metadata.{kind}", metadata.get(kind), check_value)
    if annotations := metadata.get("annotations"):
        size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
        if size > _MAX_ANNOTATIONS:
            found.append(errors.too_long("metadata.annotations", _MAX_ANNOTATIONS))
    for finalizer in metadata.get("finalizers", ()):
        found += [errors.invalid("metadata.finalizers", finalizer, text) for text in names.qualified_name(finalizer)]
    if "ownerReferences" in metadata:
        found += _validate_owners(metadata["ownerReferences"])
    return found


_LONGEST_KEPT = 512


def _remembered(check: Callable[[str], Sequence[str]]) -> Callable[[str], Sequence[str]]:
    """Label and annotation keys and values come again and again: keep what was found, but not of texts that are far too long."""
    kept = lru_cache(maxsize=4096)(check)
    return lambda text: kept(text) if len(text) <= _LONGEST_KEPT else check(text)


_key_problems = _remembered(names.qualified_name)
_label_value_problems = _remembered(names.label_value)


def _validate_map(
    path: str, entries: Mapping[str, str] | None, check_value: Callable[[str], Sequence[str]] | None
) -> list[FieldError]:
    found: list[FieldError] = []
    for key, value in (entries or {}).items():
        # Annotation keys are compared without regard to case, label keys are not.
        checked = key.lower() if check_value is None else key
        found += [errors.invalid(path, key, text) for text in _key_problems(checked)]
        if check_value is not None:
            found += [errors.invalid(path, value, text) for text in check_value(value)]
    return found


def _validate_owners(owners: Sequence[Document]) -> list[FieldError]:
    found: list[FieldError] = []
    controller: Document | None = None
    for index, owner in enumerate(owners):
        path = f"metadata.ownerReferences[{index}]"
        group_version = owner.get("apiVersion", "")
        if not group_version:
            found.append(errors.invalid(f"{path}.apiVersion", group_version, "version must not be empty"))
        for name in ("kind", "name", "uid"):
            if not owner.get(name):
                value = owner.get(name, "")
                found.append(errors.invalid(f"{path}.{name}", value, "must not be empty"))
        if owner.get("controller"):
            if controller is not None:
                found.append(
                    errors.invalid(
                        "metadata.ownerReferences",
                        list(owners),
                        'Only one reference can have Controller set to true. Found "true" in references for '
                        f"{controller.get('kind')}/{controller.get('name')} and {owner.get('kind')}/{owner.get('name')}",
                    )
                )
            controller = owner
    return found


def validate_update(metadata: Document, old: Document) -> list[FieldError]:
    """What an update may not change: name, namespace, uid; and no new finalizers on an object that is going."""
    found = [
        errors.invalid(f"metadata.{name}", metadata.get(name, ""), "field is immutable")
        for name in ("name", "namespace", "uid")
        if metadata.get(name, "") != old.get(name, "")
    ]
    if "deletionTimestamp" in old:
        before = old.get("finalizers") or ()
        if added := [one for one in metadata.get("finalizers") or () if one not in before]:
            listed = ", ".join(errors.go_value(one) for one in added)
            found.append(
                errors.forbidden_field(
                    "metadata.finalizers",
                    "no new finalizers can be added if the object is being deleted, "
                    f"found new finalizers []string{{{listed}}}",
                )
            )
    return found


def finalizer_warnings(metadata: Document, old: Document | None) -> list[str]:
    """Warnings for newly added finalizers of custom resources without a domain (reference kubernetes-api.md 3.4)."""
    before = (old or {}).get("finalizers") or ()
    out = []
    for finalizer in metadata.get("finalizers", ()):
        if finalizer in before or "/" in finalizer or finalizer in ("orphan", "foregroundDeletion"):
            continue
        path = " including a path (/)" if "." in finalizer else ""
        out.append(
            f'metadata.finalizers: "{finalizer}": prefer a domain-qualified finalizer name{path} '
            "to avoid accidental conflicts with other finalizer writers"
        )
    return out
