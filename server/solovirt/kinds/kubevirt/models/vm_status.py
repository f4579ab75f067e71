"""The status of a VirtualMachine."""

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
    """One thing that is or is not true of a machine."""

    status: str = Field(description="True, False or Unknown.")
    type: str = Field(description="What it is about.")
    last_probe_time: Annotated[Time | None, Nullable()] = Field(None, description="When it was last looked at.")
    last_transition_time: Annotated[Time | None, Nullable()] = Field(None, description="When it last changed.")
    message: str | None = Field(None, description="Why, in a sentence.")
    reason: str | None = Field(None, description="Why, in one word.")


class VirtualMachineMemoryDumpRequest(ApiModel):
    claim_name: str
    phase: str
    end_timestamp: Time | None = None
    file_name: str | None = None
    message: str | None = None
    remove: bool | None = None
    start_timestamp: Time | None = None


class VirtualMachineStartFailure(ApiModel):
    """Failed starts in a row."""

    consecutive_fail_count: int | None = Field(None, description="How many starts have failed one after another.")
    last_failed_vmiuid: str | None = Field(
        None, alias="lastFailedVMIUID", description="The uid of the instance that failed last."
    )
    retry_after_timestamp: Time | None = Field(None, description="Not before this time is another start tried.")


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
    """Whether a machine runs, and how it is doing."""

    changed_block_tracking: Annotated[ChangedBlockTrackingStatus | None, Nullable()] = Field(
        None, description="Whether changed blocks are being tracked for incremental backups."
    )
    conditions: list[VirtualMachineCondition] | None = Field(
        None, description="What is true of the machine just now: Ready, Failure, Paused, RestartRequired and others."
    )
    created: bool | None = Field(None, description="There is an instance of the machine, in whatever state.")
    desired_generation: Int64 | None = Field(
        None, description="The machine's generation when the instance was last looked at."
    )
    instancetype_ref: Annotated[InstancetypeStatusRef | None, Nullable()] = Field(
        None, description="The instancetype in use, as it was found."
    )
    memory_dump_request: Annotated[VirtualMachineMemoryDumpRequest | None, Nullable()] = Field(
        None, description="How far a memory dump has come."
    )
    observed_generation: Int64 | None = Field(
        None, description="The generation that the running instance was made from."
    )
    preference_ref: Annotated[InstancetypeStatusRef | None, Nullable()] = Field(
        None, description="The preference in use, as it was found."
    )
    printable_status: Annotated[str | None, Default("Stopped")] = Field(
        None, description="How the machine is doing, in a word for people: Stopped, Starting, Running and so on."
    )
    ready: bool | None = Field(None, description="The instance runs and answers its probes.")
    restore_in_progress: str | None = Field(None, description="The restore that is rewriting this machine.")
    run_strategy: str | None = Field(None, description="The run strategy that was last acted on.")
    snapshot_in_progress: str | None = Field(None, description="The snapshot that is being taken of this machine.")
    start_failure: Annotated[VirtualMachineStartFailure | None, Nullable()] = Field(
        None, description="Starts that failed one after another, and when the next is due."
    )
    state_change_requests: list[VirtualMachineStateChangeRequest] | None = Field(
        None, description="Starts and stops that were asked for and are still to be done."
    )
    volume_requests: Annotated[list[VirtualMachineVolumeRequest] | None, ListAtomic()] = Field(
        None, description="Volumes that were asked to be added or removed."
    )
    volume_snapshot_statuses: list[VolumeSnapshotStatus] | None = Field(
        None, description="Which volumes a snapshot could include, and why not."
    )
    volume_update_state: VolumeUpdateState | None = Field(None, description="How far a change of volumes has come.")
