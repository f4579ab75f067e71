"""The models and declarations of built-in kinds say what Kubernetes 1.36 says of them, type by type and field by field."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import pytest

from solovirt.kinds import builtin
from solovirt.machinery.resource import COLLECTION_VERBS, Flavour, GroupResource, Resource
from solovirt.machinery.schema.structural import NamedSchema, structural
from tests.kinds.schema_facts import differences, facts

BUILT_IN = {resource.group_resource: resource for resource in builtin() if resource.flavour is Flavour.BUILT_IN}
DISCOVERY = {
    (GroupResource(row["group"], row["resource"]), row["version"]): row
    for row in facts("kubernetes-v1.36")["discovery"]
}
TYPES = facts("kubernetes-v1.36")["types"]
SCALARS = {name for name, one in TYPES.items() if "fields" not in one}
# What a subresource needs in order to be declared is somebody who handles it; these come with their handlers.
HANDLED_ELSEWHERE = {
    ("nodes", "proxy"),
    ("pods", "ephemeralcontainers"),
    ("pods", "proxy"),
    ("pods", "resize"),
    ("services", "proxy"),
}


# The facts say what is atomic of fields only. These types are atomic wherever they occur: `+structType=atomic` in k8s.io/api and
# k8s.io/apimachinery, and x-kubernetes-map-type on those of them that custom resources carry (crds.json).
ATOMIC_TYPES = {
    *(f"io.k8s.api.core.v1.{kind}" for kind in ("EndpointAddress", "EndpointPort", "NodeSelector", "NodeSelectorTerm")),
    *(f"io.k8s.api.core.v1.{kind}KeySelector" for kind in ("ConfigMap", "File", "Secret")),
    *(f"io.k8s.api.core.v1.{kind}Reference" for kind in ("LocalObject", "Object", "Secret", "TypedLocalObject")),
    *(f"io.k8s.api.core.v1.{kind}FieldSelector" for kind in ("Object", "Resource")),
    *("io.k8s.api.core.v1.ScopeSelector", "io.k8s.api.core.v1.TopologySelectorTerm"),
    *("io.k8s.api.discovery.v1.EndpointPort", "io.k8s.api.networking.v1.ServiceBackendPort"),
    *("io.k8s.api.rbac.v1.RoleRef", "io.k8s.api.rbac.v1.Subject"),
    *("io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector", "io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference"),
}

# Nor have the facts defaults. Of those that Kubernetes publishes, these complete the keys of list items: `+default="TCP"`.
DEFAULTS = {f"io.k8s.api.core.v1.{kind}": ("protocol", "TCP") for kind in ("ContainerPort", "ServicePort")}


def walk(schema: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[NamedSchema]:
    """Every named schema at and below *schema*; one that contains itself (JSONSchemaProps) is not entered twice."""
    if isinstance(schema, NamedSchema):
        if schema.name in above:
            return
        above = (*above, schema.name)
        yield schema
    for child in (schema.get("properties") or {}).values():
        yield from walk(child, above)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from walk(schema[key], above)


@functools.cache
def published() -> dict[str, NamedSchema]:
    """Every type that the served built-in kinds are made of."""
    found: dict[str, NamedSchema] = {}
    for resource in BUILT_IN.values():
        for version in resource.versions:
            assert version.model is not None
            schema = structural(version.model.load())
            assert isinstance(schema, NamedSchema)
            gvk = {"group": resource.group, "kind": resource.kind, "version": version.name}
            assert gvk in TYPES[schema.name]["gvk"]
            found.update((one.name, one) for one in walk(schema))
    return found


def as_fact(schema: dict[str, Any], *, top: bool = False) -> dict[str, Any]:
    """Our schema in the words of the facts: named types as references, and `required` on the field."""
    if isinstance(schema, NamedSchema) and not top:
        extra = {key: value for key, value in schema.items() if key.startswith("x-kubernetes-patch")}
        return {"ref": schema.name, **extra}
    apart = ("description", "properties", "required", "items", "additionalProperties")
    out = {key: value for key, value in schema.items() if key not in apart}
    if "properties" in schema:
        required = schema.get("required", [])
        out["fields"] = {
            name: {**as_fact(child), **({"required": True} if name in required else {})}
            for name, child in schema["properties"].items()
        }
    if "items" in schema:
        out["items"] = as_fact(schema["items"])
    if "additionalProperties" in schema:
        out["values"] = as_fact(schema["additionalProperties"])
    return out


def test_every_type_of_the_served_kinds_is_the_one_of_kubernetes():
    compared = 0
    for name, schema in sorted(published().items()):
        if name in SCALARS:
            continue
        theirs = {key: value for key, value in TYPES[name].items() if key != "gvk"}
        if name in ATOMIC_TYPES:
            theirs["x-kubernetes-map-type"] = "atomic"
        if name in DEFAULTS:
            field, value = DEFAULTS[name]
            theirs = {**theirs, "fields": {**theirs["fields"], field: {**theirs["fields"][field], "default": value}}}
        ours = as_fact(schema, top=True)
        assert differences(ours, theirs) == [], name
        compared += 1
    assert compared > 300


def test_every_kind_that_holds_objects_of_the_served_groups_is_there():
    """Left out: views of other objects, and what is not stored."""
    groups = {resource.group for resource in BUILT_IN}
    rows = {
        (key, version) for (key, version), row in DISCOVERY.items() if key.group in groups and "list" in row["verbs"]
    }
    ours = {
        (key, version.name)
        for key, resource in BUILT_IN.items()
        for version in resource.versions
        if not resource.virtual
    }
    assert rows == ours


@pytest.mark.parametrize("resource", BUILT_IN.values(), ids=lambda resource: str(resource.group_resource))
def test_a_kind_is_discovered_as_kubernetes_announces_it(resource: Resource):
    for version in resource.versions:
        row = DISCOVERY[resource.group_resource, version.name]
        assert resource.kind == row["kind"]
        assert resource.singular == row["singular"]
        assert resource.scope.value == row["scope"]
        assert list(resource.short_names) == row.get("shortNames", [])
        assert list(resource.categories) == row.get("categories", [])
        assert sorted(resource.verbs) == sorted(row["verbs"])
        assert set(resource.verbs) <= set(COLLECTION_VERBS)
        ours = {sub.name: sub for sub in resource.subresources}
        theirs = {sub["name"]: sub for sub in row.get("subresources", [])}
        assert resource.status_subresource == ("status" in theirs)
        assert {name for name in theirs if (resource.plural, name) not in HANDLED_ELSEWHERE} - {"status"} == set(ours)
        for name, sub in ours.items():
            assert sub.kind == theirs[name]["kind"]
            assert sorted(sub.verbs) == sorted(theirs[name]["verbs"])


def test_kinds_without_a_generation_are_those_of_the_reference():
    """Reference kubernetes-api.md 3.2."""
    plural = {key.plural: resource.has_generation for key, resource in BUILT_IN.items()}
    for name in ("deployments", "statefulsets", "jobs", "endpointslices", "priorityclasses", "poddisruptionbudgets"):
        assert plural[name], name
    for name in (
        *("configmaps", "secrets", "namespaces", "nodes", "services", "persistentvolumeclaims", "leases"),
        *("roles", "rolebindings", "clusterroles", "clusterrolebindings", "serviceaccounts"),
    ):
        assert not plural[name], name


def test_a_put_without_resource_version_is_taken_where_the_reference_says():
    """Reference kubernetes-api.md 3.3."""
    plural = {key.plural: resource.unconditional_update for key, resource in BUILT_IN.items()}
    assert not plural["leases"]
    assert not plural["poddisruptionbudgets"]
    for name in (
        *("configmaps", "secrets", "pods", "services", "namespaces", "persistentvolumeclaims", "nodes"),
        *("serviceaccounts", "storageclasses", "roles", "clusterrolebindings", "deployments"),
    ):
        assert plural[name], name
    assert not any(resource.unconditional_update for resource in builtin() if resource.flavour is Flavour.CUSTOM)


def test_a_put_creates_what_the_reference_lists():
    """Reference kubernetes-api.md 3.3, and limit ranges, whose strategy in Kubernetes allows it too."""
    assert {resource.plural for resource in builtin() if resource.create_on_update} == {
        *("leases", "events", "endpoints", "services", "limitranges"),
        *("roles", "rolebindings", "clusterroles", "clusterrolebindings"),
    }


def test_a_delete_returns_the_object_where_the_reference_says():
    """Reference kubernetes-api.md 2.1."""
    assert {resource.plural for resource in builtin() if resource.returns_deleted} == {
        *("pods", "services", "serviceaccounts", "persistentvolumes", "persistentvolumeclaims"),
        *("storageclasses", "resourcequotas", "podtemplates", "namespaces"),
    }


@pytest.mark.parametrize(
    ("plural", "fields"),
    [
        (
            "pods",
            (
                "spec.nodeName spec.restartPolicy spec.schedulerName spec.serviceAccountName spec.hostNetwork status.phase "
                "status.podIP status.podIPs status.nominatedNodeName"
            ),
        ),
        (
            "events",
            (
                "involvedObject.kind involvedObject.namespace involvedObject.name involvedObject.uid involvedObject.apiVersion "
                "involvedObject.resourceVersion involvedObject.fieldPath reason reportingComponent source type"
            ),
        ),
        ("secrets", "type"),
        ("namespaces", "status.phase"),
        ("nodes", "spec.unschedulable"),
        ("services", "spec.clusterIP spec.type"),
        ("replicasets", "status.replicas"),
        ("replicationcontrollers", "status.replicas"),
        ("jobs", "status.successful"),
        ("configmaps", ""),
    ],
)
def test_field_selectors_are_those_of_the_reference(plural, fields):
    """Reference kubernetes-api.md 2.4."""
    resource = next(one for key, one in BUILT_IN.items() if key.plural == plural)
    assert list(resource.selectable_fields) == fields.split()
