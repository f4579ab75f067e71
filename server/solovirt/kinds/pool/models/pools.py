"""VirtualMachinePool."""

from typing import Annotated, Literal

from pydantic import Field

from solovirt.kinds.core.models.embedded.scheduling import NodeSelectorRequirement
from solovirt.kinds.core.models.embedded.selectors import LabelSelector
from solovirt.kinds.kubevirt.models.vm import VirtualMachineSpec
from solovirt.machinery.schema.markers import ApiModel, Int32, IntOrString, ListAtomic, Nullable, RawObject, Time
from solovirt.machinery.schema.meta import ObjectMeta


class VirtualMachineOpportunisticUpdateStrategy(ApiModel):
    pass


class VirtualMachinePoolAutohealingStrategy(ApiModel):
    min_failing_to_start_duration: str | None = None
    start_up_failure_threshold: Annotated[Int32 | None, Field(ge=1)] = None


class VirtualMachinePoolNameGeneration(ApiModel):
    append_index_to_config_map_refs: bool | None = None
    append_index_to_secret_refs: bool | None = None


class VirtualMachinePoolOpportunisticScaleInStrategy(ApiModel):
    state_preservation: Literal["Disabled", "Offline", "Online"] | None = None


class VirtualMachinePoolSelectors(ApiModel):
    label_selector: LabelSelector | None = None
    node_selector_requirement_matcher: list[NodeSelectorRequirement] | None = None


class VirtualMachinePoolSelectionPolicy(ApiModel):
    selectors: VirtualMachinePoolSelectors | None = None
    sort_policy: Literal["AscendingOrder", "DescendingOrder", "Newest", "Oldest", "Random"] | None = None


class VirtualMachinePoolProactiveScaleInStrategy(ApiModel):
    selection_policy: VirtualMachinePoolSelectionPolicy | None = None
    state_preservation: Literal["Disabled", "Offline", "Online"] | None = None


class VirtualMachinePoolUnmanagedStrategy(ApiModel):
    pass


class VirtualMachinePoolScaleInStrategy(ApiModel):
    opportunistic: VirtualMachinePoolOpportunisticScaleInStrategy | None = None
    proactive: VirtualMachinePoolProactiveScaleInStrategy | None = None
    unmanaged: VirtualMachinePoolUnmanagedStrategy | None = None


class VirtualMachinePoolProactiveUpdateStrategy(ApiModel):
    selection_policy: VirtualMachinePoolSelectionPolicy | None = None


class VirtualMachinePoolUpdateStrategy(ApiModel):
    opportunistic: VirtualMachineOpportunisticUpdateStrategy | None = None
    proactive: VirtualMachinePoolProactiveUpdateStrategy | None = None
    unmanaged: VirtualMachinePoolUnmanagedStrategy | None = None


class VirtualMachineTemplateSpec(ApiModel):
    metadata: Annotated[RawObject | None, Nullable()] = None
    spec: VirtualMachineSpec | None = None


class VirtualMachinePoolSpec(ApiModel):
    selector: LabelSelector
    virtual_machine_template: VirtualMachineTemplateSpec
    autohealing: VirtualMachinePoolAutohealingStrategy | None = None
    max_unavailable: IntOrString | None = None
    name_generation: VirtualMachinePoolNameGeneration | None = None
    paused: bool | None = None
    replicas: Annotated[Int32 | None, Field(ge=0)] = None
    scale_in_strategy: VirtualMachinePoolScaleInStrategy | None = None
    update_strategy: VirtualMachinePoolUpdateStrategy | None = None


class VirtualMachinePoolCondition(ApiModel):
    status: str
    type: str
    last_probe_time: Annotated[Time | None, Nullable()] = None
    last_transition_time: Annotated[Time | None, Nullable()] = None
    message: str | None = None
    reason: str | None = None


class VirtualMachinePoolStatus(ApiModel):
    conditions: Annotated[list[VirtualMachinePoolCondition] | None, ListAtomic()] = None
    label_selector: str | None = None
    ready_replicas: Int32 | None = None
    replicas: Int32 | None = None


class VirtualMachinePool(ApiModel):
    """A number of like machines."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: VirtualMachinePoolSpec = Field(description="What is wanted.")
    status: VirtualMachinePoolStatus | None = Field(None, description="What there is.")
