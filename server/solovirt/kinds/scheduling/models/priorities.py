"""PriorityClass."""

from typing import Literal

from solovirt.machinery.schema.markers import ApiModel, Int32
from solovirt.machinery.schema.meta import ObjectMeta


class PriorityClass(ApiModel):
    """How important pods are."""

    schema_name = "io.k8s.api.scheduling.v1.PriorityClass"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    description: str | None = None
    global_default: bool | None = None
    preemption_policy: Literal["Never", "PreemptLowerPriority"] | None = None
    value: Int32 | None = None
