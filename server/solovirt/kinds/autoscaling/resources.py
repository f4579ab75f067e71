"""What the autoscaling group serves."""

from __future__ import annotations

from solovirt.kinds.autoscaling import columns
from solovirt.kinds.autoscaling.behaviour import HorizontalPodAutoscalerBehaviour
from solovirt.kinds.autoscaling.conversion import AutoscalerConversion
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
            Version(
                "v1",
                ModelRef("solovirt.kinds.autoscaling.models.v1:HorizontalPodAutoscaler"),
                columns=columns.HORIZONTAL_POD_AUTOSCALERS_V1,
                storage=False,
            ),
        ),
        behaviour=HorizontalPodAutoscalerBehaviour(),
        conversion=AutoscalerConversion(),
        short_names=("hpa",),
        categories=("all",),
        flavour=Flavour.BUILT_IN,
        status_subresource=True,
        has_generation=False,
        unconditional_update=True,
    ),
)
