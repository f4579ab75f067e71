"""What the apiextensions.k8s.io group serves."""

from __future__ import annotations

from solovirt.kinds.apiextensions.behaviour import DefinitionBehaviour
from solovirt.kinds.apiextensions.names import GROUP
from solovirt.kinds.cells import CREATED_AT, NAME
from solovirt.machinery.resource import Flavour, ModelRef, Resource, Scope, Version

RESOURCES: tuple[Resource, ...] = (
    Resource(
        group=GROUP,
        kind="CustomResourceDefinition",
        plural="customresourcedefinitions",
        singular="customresourcedefinition",
        scope=Scope.CLUSTER,
        versions=(
            Version(
                "v1",
                ModelRef("solovirt.kinds.apiextensions.models.definitions:CustomResourceDefinition"),
                columns=(NAME, CREATED_AT),
            ),
        ),
        behaviour=DefinitionBehaviour(),
        short_names=("crd", "crds"),
        categories=("api-extensions",),
        flavour=Flavour.BUILT_IN,
        status_subresource=True,
    ),
)
