"""What the discovery.k8s.io group serves."""

from __future__ import annotations

from solovirt.kinds.discovery import columns
from solovirt.machinery.admission import Behaviour
from solovirt.machinery.resource import Flavour, ModelRef, Resource, Scope, Version

GROUP = "discovery.k8s.io"

RESOURCES: tuple[Resource, ...] = (
    Resource(
        group=GROUP,
        kind="EndpointSlice",
        plural="endpointslices",
        singular="endpointslice",
        scope=Scope.NAMESPACED,
        versions=(
            Version(
                "v1", ModelRef("solovirt.kinds.discovery.models.slices:EndpointSlice"), columns=columns.ENDPOINT_SLICES
            ),
        ),
        behaviour=Behaviour(),
        flavour=Flavour.BUILT_IN,
        unconditional_update=True,
    ),
)
