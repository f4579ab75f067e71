"""Changed block tracking and backups under way."""

from typing import Annotated

from solovirt.machinery.schema.markers import ApiModel, ListAtomic, Nullable, Time


class BackupVolumeInfo(ApiModel):
    disk_target: str
    volume_name: str
    data_endpoint: str | None = None
    map_endpoint: str | None = None


class VirtualMachineInstanceBackupStatus(ApiModel):
    backup_msg: str | None = None
    backup_name: str | None = None
    checkpoint_name: str | None = None
    completed: bool | None = None
    end_timestamp: Time | None = None
    failed: bool | None = None
    quiesce_status: str | None = None
    start_timestamp: Time | None = None
    volumes: Annotated[list[BackupVolumeInfo] | None, ListAtomic()] = None


class ChangedBlockTrackingStatus(ApiModel):
    state: str
    backup_status: Annotated[VirtualMachineInstanceBackupStatus | None, Nullable()] = None
