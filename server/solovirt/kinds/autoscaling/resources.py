"""What the autoscaling group serves."""

from __future__ import annotations

from solovirt.kinds.autoscaling import columns
from solovirt.machinery.admission import Behaviour
from solovirt.machinery.resource import Flavour, ModelRef, Resource, Scope, Version

GROUP = "autoscaling"

RESOURCES: tuple[Resource, ...] = (
    Resource(
        group=GROUP,
        kind="HorizontalPodAutoscaler",
        plural="horizontalpodautoscalers",
        singular="horizontalpodautoscaler",
        scope=Scope.NAMESPACED,
        versions=(
            Version(
                "v2",
                ModelRef("solovirt.kinds.autoscaling.models.v2:HorizontalPodAutoscaler"),
                columns=columns.HORIZONTAL_POD_AUTOSCALERS,
            ),
        ),
        behaviour=Behaviour(),
        short_names=("hpa",),
        categories=("all",),
        flavour=Flavour.BUILT_IN,
        status_subresource=True,
        has_generation=False,
        unconditional_update=True,
    ),
)
