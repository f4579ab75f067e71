"""What the policy group serves."""

from __future__ import annotations

from solovirt.kinds.policy import columns
from solovirt.machinery.admission import Behaviour
from solovirt.machinery.resource import Flavour, ModelRef, Resource, Scope, Version

GROUP = "policy"

RESOURCES: tuple[Resource, ...] = (
    Resource(
        group=GROUP,
        kind="PodDisruptionBudget",
        plural="poddisruptionbudgets",
        singular="poddisruptionbudget",
        scope=Scope.NAMESPACED,
        versions=(
            Version(
                "v1",
                ModelRef("solovirt.kinds.policy.models.budgets:PodDisruptionBudget"),
                columns=columns.POD_DISRUPTION_BUDGETS,
            ),
        ),
        behaviour=Behaviour(),
        short_names=("pdb",),
        flavour=Flavour.BUILT_IN,
        status_subresource=True,
    ),
)
