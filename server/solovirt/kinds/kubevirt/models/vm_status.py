"""kubevirt.vm_status"""

from typing import Annotated

from pydantic import Field

from solovirt.kinds.kubevirt.models.backup_status import ChangedBlockTrackingStatus
from solovirt.kinds.kubevirt.models.disks import Disk
from solovirt.kinds.kubevirt.models.vmi_status import VolumeMigrationState
from solovirt.kinds.kubevirt.models.volumes import HotplugVolumeSource
from solovirt.machinery.schema.markers import ApiModel, Default, Int64, ListAtomic, Nullable, Time


class AddVolumeOptions(ApiModel):
    disk: Disk
    name: str
    volume_source: HotplugVolumeSource
    dry_run: Annotated[list[str] | None, ListAtomic()] = None


class ControllerRevisionRef(ApiModel):
    name: str | None = None


class InstancetypeStatusRef(ApiModel):
    controller_revision_ref: ControllerRevisionRef | None = None
    infer_from_volume: str | None = None
    infer_from_volume_failure_policy: str | None = None
    kind: str | None = None
    name: str | None = None


class RemoveVolumeOptions(ApiModel):
    name: str
    dry_run: Annotated[list[str] | None, ListAtomic()] = None


class VirtualMachineCondition(ApiModel):
    status: str
    type: str
    last_probe_time: Annotated[Time | None, Nullable()] = None
    last_transition_time: Annotated[Time | None, Nullable()] = None
    message: str | None = None
    reason: str | None = None


class VirtualMachineMemoryDumpRequest(ApiModel):
    claim_name: str
    phase: str
    end_timestamp: Time | None = None
    file_name: str | None = None
    message: str | None = None
    remove: bool | None = None
    start_timestamp: Time | None = None


class VirtualMachineStartFailure(ApiModel):
    consecutive_fail_count: int | None = None
    last_failed_vmiuid: str | None = Field(None, alias="lastFailedVMIUID")
    retry_after_timestamp: Time | None = None


class VirtualMachineStateChangeRequest(ApiModel):
    action: str
    data: dict[str, str] | None = None
    uid: str | None = None


class VirtualMachineVolumeRequest(ApiModel):
    add_volume_options: AddVolumeOptions | None = None
    remove_volume_options: RemoveVolumeOptions | None = None


class VolumeSnapshotStatus(ApiModel):
    enabled: bool
    name: str
    reason: str | None = None


class VolumeUpdateState(ApiModel):
    volume_migration_state: VolumeMigrationState | None = None


class VirtualMachineStatus(ApiModel):
    changed_block_tracking: Annotated[ChangedBlockTrackingStatus | None, Nullable()] = None
    conditions: list[VirtualMachineCondition] | None = None
    created: bool | None = None
    desired_generation: Int64 | None = None
    instancetype_ref: Annotated[InstancetypeStatusRef | None, Nullable()] = None
    memory_dump_request: Annotated[VirtualMachineMemoryDumpRequest | None, Nullable()] = None
    observed_generation: Int64 | None = None
    preference_ref: Annotated[InstancetypeStatusRef | None, Nullable()] = None
    printable_status: Annotated[str | None, Default("Stopped")] = None
    ready: bool | None = None
    restore_in_progress: str | None = None
    run_strategy: str | None = None
    snapshot_in_progress: str | None = None
    start_failure: Annotated[VirtualMachineStartFailure | None, Nullable()] = None
    state_change_requests: list[VirtualMachineStateChangeRequest] | None = None
    volume_requests: Annotated[list[VirtualMachineVolumeRequest] | None, ListAtomic()] = None
    volume_snapshot_statuses: list[VolumeSnapshotStatus] | None = None
    volume_update_state: VolumeUpdateState | None = None
