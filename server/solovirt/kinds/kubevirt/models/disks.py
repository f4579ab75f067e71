"""The guest's disks."""

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
    """A CD-ROM drive."""

    bus: str | None = Field(None, description="How it is attached: sata, scsi or, where that works, virtio.")
    readonly: bool | None = Field(None, description="The guest may not write; yes if not said.")
    tray: str | None = Field(None, description="Whether the tray is open or closed.")


class DiskTarget(ApiModel):
    """A hard disk."""

    bus: str | None = Field(None, description="How it is attached: virtio, sata, scsi or usb.")
    pci_address: str | None = Field(None, description="Its PCI address (`0000:81:01.10`), for virtio.")
    readonly: bool | None = Field(None, description="The guest may not write.")


class LunTarget(ApiModel):
    """A SCSI LUN."""

    bus: str | None = Field(None, description="How it is attached: scsi.")
    readonly: bool | None = Field(None, description="The guest may not write.")
    reservation: bool | None = Field(None, description="Pass persistent reservations through.")


class Disk(ApiModel):
    """A disk of the machine: how the volume of the same name is shown to the guest. One of disk, cdrom and lun says as what."""

    name: str = Field(description="The volume that is its content.")
    block_size: BlockSize | None = Field(None, description="The block size that the guest sees.")
    boot_order: int | None = Field(None, description="Its place among what the machine tries to boot from; 1 is first.")
    cache: str | None = Field(None, description="How the host caches it: none, writethrough or writeback.")
    cdrom: CDRomTarget | None = Field(None, description="Show it as a CD-ROM.")
    changed_block_tracking: bool | None = Field(
        None, description="Keep track of changed blocks for incremental backups."
    )
    dedicated_io_thread: bool | None = Field(
        None, alias="dedicatedIOThread", description="Give it a thread of its own."
    )
    disk: DiskTarget | None = Field(None, description="Show it as a hard disk.")
    error_policy: str | None = Field(
        None, description="What an error means to the guest: stop, ignore, report or enospace."
    )
    io: str | None = Field(None, description="How the host reads and writes it: native, threads or io_uring.")
    lun: LunTarget | None = Field(None, description="Show it as a SCSI LUN, passing commands through.")
    serial: str | None = Field(None, description="The serial number that the guest reads.")
    shareable: bool | None = Field(None, description="Others may use the same volume at the same time.")
    tag: str | None = Field(None, description="A tag by which the guest finds it in its metadata.")
