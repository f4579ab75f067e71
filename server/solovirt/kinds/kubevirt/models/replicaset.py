"""VirtualMachineInstanceReplicaSet."""

from typing import Annotated

from pydantic import Field

from solovirt.kinds.core.models.embedded.selectors import LabelSelector
from solovirt.kinds.kubevirt.models.vmi_spec import VirtualMachineInstanceTemplateSpec
from solovirt.machinery.schema.markers import ApiModel, Int32, Nullable, Time
from solovirt.machinery.schema.meta import ObjectMeta


class VirtualMachineInstanceReplicaSetSpec(ApiModel):
    selector: LabelSelector
    template: VirtualMachineInstanceTemplateSpec
    paused: bool | None = None
    replicas: Int32 | None = None


class VirtualMachineInstanceReplicaSetCondition(ApiModel):
    status: str
    type: str
    last_probe_time: Annotated[Time | None, Nullable()] = None
    last_transition_time: Annotated[Time | None, Nullable()] = None
    message: str | None = None
    reason: str | None = None


class VirtualMachineInstanceReplicaSetStatus(ApiModel):
    conditions: list[VirtualMachineInstanceReplicaSetCondition] | None = None
    label_selector: str | None = None
    ready_replicas: Int32 | None = None
    replicas: Int32 | None = None


class VirtualMachineInstanceReplicaSet(ApiModel):
    """A number of like instances without a machine behind each."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: VirtualMachineInstanceReplicaSetSpec = Field(description="What is wanted.")
    status: Annotated[VirtualMachineInstanceReplicaSetStatus | None, Nullable()] = Field(
        None, description="What there is."
    )
