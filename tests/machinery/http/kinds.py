"""Kinds to test the server with: a built-in one and a custom one, and what else a path can lead to."""

from __future__ import annotations

from solovirt.machinery.admission import Behaviour
from solovirt.machinery.resource import Column, Flavour, Resource, Scope, Subresource, Version

OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
VM_SCHEMA = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "cpu": {"type": "integer"},
                "vols": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
                "free": OPEN,
            },
        },
        "status": {
            "type": "object",
            "properties": {"phase": {"type": "string"}, "conditions": {"type": "array", "items": OPEN}},
        },
    },
}

NAMESPACE = Resource(
    group="",
    kind="Namespace",
    plural="namespaces",
    singular="namespace",
    scope=Scope.CLUSTER,
    versions=(Version("v1", schema=OPEN),),
    behaviour=Behaviour(),
    short_names=("ns",),
    flavour=Flavour.BUILT_IN,
    verbs=("create", "delete", "get", "list", "patch", "update", "watch"),
    status_subresource=True,
    subresources=(Subresource("finalize", ("update",), "Namespace"),),
    has_generation=False,
    unconditional_update=True,
    returns_deleted=True,
)
CONFIG_MAP = Resource(
    group="",
    kind="ConfigMap",
    plural="configmaps",
    singular="configmap",
    scope=Scope.NAMESPACED,
    versions=(
        Version(
            "v1",
            schema={
                "type": "object",
                "properties": {"data": {"type": "object", "additionalProperties": {"type": "string"}}},
            },
            columns=(
                Column("Name", json_path=".metadata.name", format="name"),
                Column("Data", "integer", cell=lambda document, _: len(document.get("data") or {})),
            ),
        ),
    ),
    behaviour=Behaviour(),
    short_names=("cm",),
    flavour=Flavour.BUILT_IN,
    has_generation=False,
    unconditional_update=True,
)
VM = Resource(
    group="example.com",
    kind="VM",
    plural="vms",
    singular="vm",
    scope=Scope.NAMESPACED,
    versions=(
        Version(
            "v1",
            schema=VM_SCHEMA,
            columns=(
                Column("Age", "date", json_path=".metadata.creationTimestamp"),
                Column("Phase", json_path=".status.phase"),
                Column("Ready", json_path=".status.conditions[?(@.type=='Ready')].status"),
                Column("CPU", "integer", json_path=".spec.cpu", priority=1),
            ),
        ),
        Version("v1beta1", schema=VM_SCHEMA, storage=False),
    ),
    behaviour=Behaviour(),
    categories=("all",),
    status_subresource=True,
    subresources=(
        Subresource("start", ("update",), "VM"),
        Subresource("portforward", ("get",), "VM"),
        Subresource("vnc/screenshot", ("get",), "VM"),
    ),
)
REVIEW = Resource(
    group="authentication.k8s.io",
    kind="SelfSubjectReview",
    plural="selfsubjectreviews",
    singular="selfsubjectreview",
    scope=Scope.CLUSTER,
    versions=(Version("v1", schema=OPEN),),
    behaviour=Behaviour(),
    flavour=Flavour.BUILT_IN,
    verbs=("create",),
    virtual=True,
)
ALL = (NAMESPACE, CONFIG_MAP, VM, REVIEW)
