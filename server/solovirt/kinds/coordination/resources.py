"""What the coordination.k8s.io group serves."""

from __future__ import annotations

from solovirt.kinds.coordination import columns
from solovirt.kinds.coordination.behaviour import LeaseBehaviour
from solovirt.machinery.resource import Flavour, ModelRef, Resource, Scope, Version

GROUP = "coordination.k8s.io"

RESOURCES: tuple[Resource, ...] = (
    Resource(
        group=GROUP,
        kind="Lease",
        plural="leases",
        singular="lease",
        scope=Scope.NAMESPACED,
        versions=(Version("v1", ModelRef("solovirt.kinds.coordination.models.leases:Lease"), columns=columns.LEASES),),
        behaviour=LeaseBehaviour(),
        flavour=Flavour.BUILT_IN,
        has_generation=False,
        create_on_update=True,
    ),
)
