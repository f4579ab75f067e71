"""The kind that the reference's examples are about: VM of example.com/v1, brought by a CustomResourceDefinition."""

from __future__ import annotations

from typing import Any

GROUP = "example.com"
API_VERSION = "example.com/v1"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

_VOLUME = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string"}, "size": {"type": "string"}},
}
SPEC: dict[str, Any] = {
    "type": "object",
    "required": ["cpu"],
    "properties": {
        "cpu": {"type": "integer", "minimum": 1, "maximum": 8},
        "name": {"type": "string", "maxLength": 5, "pattern": "^[a-z]+$"},
        "mode": {"type": "string", "enum": ["a", "b"]},
        "when": {"type": "string", "format": "date-time"},
        "replicas": {"type": "integer"},
        "vols": {
            "type": "array",
            "maxItems": 3,
            "items": _VOLUME,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
        "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
        "cmds": {"type": "array", "items": {"type": "string"}},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "atomic": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "x-kubernetes-map-type": "atomic",
        },
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "oneof": {
            "type": "object",
            "properties": {"x": {"type": "string"}, "y": {"type": "string"}},
            "oneOf": [{"required": ["x"]}, {"required": ["y"]}],
        },
        "mem": {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]},
        "size": {"type": "string", "default": "small"},
        "maybe": {"type": "string", "nullable": True},
        "odd": {"type": "string", "nullable": False, "default": "dull"},
    },
    "x-kubernetes-validations": [{"rule": "self.cpu != 7", "message": "no sevens"}],
}

DEFINITION: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "vms.example.com"},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"plural": "vms", "kind": "VM", "shortNames": ["exvm"], "categories": ["all", "machines"]},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": SPEC,
                            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                        },
                    }
                },
                "subresources": {
                    "status": {},
                    "scale": {
                        "specReplicasPath": ".spec.replicas",
                        "statusReplicasPath": ".status.replicas",
                        "labelSelectorPath": ".status.selector",
                    },
                },
                "selectableFields": [{"jsonPath": ".spec.mode"}],
                "additionalPrinterColumns": [
                    {"name": "Cpu", "type": "integer", "jsonPath": ".spec.cpu"},
                    {"name": "Mode", "type": "string", "jsonPath": ".spec.mode", "priority": 1},
                    {"name": "Vols", "type": "string", "jsonPath": ".spec.vols"},
                    {"name": "Ready", "type": "boolean", "jsonPath": ".status.ready"},
                    {"name": "Since", "type": "date", "jsonPath": ".status.since"},
                    {
                        "name": "Cond",
                        "type": "string",
                        "jsonPath": ".status.conditions[?(@.type=='Ready')].status",
                        "description": "Is it?",
                    },
                ],
            }
        ],
    },
}


def vm(name: str, /, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": "VM", "metadata": {"name": name}, "spec": {"cpu": 1, **spec}}
