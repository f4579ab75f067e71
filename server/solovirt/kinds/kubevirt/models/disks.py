"""kubevirt.disks"""

from pydantic import Field

from solovirt.kinds.kubevirt.models.features import FeatureState
from solovirt.machinery.schema.markers import ApiModel


class CustomBlockSize(ApiModel):
    discard_granularity: int | None = None
    logical: int | None = None
    physical: int | None = None


class BlockSize(ApiModel):
    custom: CustomBlockSize | None = None
    match_volume: FeatureState | None = None


class CDRomTarget(ApiModel):
    bus: str | None = None
    readonly: bool | None = None
    tray: str | None = None


class DiskTarget(ApiModel):
    bus: str | None = None
    pci_address: str | None = None
    readonly: bool | None = None


class LunTarget(ApiModel):
    bus: str | None = None
    readonly: bool | None = None
    reservation: bool | None = None


class Disk(ApiModel):
    name: str
    block_size: BlockSize | None = None
    boot_order: int | None = None
    cache: str | None = None
    cdrom: CDRomTarget | None = None
    changed_block_tracking: bool | None = None
    dedicated_io_thread: bool | None = Field(None, alias="dedicatedIOThread")
    disk: DiskTarget | None = None
    error_policy: str | None = None
    io: str | None = None
    lun: LunTarget | None = None
    serial: str | None = None
    shareable: bool | None = None
    tag: str | None = None
