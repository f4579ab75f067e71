"""Secrets and ConfigMaps: named pieces of data, and when they may no longer change (reference kubernetes-api.md 7)."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from solovirt.machinery.admission import Admission, Behaviour
from solovirt.machinery.errors import (
    FieldError,
    forbidden_field,
    invalid,
    required,
    too_long,
)
from solovirt.machinery.resource import Document

MAX_BYTES = 1 << 20

_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_KEY_TEXT = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' "
    "(e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_MAX_KEY = 253
_FROZEN = "field is immutable when `immutable` is set"
_REDACTED = "<secret contents redacted>"

# The keys that a Secret of a type must have.
_REQUIRED_KEYS = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
}
_JSON_KEYS = {"kubernetes.io/dockercfg": ".dockercfg", "kubernetes.io/dockerconfigjson": ".dockerconfigjson"}
_SERVICE_ACCOUNT_NAME = "kubernetes.io/service-account.name"


class SecretBehaviour(Behaviour):
    """`stringData` is written into `data` and never kept; the type is fixed at creation."""

    def mutate(self, obj: Document, old: Document | None, admission: Admission) -> None:
        texts = obj.pop("stringData", None)
        if texts:
            encoded = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
            obj["data"] = {**(obj.get("data") or {}), **encoded}
        obj["type"] = obj.get("type") or "Opaque"

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        return _secret_errors(obj)

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        errors = []
        if obj["type"] != old.get("type"):
            errors.append(invalid("type", obj["type"], "field is immutable"))
        errors += _frozen_errors(obj, old, "data")
        return [*errors, *_secret_errors(obj)]


class ConfigMapBehaviour(Behaviour):
    """Text in `data`, bytes in `binaryData`, no key in both."""

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        return _config_map_errors(obj)

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        return [*_frozen_errors(obj, old, "data", "binaryData"), *_config_map_errors(obj)]


def _frozen_errors(obj: Document, old: Document, *fields: str) -> list[FieldError]:
    if not old.get("immutable"):
        return []
    errors = [] if obj.get("immutable") else [forbidden_field("immutable", _FROZEN)]
    return errors + [
        forbidden_field(field, _FROZEN) for field in fields if (obj.get(field) or {}) != (old.get(field) or {})
    ]


def _key_errors(field: str, data: Mapping[str, Any]) -> list[FieldError]:
    errors = []
    for key in data:
        path = f"{field}[{key}]"
        if len(key) > _MAX_KEY:
            errors.append(invalid(path, key, f"must be no more than {_MAX_KEY} characters"))
        if not _KEY.fullmatch(key):
            errors.append(invalid(path, key, _KEY_TEXT))
        if key == ".":
            errors.append(invalid(path, key, "must not be '.'"))
        elif key == "..":
            errors.append(invalid(path, key, "must not be '..'"))
        elif key.startswith(".."):
            errors.append(invalid(path, key, "must not start with '..'"))
    return errors


def _decoded_size(text: str) -> int:
    return len(text) * 3 // 4 - text[-2:].count("=")


def _secret_errors(obj: Document) -> list[FieldError]:
    data: Mapping[str, str] = obj.get("data") or {}
    errors = _key_errors("data", data)
    if sum(map(_decoded_size, data.values())) > MAX_BYTES:
        errors.append(too_long("data", MAX_BYTES))
    secret_type = obj["type"]
    errors += [required(f"data[{key}]") for key in _REQUIRED_KEYS.get(secret_type, ()) if key not in data]
    if secret_type == "kubernetes.io/service-account-token" and not (  # noqa: S105 - a type, no password
        (obj["metadata"].get("annotations") or {}).get(_SERVICE_ACCOUNT_NAME)
    ):
        errors.append(required(f"metadata.annotations[{_SERVICE_ACCOUNT_NAME}]"))
    if secret_type == "kubernetes.io/basic-auth" and not ("username" in data or "password" in data):  # noqa: S105 - a type
        errors += [required("data[username]"), required("data[password]")]
    key = _JSON_KEYS.get(secret_type)
    if key is not None and key in data and (why := _json_error(data[key])) is not None:
        errors.append(invalid(f"data[{key}]", _REDACTED, why))
    return errors


def _json_error(encoded: str) -> str | None:
    try:
        json.loads(base64.b64decode(encoded))
    except ValueError as error:
        return str(error)
    return None


def _config_map_errors(obj: Document) -> list[FieldError]:
    data: Mapping[str, str] = obj.get("data") or {}
    binary: Mapping[str, str] = obj.get("binaryData") or {}
    errors = _key_errors("data", data)
    errors += [invalid(f"data[{key}]", key, "duplicate of key present in binaryData") for key in data if key in binary]
    errors += _key_errors("binaryData", binary)
    size = sum(len(text.encode()) for text in data.values()) + sum(map(_decoded_size, binary.values()))
    if size > MAX_BYTES:
        # The whole object is meant; an empty path is printed so.
        errors.append(too_long("[]", MAX_BYTES))
    return errors
