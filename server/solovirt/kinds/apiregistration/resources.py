"""What the apiregistration.k8s.io group serves."""

from __future__ import annotations

from solovirt.kinds.apiregistration.columns import API_SERVICES
from solovirt.machinery.admission import Behaviour
from solovirt.machinery.resource import Flavour, GroupResource, ModelRef, Resource, Scope, Version

GROUP = "apiregistration.k8s.io"
SERVICES = GroupResource(GROUP, "apiservices")

RESOURCES: tuple[Resource, ...] = (
    Resource(
        group=GROUP,
        kind="APIService",
        plural="apiservices",
        singular="apiservice",
        scope=Scope.CLUSTER,
        versions=(
            Version(
                "v1",
                ModelRef("solovirt.kinds.apiregistration.models.services:APIService"),
                columns=API_SERVICES,
            ),
        ),
        behaviour=Behaviour(),
        categories=("api-extensions",),
        flavour=Flavour.BUILT_IN,
        has_generation=False,
        status_subresource=True,
        name_rule="path_segment",
    ),
)
