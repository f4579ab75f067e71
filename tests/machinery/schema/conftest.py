"""Schemas that the tests share: the custom resource of reference kubernetes-api.md section 4.1, and a few built-in types."""

from typing import Any

import pytest

from solovirt.machinery.resource import Flavour
from solovirt.machinery.schema.compiled import ObjectSchema

VM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["cpu"],
            "properties": {
                "cpu": {"type": "integer", "minimum": 1, "maximum": 8},
                "name": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5},
                "mode": {"type": "string", "enum": ["a", "b"]},
                "when": {"type": "string", "format": "date-time"},
                "mem": {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True},
                "vols": {
                    "type": "array",
                    "maxItems": 3,
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {"name": {"type": "string"}, "size": {"type": "integer", "format": "int32"}},
                    },
                },
                "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "policy": {"type": "string", "default": "Always"},
                "cleared": {"type": "string", "nullable": True},
                "raw": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "half": {
                    "type": "object",
                    "x-kubernetes-preserve-unknown-fields": True,
                    "properties": {"known": {"type": "object", "properties": {"a": {"type": "string"}}}},
                },
                "choice": {
                    "type": "object",
                    "properties": {"left": {"type": "string"}, "right": {"type": "string"}},
                    "oneOf": [{"required": ["left"]}, {"required": ["right"]}],
                },
                "ratio": {"type": "number", "multipleOf": 0.5},
                "child": {
                    "type": "object",
                    "x-kubernetes-embedded-resource": True,
                    "x-kubernetes-preserve-unknown-fields": True,
                },
            },
        },
        "status": {"type": "object", "properties": {"phase": {"type": "string"}}},
    },
}


@pytest.fixture
def vm() -> ObjectSchema:
    return ObjectSchema(VM, kind="VM", flavour=Flavour.CUSTOM)


def a_vm(**spec):
    """A valid and complete VM with these fields in its spec; None leaves a field out."""
    fields = {"cpu": 2, "policy": "Always", **spec}
    return {
        "apiVersion": "example.com/v1",
        "kind": "VM",
        "metadata": {"name": "x"},
        "spec": {key: value for key, value in fields.items() if value is not LEFT_OUT},
    }


LEFT_OUT = object()


@pytest.fixture
def make():
    return a_vm


@pytest.fixture
def left_out():
    return LEFT_OUT
