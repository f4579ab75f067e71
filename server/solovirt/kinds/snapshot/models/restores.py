"""VirtualMachineRestore."""

from typing import Annotated, Literal

from pydantic import Field

from solovirt.kinds.core.models.embedded.references import TypedLocalObjectReference
from solovirt.kinds.snapshot.models.snapshots import Condition
from solovirt.machinery.schema.markers import ApiModel, Default, ListAtomic, ListSet, Time
from solovirt.machinery.schema.meta import ObjectMeta


class VolumeRestoreOverride(ApiModel):
    annotations: dict[str, str] | None = None
    labels: dict[str, str] | None = None
    restore_name: str | None = None
    volume_name: str | None = None


class VirtualMachineRestoreSpec(ApiModel):
    target: TypedLocalObjectReference
    virtual_machine_snapshot_name: str
    patches: Annotated[list[str] | None, ListAtomic()] = None
    target_readiness_policy: Annotated[
        Literal["StopTarget", "WaitGracePeriod", "FailImmediate", "WaitEventually"] | None, Default("WaitGracePeriod")
    ] = None
    volume_ownership_policy: str | None = None
    volume_restore_overrides: Annotated[list[VolumeRestoreOverride] | None, ListAtomic()] = None
    volume_restore_policy: str | None = None


class VolumeRestore(ApiModel):
    persistent_volume_claim: str
    volume_name: str
    volume_snapshot_name: str
    data_volume_name: str | None = None


class VirtualMachineRestoreStatus(ApiModel):
    complete: bool | None = None
    conditions: Annotated[list[Condition] | None, ListAtomic()] = None
    deleted_data_volumes: Annotated[list[str] | None, ListSet()] = None
    restore_time: Time | None = None
    restores: Annotated[list[VolumeRestore] | None, ListAtomic()] = None


class VirtualMachineRestore(ApiModel):
    """One bringing back of a machine to a snapshot."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: VirtualMachineRestoreSpec = Field(description="What is wanted.")
    status: VirtualMachineRestoreStatus | None = Field(None, description="What there is.")
