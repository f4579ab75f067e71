"""The kind that the tests of field ownership are about: the reference's VM of example.com/v1 (kubernetes-api.md 3.5)."""

from __future__ import annotations

from typing import Any

STRING = {"type": "string"}
SCHEMA = {
    "type": "object",
    "properties": {
        "apiVersion": STRING,
        "kind": STRING,
        "metadata": {"type": "object"},
        "spec": {
            "type": "object",
            "properties": {
                "cpu": {"type": "integer"},
                "mem": {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]},
                "on": {"type": "boolean"},
                "name": STRING,
                "vols": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {"name": STRING, "size": {"type": "integer"}, "path": STRING},
                    },
                },
                "ports": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["port", "protocol"],
                    "items": {
                        "type": "object",
                        "properties": {
                            "port": {"type": "integer"},
                            "protocol": {"type": "string", "default": "TCP"},
                            "name": STRING,
                        },
                    },
                },
                "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": STRING},
                "cmds": {"type": "array", "items": STRING},
                "selector": {"type": "object", "additionalProperties": STRING},
                "pools": {
                    "type": "object",
                    "additionalProperties": {"type": "object", "properties": {"size": {"type": "integer"}}},
                },
                "whole": {
                    "type": "object",
                    "x-kubernetes-map-type": "atomic",
                    "properties": {"a": STRING, "b": STRING},
                },
                "anything": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "closed": {"type": "object", "properties": {"x": STRING, "y": STRING}},
            },
        },
        "status": {"type": "object", "properties": {"phase": STRING, "ready": {"type": "boolean"}}},
    },
}


def machine(spec=None, *, labels=None, status=None, **metadata):
    out: dict[str, Any] = {"apiVersion": "example.com/v1", "kind": "VM", "metadata": {"name": "ssa", **metadata}}
    if labels is not None:
        out["metadata"]["labels"] = labels
    if spec is not None:
        out["spec"] = spec
    if status is not None:
        out["status"] = status
    return out


def field_tree(*paths):
    """The field set with these members, each a sequence of keys (`("f:spec", "f:cpu")`)."""
    root: dict[str, Any] = {}
    for path in paths:
        node = root
        for key in path:
            node = node.setdefault(key, {"#": False})
        node["#"] = True

    def finished(node, *, top=False):
        member = node.get("#", False)
        out = {key: finished(child) for key, child in node.items() if key != "#"}
        if member and out and not top:
            out["."] = {}
        return out

    return finished(root, top=True)


def entry(
    manager, fields, *, operation="Update", time="2026-01-01T00:00:00Z", version="example.com/v1", subresource=""
):
    out = {
        "manager": manager,
        "operation": operation,
        "apiVersion": version,
        "time": time,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    if subresource:
        out["subresource"] = subresource
    return out
