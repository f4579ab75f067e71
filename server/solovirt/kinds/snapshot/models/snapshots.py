"""VirtualMachineSnapshot and VirtualMachineSnapshotContent."""

from typing import Annotated

from pydantic import Field

from solovirt.kinds.core.models.embedded.claims import PersistentVolumeClaimSpec
from solovirt.kinds.core.models.embedded.references import TypedLocalObjectReference
from solovirt.kinds.kubevirt.models.vm import VirtualMachineSpec
from solovirt.kinds.kubevirt.models.vm_status import VirtualMachineStatus
from solovirt.machinery.schema.markers import ApiModel, ListAtomic, ListSet, Nullable, RawObject, Time
from solovirt.machinery.schema.meta import ObjectMeta


class Condition(ApiModel):
    status: str
    type: str
    last_probe_time: Annotated[Time | None, Nullable()] = None
    last_transition_time: Annotated[Time | None, Nullable()] = None
    message: str | None = None
    reason: str | None = None


class Error(ApiModel):
    message: str | None = None
    time: Time | None = None


class PersistentVolumeClaim(ApiModel):
    metadata: RawObject | None = None
    spec: PersistentVolumeClaimSpec | None = None


class SnapshotVolumesLists(ApiModel):
    excluded_volumes: Annotated[list[str] | None, ListSet()] = None
    included_volumes: Annotated[list[str] | None, ListSet()] = None


class SourceIndication(ApiModel):
    indication: str
    message: str


class VirtualMachine(ApiModel):
    metadata: Annotated[RawObject | None, Nullable()] = None
    spec: VirtualMachineSpec | None = None
    status: VirtualMachineStatus | None = None


class SourceSpec(ApiModel):
    virtual_machine: VirtualMachine | None = None


class VirtualMachineSnapshotSpec(ApiModel):
    source: TypedLocalObjectReference
    deletion_policy: str | None = None
    failure_deadline: str | None = None


class VirtualMachineSnapshotStatus(ApiModel):
    conditions: Annotated[list[Condition] | None, ListAtomic()] = None
    creation_time: Annotated[Time | None, Nullable()] = None
    error: Error | None = None
    indications: Annotated[list[str] | None, ListSet()] = None
    phase: str | None = None
    ready_to_use: bool | None = None
    snapshot_volumes: SnapshotVolumesLists | None = None
    source_indications: Annotated[list[SourceIndication] | None, ListAtomic()] = None
    source_uid: str | None = Field(None, alias="sourceUID")
    virtual_machine_snapshot_content_name: str | None = None


class VirtualMachineSnapshot(ApiModel):
    """A machine remembered as it is at one moment."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: VirtualMachineSnapshotSpec = Field(description="What is wanted.")
    status: VirtualMachineSnapshotStatus | None = Field(None, description="What there is.")


class VolumeBackup(ApiModel):
    persistent_volume_claim: PersistentVolumeClaim
    volume_name: str
    volume_snapshot_name: str | None = None


class VirtualMachineSnapshotContentSpec(ApiModel):
    source: SourceSpec
    virtual_machine_snapshot_name: str | None = None
    volume_backups: Annotated[list[VolumeBackup] | None, ListAtomic()] = None


class VolumeSnapshotStatus(ApiModel):
    volume_snapshot_name: str
    creation_time: Annotated[Time | None, Nullable()] = None
    error: Error | None = None
    ready_to_use: bool | None = None


class VirtualMachineSnapshotContentStatus(ApiModel):
    creation_time: Annotated[Time | None, Nullable()] = None
    error: Error | None = None
    ready_to_use: bool | None = None
    volume_snapshot_status: Annotated[list[VolumeSnapshotStatus] | None, ListAtomic()] = None


class VirtualMachineSnapshotContent(ApiModel):
    """What a snapshot remembers: the machine and its volumes."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: VirtualMachineSnapshotContentSpec = Field(description="What is wanted.")
    status: VirtualMachineSnapshotContentStatus | None = Field(None, description="What there is.")
