"""Where pods may run: affinity, tolerations, spreading."""

from typing import Annotated, Literal

from solovirt.machinery.schema.markers import ApiModel, CoreTime, Int32, Int64, ListAtomic
from solovirt.machinery.schema.meta import LabelSelector


class NodeSelectorRequirement(ApiModel):
    schema_name = "io.k8s.api.core.v1.NodeSelectorRequirement"

    key: str
    operator: Literal["DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn"]
    values: Annotated[list[str] | None, ListAtomic()] = None


class NodeSelectorTerm(ApiModel):
    schema_name = "io.k8s.api.core.v1.NodeSelectorTerm"
    atomic = True

    match_expressions: Annotated[list[NodeSelectorRequirement] | None, ListAtomic()] = None
    match_fields: Annotated[list[NodeSelectorRequirement] | None, ListAtomic()] = None


class NodeSelector(ApiModel):
    schema_name = "io.k8s.api.core.v1.NodeSelector"
    atomic = True

    node_selector_terms: Annotated[list[NodeSelectorTerm], ListAtomic()]


class PreferredSchedulingTerm(ApiModel):
    schema_name = "io.k8s.api.core.v1.PreferredSchedulingTerm"

    preference: NodeSelectorTerm
    weight: Int32


class NodeAffinity(ApiModel):
    schema_name = "io.k8s.api.core.v1.NodeAffinity"

    preferred_during_scheduling_ignored_during_execution: Annotated[
        list[PreferredSchedulingTerm] | None, ListAtomic()
    ] = None
    required_during_scheduling_ignored_during_execution: NodeSelector | None = None


class PodAffinityTerm(ApiModel):
    schema_name = "io.k8s.api.core.v1.PodAffinityTerm"

    topology_key: str
    label_selector: LabelSelector | None = None
    match_label_keys: Annotated[list[str] | None, ListAtomic()] = None
    mismatch_label_keys: Annotated[list[str] | None, ListAtomic()] = None
    namespace_selector: LabelSelector | None = None
    namespaces: Annotated[list[str] | None, ListAtomic()] = None


class WeightedPodAffinityTerm(ApiModel):
    schema_name = "io.k8s.api.core.v1.WeightedPodAffinityTerm"

    pod_affinity_term: PodAffinityTerm
    weight: Int32


class PodAffinity(ApiModel):
    schema_name = "io.k8s.api.core.v1.PodAffinity"

    preferred_during_scheduling_ignored_during_execution: Annotated[
        list[WeightedPodAffinityTerm] | None, ListAtomic()
    ] = None
    required_during_scheduling_ignored_during_execution: Annotated[list[PodAffinityTerm] | None, ListAtomic()] = None


class PodAntiAffinity(ApiModel):
    schema_name = "io.k8s.api.core.v1.PodAntiAffinity"

    preferred_during_scheduling_ignored_during_execution: Annotated[
        list[WeightedPodAffinityTerm] | None, ListAtomic()
    ] = None
    required_during_scheduling_ignored_during_execution: Annotated[list[PodAffinityTerm] | None, ListAtomic()] = None


class Affinity(ApiModel):
    schema_name = "io.k8s.api.core.v1.Affinity"

    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAntiAffinity | None = None


class Taint(ApiModel):
    schema_name = "io.k8s.api.core.v1.Taint"

    effect: Literal["NoExecute", "NoSchedule", "PreferNoSchedule"]
    key: str
    time_added: CoreTime | None = None
    value: str | None = None


class Toleration(ApiModel):
    schema_name = "io.k8s.api.core.v1.Toleration"

    effect: Literal["NoExecute", "NoSchedule", "PreferNoSchedule"] | None = None
    key: str | None = None
    operator: Literal["Equal", "Exists", "Gt", "Lt"] | None = None
    toleration_seconds: Int64 | None = None
    value: str | None = None


class TopologySelectorLabelRequirement(ApiModel):
    schema_name = "io.k8s.api.core.v1.TopologySelectorLabelRequirement"

    key: str
    values: Annotated[list[str], ListAtomic()]


class TopologySelectorTerm(ApiModel):
    schema_name = "io.k8s.api.core.v1.TopologySelectorTerm"
    atomic = True

    match_label_expressions: Annotated[list[TopologySelectorLabelRequirement] | None, ListAtomic()] = None


class TopologySpreadConstraint(ApiModel):
    schema_name = "io.k8s.api.core.v1.TopologySpreadConstraint"

    max_skew: Int32
    topology_key: str
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"]
    label_selector: LabelSelector | None = None
    match_label_keys: Annotated[list[str] | None, ListAtomic()] = None
    min_domains: Int32 | None = None
    node_affinity_policy: Literal["Honor", "Ignore"] | None = None
    node_taints_policy: Literal["Honor", "Ignore"] | None = None


class VolumeNodeAffinity(ApiModel):
    schema_name = "io.k8s.api.core.v1.VolumeNodeAffinity"

    required: NodeSelector | None = None
