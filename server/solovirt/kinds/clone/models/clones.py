"""VirtualMachineClone."""

from typing import Annotated, Literal

from pydantic import Field

from solovirt.kinds.core.models.embedded.references import TypedLocalObjectReference
from solovirt.machinery.schema.markers import ApiModel, ListAtomic, Nullable, Time
from solovirt.machinery.schema.meta import ObjectMeta


class Condition(ApiModel):
    status: str
    type: str
    last_probe_time: Annotated[Time | None, Nullable()] = None
    last_transition_time: Annotated[Time | None, Nullable()] = None
    message: str | None = None
    reason: str | None = None


class VirtualMachineCloneTemplateFilters(ApiModel):
    annotation_filters: Annotated[list[str] | None, ListAtomic()] = None
    label_filters: Annotated[list[str] | None, ListAtomic()] = None


class VirtualMachineCloneSpec(ApiModel):
    source: TypedLocalObjectReference
    annotation_filters: Annotated[list[str] | None, ListAtomic()] = None
    label_filters: Annotated[list[str] | None, ListAtomic()] = None
    new_mac_addresses: dict[str, str] | None = None
    new_sm_bios_serial: str | None = Field(None, alias="newSMBiosSerial")
    patches: Annotated[list[str] | None, ListAtomic()] = None
    target: TypedLocalObjectReference | None = None
    template: VirtualMachineCloneTemplateFilters | None = None
    volume_name_policy: Literal["RandomizeNames", "PrefixTargetName"] | None = None


class VirtualMachineCloneStatus(ApiModel):
    conditions: Annotated[list[Condition] | None, ListAtomic()] = None
    creation_time: Annotated[Time | None, Nullable()] = None
    phase: str | None = None
    restore_name: Annotated[str | None, Nullable()] = None
    snapshot_name: Annotated[str | None, Nullable()] = None
    target_name: Annotated[str | None, Nullable()] = None


class VirtualMachineClone(ApiModel):
    """One copying of a machine."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: VirtualMachineCloneSpec = Field(description="What is wanted.")
    status: VirtualMachineCloneStatus | None = Field(None, description="What there is.")
