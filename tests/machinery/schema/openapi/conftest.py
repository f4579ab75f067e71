"""A registry with one built-in and one custom kind."""

from typing import Annotated

import pytest

from solovirt.machinery.admission import Behaviour
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Flavour, ModelRef, Resource, Scope, Subresource, Version
from solovirt.machinery.schema.compiled import SchemaSet
from solovirt.machinery.schema.markers import ApiModel, CoreIntOrString, CoreQuantity, CoreTime, ListMap, PatchStrategy
from solovirt.machinery.schema.meta import ObjectMeta
from solovirt.machinery.schema.openapi import OpenAPI
from tests.machinery.schema.conftest import VM


class Port(ApiModel):
    """A port."""

    schema_name = "io.k8s.api.core.v1.Port"

    number: int
    target: CoreIntOrString | None = None


class Widget(ApiModel):
    """A widget."""

    schema_name = "io.k8s.api.core.v1.Widget"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    size: CoreQuantity | None = None
    since: CoreTime | None = None
    ports: Annotated[list[Port] | None, ListMap("number"), PatchStrategy("merge", "number")] = None


WIDGETS = Resource(
    group="",
    kind="Widget",
    plural="widgets",
    singular="widget",
    scope=Scope.NAMESPACED,
    versions=(Version("v1", ModelRef(f"{__name__}:Widget")),),
    behaviour=Behaviour(),
    flavour=Flavour.BUILT_IN,
    status_subresource=True,
    subresources=(Subresource("exec", verbs=("create", "get"), kind="WidgetExecOptions"),),
)
VMS = Resource(
    group="example.com",
    kind="VM",
    plural="vms",
    singular="vm",
    scope=Scope.NAMESPACED,
    versions=(Version("v1", schema=VM),),
    behaviour=Behaviour(),
    subresources=(
        Subresource("scale", verbs=("get", "patch", "update"), kind="Scale", group="autoscaling", version="v1"),
    ),
)


@pytest.fixture
def registry() -> Registry:
    out = Registry()
    out.register(WIDGETS)
    out.register(VMS)
    return out


@pytest.fixture
def openapi(registry) -> OpenAPI:
    return OpenAPI(registry, SchemaSet(registry))
