"""HorizontalPodAutoscaler, version v2."""

from typing import Annotated

from solovirt.machinery.schema.markers import (
    ApiModel,
    CoreQuantity,
    CoreTime,
    Int32,
    Int64,
    ListAtomic,
    ListMap,
    PatchStrategy,
)
from solovirt.machinery.schema.meta import LabelSelector, ObjectMeta


class MetricTarget(ApiModel):
    schema_name = "io.k8s.api.autoscaling.v2.MetricTarget"

    type: str
    average_utilization: Int32 | None = None
    average_value: CoreQuantity | None = None
    value: CoreQuantity | None = None


class ContainerResourceMetricSource(ApiModel):
    schema_name = "io.k8s.api.autoscaling.v2.ContainerResourceMetricSource"

    container: str
    name: str
    target: MetricTarget


class MetricValueStatus(ApiModel):
    schema_name = "io.k8s.api.autoscaling.v2.MetricValueStatus"

    average_utilization: Int32 | None = None
    average_value: CoreQuantity | None = None
    value: CoreQuantity | None = None


class ContainerResourceMetricStatus(ApiModel):
    schema_name = "io.k8s.api.autoscaling.v2.ContainerResourceMetricStatus"

    container: str
    current: MetricValueStatus
    name: str


class CrossVersionObjectReference(ApiModel):
    schema_name = "io.k8s.api.autoscaling.v2.CrossVersionObjectReference"

    api_version: str | None = None
    kind: str
    name: str


class MetricIdentifier(ApiModel):
    schema_name = "io.k8s.api.autoscaling.v2.MetricIdentifier"

    name: str
    selector: LabelSelector | None = None


class ExternalMetricSource(ApiModel):
    schema_name = "io.k8s.api.autoscaling.v2.ExternalMetricSource"

    metric: MetricIdentifier
    target: MetricTarget


class ExternalMetricStatus(ApiModel):
    schema_name = "io.k8s.api.autoscaling.v2.ExternalMetricStatus"

    current: MetricValueStatus
    metric: MetricIdentifier


class HPAScalingPolicy(ApiModel):
    schema_name = "io.k8s.api.autoscaling.v2.HPAScalingPolicy"

    period_seconds: Int32
    type: str
    value: Int32


class HPAScalingRules(ApiModel):
    schema_name = "io.k8s.api.autoscaling.v2.HPAScalingRules"

    policies: Annotated[list[HPAScalingPolicy] | None, ListAtomic()] = None
    select_policy: str | None = None
    stabilization_window_seconds: Int32 | None = None
    tolerance: CoreQuantity | None = None


class HorizontalPodAutoscalerBehavior(ApiModel):
    schema_name = "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerBehavior"

    scale_down: HPAScalingRules | None = None
    scale_up: HPAScalingRules | None = None


class ObjectMetricSource(ApiModel):
    schema_name = "io.k8s.api.autoscaling.v2.ObjectMetricSource"

    described_object: CrossVersionObjectReference
    metric: MetricIdentifier
    target: MetricTarget


class PodsMetricSource(ApiModel):
    schema_name = "io.k8s.api.autoscaling.v2.PodsMetricSource"

    metric: MetricIdentifier
    target: MetricTarget


class ResourceMetricSource(ApiModel):
    schema_name = "io.k8s.api.autoscaling.v2.ResourceMetricSource"

    name: str
    target: MetricTarget


class MetricSpec(ApiModel):
    schema_name = "io.k8s.api.autoscaling.v2.MetricSpec"

    type: str
    container_resource: ContainerResourceMetricSource | None = None
    external: ExternalMetricSource | None = None
    object: ObjectMetricSource | None = None
    pods: PodsMetricSource | None = None
    resource: ResourceMetricSource | None = None


class HorizontalPodAutoscalerSpec(ApiModel):
    schema_name = "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerSpec"

    max_replicas: Int32
    scale_target_ref: CrossVersionObjectReference
    behavior: HorizontalPodAutoscalerBehavior | None = None
    metrics: Annotated[list[MetricSpec] | None, ListAtomic()] = None
    min_replicas: Int32 | None = None


class HorizontalPodAutoscalerCondition(ApiModel):
    schema_name = "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerCondition"

    status: str
    type: str
    last_transition_time: CoreTime | None = None
    message: str | None = None
    reason: str | None = None


class ObjectMetricStatus(ApiModel):
    schema_name = "io.k8s.api.autoscaling.v2.ObjectMetricStatus"

    current: MetricValueStatus
    described_object: CrossVersionObjectReference
    metric: MetricIdentifier


class PodsMetricStatus(ApiModel):
    schema_name = "io.k8s.api.autoscaling.v2.PodsMetricStatus"

    current: MetricValueStatus
    metric: MetricIdentifier


class ResourceMetricStatus(ApiModel):
    schema_name = "io.k8s.api.autoscaling.v2.ResourceMetricStatus"

    current: MetricValueStatus
    name: str


class MetricStatus(ApiModel):
    schema_name = "io.k8s.api.autoscaling.v2.MetricStatus"

    type: str
    container_resource: ContainerResourceMetricStatus | None = None
    external: ExternalMetricStatus | None = None
    object: ObjectMetricStatus | None = None
    pods: PodsMetricStatus | None = None
    resource: ResourceMetricStatus | None = None


class HorizontalPodAutoscalerStatus(ApiModel):
    schema_name = "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerStatus"

    desired_replicas: Int32
    conditions: Annotated[
        list[HorizontalPodAutoscalerCondition] | None, ListMap("type"), PatchStrategy("merge", "type")
    ] = None
    current_metrics: Annotated[list[MetricStatus] | None, ListAtomic()] = None
    current_replicas: Int32 | None = None
    last_scale_time: CoreTime | None = None
    observed_generation: Int64 | None = None


class HorizontalPodAutoscaler(ApiModel):
    """A number of pods that follows their load."""

    schema_name = "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: HorizontalPodAutoscalerSpec
    status: HorizontalPodAutoscalerStatus | None = None
