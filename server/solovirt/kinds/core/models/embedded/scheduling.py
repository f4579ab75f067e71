"""Where things may run: affinity, tolerations, spreading."""

from typing import Annotated

from solovirt.kinds.core.models.embedded.selectors import LabelSelector
from solovirt.machinery.schema.markers import ApiModel, Int32, Int64, ListAtomic


class NodeSelectorRequirement(ApiModel):
    key: str
    operator: str
    values: Annotated[list[str] | None, ListAtomic()] = None


class NodeSelectorTerm(ApiModel):
    atomic = True

    match_expressions: Annotated[list[NodeSelectorRequirement] | None, ListAtomic()] = None
    match_fields: Annotated[list[NodeSelectorRequirement] | None, ListAtomic()] = None


class NodeSelector(ApiModel):
    atomic = True

    node_selector_terms: Annotated[list[NodeSelectorTerm], ListAtomic()]


class PreferredSchedulingTerm(ApiModel):
    preference: NodeSelectorTerm
    weight: Int32


class NodeAffinity(ApiModel):
    preferred_during_scheduling_ignored_during_execution: Annotated[
        list[PreferredSchedulingTerm] | None, ListAtomic()
    ] = None
    required_during_scheduling_ignored_during_execution: NodeSelector | None = None


class PodAffinityTerm(ApiModel):
    topology_key: str
    label_selector: LabelSelector | None = None
    match_label_keys: Annotated[list[str] | None, ListAtomic()] = None
    mismatch_label_keys: Annotated[list[str] | None, ListAtomic()] = None
    namespace_selector: LabelSelector | None = None
    namespaces: Annotated[list[str] | None, ListAtomic()] = None


class WeightedPodAffinityTerm(ApiModel):
    pod_affinity_term: PodAffinityTerm
    weight: Int32


class PodAffinity(ApiModel):
    preferred_during_scheduling_ignored_during_execution: Annotated[
        list[WeightedPodAffinityTerm] | None, ListAtomic()
    ] = None
    required_during_scheduling_ignored_during_execution: Annotated[list[PodAffinityTerm] | None, ListAtomic()] = None


class PodAntiAffinity(ApiModel):
    preferred_during_scheduling_ignored_during_execution: Annotated[
        list[WeightedPodAffinityTerm] | None, ListAtomic()
    ] = None
    required_during_scheduling_ignored_during_execution: Annotated[list[PodAffinityTerm] | None, ListAtomic()] = None


class Affinity(ApiModel):
    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAntiAffinity | None = None


class Toleration(ApiModel):
    effect: str | None = None
    key: str | None = None
    operator: str | None = None
    toleration_seconds: Int64 | None = None
    value: str | None = None


class TopologySpreadConstraint(ApiModel):
    max_skew: Int32
    topology_key: str
    when_unsatisfiable: str
    label_selector: LabelSelector | None = None
    match_label_keys: Annotated[list[str] | None, ListAtomic()] = None
    min_domains: Int32 | None = None
    node_affinity_policy: str | None = None
    node_taints_policy: str | None = None
