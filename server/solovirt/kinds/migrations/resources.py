"""What the migrations.kubevirt.io group serves."""

from __future__ import annotations

from solovirt.machinery.admission import Behaviour
from solovirt.machinery.resource import ModelRef, Resource, Scope, Version

GROUP = "migrations.kubevirt.io"


RESOURCES: tuple[Resource, ...] = (
    Resource(
        group=GROUP,
        kind="MigrationPolicy",
        plural="migrationpolicies",
        singular="migrationpolicy",
        scope=Scope.CLUSTER,
        versions=(Version("v1alpha1", ModelRef("solovirt.kinds.migrations.models.policies:MigrationPolicy")),),
        behaviour=Behaviour(),
        status_subresource=True,
    ),
)
