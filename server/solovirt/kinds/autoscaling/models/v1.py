"""HorizontalPodAutoscaler as autoscaling/v1 has it: one target, that of the processors; all else is in annotations."""

from pydantic import Field

from solovirt.machinery.schema.markers import ApiModel, CoreTime, Int32, Int64
from solovirt.machinery.schema.meta import ObjectMeta


class CrossVersionObjectReference(ApiModel):
    schema_name = "io.k8s.api.autoscaling.v1.CrossVersionObjectReference"

    api_version: str | None = None
    kind: str
    name: str


class HorizontalPodAutoscalerSpec(ApiModel):
    schema_name = "io.k8s.api.autoscaling.v1.HorizontalPodAutoscalerSpec"

    max_replicas: Int32
    scale_target_ref: CrossVersionObjectReference
    min_replicas: Int32 | None = None
    target_cpu_utilization_percentage: Int32 | None = Field(None, alias="targetCPUUtilizationPercentage")


class HorizontalPodAutoscalerStatus(ApiModel):
    schema_name = "io.k8s.api.autoscaling.v1.HorizontalPodAutoscalerStatus"

    current_replicas: Int32
    desired_replicas: Int32
    current_cpu_utilization_percentage: Int32 | None = Field(None, alias="currentCPUUtilizationPercentage")
    last_scale_time: CoreTime | None = None
    observed_generation: Int64 | None = None


class HorizontalPodAutoscaler(ApiModel):
    """How many pods there are to be, by the load of their processors."""

    schema_name = "io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: HorizontalPodAutoscalerSpec
    status: HorizontalPodAutoscalerStatus | None = None
