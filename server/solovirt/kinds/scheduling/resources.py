"""What the scheduling.k8s.io group serves."""

from __future__ import annotations

from solovirt.kinds.scheduling import columns
from solovirt.kinds.scheduling.behaviour import PriorityClassBehaviour
from solovirt.machinery.resource import Flavour, ModelRef, Resource, Scope, Version

GROUP = "scheduling.k8s.io"

RESOURCES: tuple[Resource, ...] = (
    Resource(
        group=GROUP,
        kind="PriorityClass",
        plural="priorityclasses",
        singular="priorityclass",
        scope=Scope.CLUSTER,
        versions=(
            Version(
                "v1",
                ModelRef("solovirt.kinds.scheduling.models.priorities:PriorityClass"),
                columns=columns.PRIORITY_CLASSES,
            ),
        ),
        behaviour=PriorityClassBehaviour(),
        short_names=("pc",),
        flavour=Flavour.BUILT_IN,
        unconditional_update=True,
    ),
)
