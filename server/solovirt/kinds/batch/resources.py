"""What the batch group serves."""

from __future__ import annotations

from solovirt.kinds.batch import columns
from solovirt.machinery.admission import Behaviour
from solovirt.machinery.resource import Flavour, ModelRef, Resource, Scope, Version

GROUP = "batch"

RESOURCES: tuple[Resource, ...] = (
    Resource(
        group=GROUP,
        kind="CronJob",
        plural="cronjobs",
        singular="cronjob",
        scope=Scope.NAMESPACED,
        versions=(Version("v1", ModelRef("solovirt.kinds.batch.models.jobs:CronJob"), columns=columns.CRON_JOBS),),
        behaviour=Behaviour(),
        short_names=("cj",),
        categories=("all",),
        flavour=Flavour.BUILT_IN,
        status_subresource=True,
        unconditional_update=True,
    ),
    Resource(
        group=GROUP,
        kind="Job",
        plural="jobs",
        singular="job",
        scope=Scope.NAMESPACED,
        versions=(Version("v1", ModelRef("solovirt.kinds.batch.models.jobs:Job"), columns=columns.JOBS),),
        behaviour=Behaviour(),
        categories=("all",),
        flavour=Flavour.BUILT_IN,
        status_subresource=True,
        selectable_fields={
            "status.successful": "status.succeeded",
        },
        selectable_zeros={"status.successful": "0"},
        unconditional_update=True,
    ),
)
