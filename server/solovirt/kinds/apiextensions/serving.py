"""From a CustomResourceDefinition to the `Resource` that is served, and from a `Resource` to the definition that shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from solovirt.machinery.admission import Admission, Behaviour
from solovirt.machinery.conversion import Conversion, Forms
from solovirt.machinery.errors import FieldError, Forbidden
from solovirt.machinery.resource import (
    Column,
    Document,
    Flavour,
    Resource,
    ScalePaths,
    Scope,
    Subresource,
    Version,
)
from solovirt.machinery.schema import validation
from solovirt.machinery.schema.structural import structural
from solovirt.machinery.versions import priority

_PUBLISHED_AS_DOCUMENTATION = ("description", "example", "externalDocs", "title")


class CustomBehaviour(Behaviour):
    """The life cycle of a user's kind. *terminating*: its definition is being deleted, and nothing new may come."""

    def __init__(self, name_schemas: Mapping[str, Mapping[str, Any]], *, terminating: bool) -> None:
        self._names = name_schemas
        self._terminating = terminating

    def mutate(self, obj: Document, old: Document | None, admission: Admission) -> None:
        if old is None and self._terminating:
            raise Forbidden.of(
                admission.resource.group_resource,
                admission.key.name,
                "create not allowed while custom resource definition is terminating",
            )

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        schema = self._names.get(admission.version)
        if not schema:
            return ()
        # A schema may say what names are to be like; nothing else of metadata is its business.
        found = validation.validate({"name": obj["metadata"]["name"]}, schema, None, built_in=False)
        return [FieldError(one.type, f"metadata.{one.field}", one.value, one.detail) for one in found]


def resource_of(
    definition: Document, *, terminating: bool = False, conversion: Conversion | None = None, forms: Forms | None = None
) -> Resource:
    """What is to be served for an accepted definition. Each version has subresources and selectable fields of its own."""
    spec = definition["spec"]
    # A name that was asked for later, and that somebody else has, is not in use.
    accepted = (definition.get("status") or {}).get("acceptedNames") or {}
    accepted = accepted if accepted.get("plural") and accepted.get("kind") else spec["names"]
    versions = sorted(spec["versions"], key=lambda one: priority(one["name"]))
    # The index is one for all versions, so it has the selectable fields of all.
    selectable = {path: path for version in versions for path in _selectable(version)}
    storage = next(one for one in versions if one["storage"])
    whole = Resource(
        group=spec["group"],
        kind=accepted["kind"],
        plural=accepted["plural"],
        singular=accepted.get("singular") or accepted["kind"].lower(),
        scope=Scope(spec["scope"]),
        versions=tuple(_version(one) for one in versions),
        behaviour=CustomBehaviour(_name_schemas(versions), terminating=terminating),
        short_names=tuple(accepted.get("shortNames") or ()),
        categories=tuple(accepted.get("categories") or ()),
        list_kind=accepted.get("listKind") or "",
        flavour=Flavour.CUSTOM,
        selectable_fields=selectable,
        conversion=conversion,
        forms=forms,
        **_subresources(storage),
    )
    others = {version["name"]: version for version in versions if version is not storage}
    hidden = {name: frozenset(selectable) - set(_selectable(version)) for name, version in others.items()}
    variants = {
        name: replace(whole, hidden_fields=hidden[name], **_subresources(version)) for name, version in others.items()
    }
    return replace(whole, hidden_fields=frozenset(selectable) - set(_selectable(storage)), versioned=variants)


def _selectable(version: Document) -> list[str]:
    return [one["jsonPath"].removeprefix(".") for one in version.get("selectableFields") or ()]


def _subresources(version: Document) -> dict[str, Any]:
    declared = version.get("subresources") or {}
    scale = declared.get("scale")
    return {
        "status_subresource": declared.get("status") is not None,
        "subresources": () if scale is None else (_scale(scale),),
    }


def _version(declared: Document) -> Version:
    columns = tuple(
        Column(
            one["name"],
            one["type"],
            json_path=one["jsonPath"],
            format=one.get("format", ""),
            description=one.get("description", ""),
            priority=one.get("priority", 0),
        )
        for one in declared.get("additionalPrinterColumns") or ()
    )
    return Version(
        declared["name"],
        schema=(declared.get("schema") or {}).get("openAPIV3Schema") or {"type": "object"},
        columns=columns,
        served=bool(declared.get("served")),
        storage=bool(declared.get("storage")),
        deprecated=bool(declared.get("deprecated")),
        deprecation_warning=declared.get("deprecationWarning"),
    )


def _scale(declared: Document) -> Subresource:
    paths = ScalePaths(
        declared["specReplicasPath"], declared["statusReplicasPath"], declared.get("labelSelectorPath") or ""
    )
    return Subresource(
        "scale", verbs=("get", "patch", "update"), kind="Scale", group="autoscaling", version="v1", paths=paths
    )


def _name_schemas(versions: Sequence[Document]) -> dict[str, Mapping[str, Any]]:
    out: dict[str, Mapping[str, Any]] = {}
    for version in versions:
        schema = (version.get("schema") or {}).get("openAPIV3Schema") or {}
        metadata = (schema.get("properties") or {}).get("metadata") or {}
        if (name := (metadata.get("properties") or {}).get("name")) is not None:
            out[version["name"]] = {"type": "object", "properties": {"name": name}}
    return out


def definition_of(resource: Resource) -> Document:
    """The definition by which KubeVirt or CDI would bring *resource*, with its schemas (whose models are imported for it)."""
    names: Document = {
        "plural": resource.plural,
        "singular": resource.singular,
        "kind": resource.kind,
        "listKind": resource.list_kind_name,
    }
    if resource.short_names:
        names["shortNames"] = list(resource.short_names)
    if resource.categories:
        names["categories"] = list(resource.categories)
    return {
        "metadata": {"name": f"{resource.plural}.{resource.group}"},
        "spec": {
            "conversion": {"strategy": "None"},
            "group": resource.group,
            "names": names,
            "scope": resource.scope.value,
            "versions": [_declared(resource, version) for version in resource.versions],
        },
    }


def _declared(resource: Resource, version: Version) -> Document:
    model = version.model
    schema: Document = dict(version.schema or {}) if model is None else _plain(structural(model.load()))
    if "metadata" in schema.get("properties", {}):
        # It is every object's, and a definition has no say in it.
        schema["properties"]["metadata"] = {"type": "object"}
    out: Document = {
        "name": version.name,
        "served": version.served,
        "storage": version.storage,
        "schema": {"openAPIV3Schema": schema},
    }
    if version.deprecated:
        out["deprecated"] = True
    if version.deprecation_warning:
        out["deprecationWarning"] = version.deprecation_warning
    columns = [
        _column(one) for one in version.columns if one.json_path is not None and one.json_path != ".metadata.name"
    ]
    if columns:
        out["additionalPrinterColumns"] = columns
    subresources: Document = {"status": {}} if resource.status_subresource else {}
    for one in resource.subresources:
        if one.paths is not None:
            subresources["scale"] = {
                "specReplicasPath": one.paths.spec_replicas,
                "statusReplicasPath": one.paths.status_replicas,
                "labelSelectorPath": one.paths.label_selector,
            }
    if subresources:
        out["subresources"] = subresources
    if resource.selectable_fields:
        out["selectableFields"] = [{"jsonPath": f".{path}"} for path in resource.selectable_fields.values()]
    return out


def _column(column: Column) -> Document:
    out: Document = {"name": column.name, "type": column.type, "jsonPath": column.json_path}
    for key, value in (("format", column.format), ("description", column.description), ("priority", column.priority)):
        if value:
            out[key] = value
    return out


def _plain(schema: Any) -> Any:
    """A schema as it is shown in a definition: without its prose, which would make up most of it."""
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    out = {}
    for key, value in schema.items():
        if key == "properties":
            out[key] = {name: _plain(child) for name, child in value.items()}
        elif key not in _PUBLISHED_AS_DOCUMENTATION:
            out[key] = _plain(value) if key in ("items", "additionalProperties") else value
    return out
