"""PodDisruptionBudget."""

from typing import Annotated, Literal

from solovirt.machinery.schema.markers import ApiModel, CoreIntOrString, CoreTime, Int32, Int64, ListMap, PatchStrategy
from solovirt.machinery.schema.meta import Condition, LabelSelector, ObjectMeta


class PodDisruptionBudgetSpec(ApiModel):
    schema_name = "io.k8s.api.policy.v1.PodDisruptionBudgetSpec"

    max_unavailable: CoreIntOrString | None = None
    min_available: CoreIntOrString | None = None
    selector: LabelSelector | None = None
    unhealthy_pod_eviction_policy: Literal["AlwaysAllow", "IfHealthyBudget"] | None = None


class PodDisruptionBudgetStatus(ApiModel):
    schema_name = "io.k8s.api.policy.v1.PodDisruptionBudgetStatus"

    conditions: Annotated[list[Condition] | None, ListMap("type"), PatchStrategy("merge", "type")] = None
    current_healthy: Int32 | None = None
    desired_healthy: Int32 | None = None
    disrupted_pods: dict[str, CoreTime] | None = None
    disruptions_allowed: Int32 | None = None
    expected_pods: Int32 | None = None
    observed_generation: Int64 | None = None


class PodDisruptionBudget(ApiModel):
    """How many of a set of pods must stay when nodes are emptied."""

    schema_name = "io.k8s.api.policy.v1.PodDisruptionBudget"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: PodDisruptionBudgetSpec | None = None
    status: PodDisruptionBudgetStatus | None = None
