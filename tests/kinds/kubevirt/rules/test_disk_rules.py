"""Rules on disks, boot order and paths in images (kubevirt-validation.md 5.3)."""

from __future__ import annotations

import pytest

from tests.kinds.kubevirt.rules.specs import EVERY_GATE, INVALID, NO_GATES, REQUIRED, UNSUPPORTED, P, Row, check

D0 = f"{P}.domain.devices.disks[0]"
DISK = "domain.devices.disks.0"
DOUBLED = f"{P}.domain.devices.disks.domain.devices.disks.disk[0].pciAddress"
KERNEL = f"{P}.domain.firmware.kernelBoot.container"
ROOT_TEXT = "must not point to root"
PATH_TEXT = "must be an absolute path to a file without relative components"


def block(**sizes):
    return {f"{DISK}.blockSize": {"custom": {"logical": 512, "physical": 512, **sizes}}}


ROWS = [
    Row(126, {"domain.devices.disks.2": {"name": "tray", "cdrom": {}}}, f"{P}.domain.devices.disks[2].name", INVALID, "DeclarativeHotplugVolumes feature gate not enabled, cannot define an empty CD-ROM disk", NO_GATES),
    Row(127, {DISK: {"name": "root", "lun": {"bus": "scsi"}}}, f"{D0}.lun", INVALID, f"{D0}.lun can only be mapped to a DataVolume or PersistentVolumeClaim volume."),
    Row(129, {"domain.devices.interfaces.0.bootOrder": 0}, f"{P}.domain.devices.interfaces[0].bootOrder", INVALID, f"{P}.domain.devices.interfaces[0] must have a boot order > 0, if supplied"),
    Row(132, {DISK: {"name": "root", "disk": {"bus": "sata", "readonly": True}}}, f"{D0}.disk.bus", INVALID, "sata hard-disks do not support read-only."),
    Row(133, {DISK: {"name": "root", "disk": {"bus": "sata"}, "dedicatedIOThread": True}}, D0, UNSUPPORTED, "IOThreads are not supported for disks on a sata bus"),
    Row(135, {f"{DISK}.serial": "s" * 257}, f"{D0}.serial", INVALID, f"{D0} must be less than or equal to 256 in length, if specified"),
    Row(136, {f"{DISK}.disk": {"bus": "scsi", "pciAddress": "0000:81:01.0"}}, DOUBLED, INVALID, f"disk {DOUBLED} - setting a PCI address is only possible with bus type virtio."),
    Row(136, {f"{DISK}.disk": {"bus": "virtio", "pciAddress": "81"}}, DOUBLED, INVALID, f"disk {DOUBLED} has malformed PCI address (81)."),
    Row(138, {f"{DISK}.io": "default"}, f"{D0}.io", UNSUPPORTED, f"Disk IO mode for {P}.domain.devices.disks is not supported. Supported modes are: native, threads."),
    Row(139, {f"{DISK}.errorPolicy": "cry"}, f"{D0}.errorPolicy", INVALID, f'{D0}.errorPolicy has invalid value "cry"'),
    Row(140, {f"{DISK}.name": "a" * 64, "volumes.0.name": "a" * 64}, f"{P}.domain.devices.disks.domain.devices.disks[0].name", INVALID, "must be no more than 63 bytes"),
    Row(141, {f"{DISK}.blockSize": {"matchVolume": {}, "custom": {"logical": 512, "physical": 512}}}, f"{D0}.blockSize", INVALID, "Block size matching can't be enabled together with a custom value"),
    Row(141, block(logical=4096), f"{D0}.blockSize.custom.logical", INVALID, "Logical size 4096 must be the same or less than the physical size of 512"),
    Row(141, {**block(logical=1024, physical=4096), f"{DISK}.disk": {"bus": "sata"}}, f"{D0}.blockSize.custom.logical", INVALID, "Logical size 1024 must be 512 for SATA devices"),
    Row(142, block(logical=128), f"{D0}.blockSize.custom.logical", INVALID, "Provided size of 128 is less than the supported minimum size of 512"),
    Row(142, block(physical=4194304), f"{D0}.blockSize.custom.physical", INVALID, "Provided size of 4194304 is greater than the supported maximum size of 2097152"),
    Row(142, block(logical=513, physical=1024), f"{D0}.blockSize.custom.logical", INVALID, "Provided size of 513 is not a power of 2"),
    Row(142, block(discardGranularity=700), f"{D0}.blockSize.custom.discardGranularity", INVALID, "Discard granularity 700 must be multiples of logical size 512"),
    Row(143, {"volumes.0": {"name": "root", "downwardMetrics": {}}, DISK: {"name": "root", "cdrom": {"bus": "sata"}}}, f"{D0}.disk", REQUIRED, f"DownwardMetrics volume must be mapped to a disk, but disk is not set on {D0}.disk.", EVERY_GATE),
    Row(143, {"volumes.0": {"name": "root", "downwardMetrics": {}}, DISK: {"name": "root", "disk": {"bus": "sata"}}}, f"{D0}.disk.bus", INVALID, f"DownwardMetrics volume must be mapped to virtio bus, but {D0}.disk.bus is set to sata", EVERY_GATE),
    Row(144, {"volumes.0.containerDisk.path": "/"}, f"{P}.volumes[0].containerDisk", INVALID, f"{P}.volumes[0].containerDisk {ROOT_TEXT}"),
    Row(144, {"volumes.0.containerDisk.path": "disk.img"}, f"{P}.volumes[0].containerDisk", INVALID, f"{P}.volumes[0].containerDisk {PATH_TEXT}"),
    Row(144, {"volumes.0.containerDisk.path": "/disk/../x"}, f"{P}.volumes[0].containerDisk", INVALID, f"{P}.volumes[0].containerDisk {PATH_TEXT}"),
    Row(144, {"domain.firmware.kernelBoot": {"container": {"image": "k", "kernelPath": "/"}}}, f"{KERNEL}.kernelPath", INVALID, f"{KERNEL}.kernelPath {ROOT_TEXT}"),
    Row(144, {"domain.firmware.kernelBoot": {"container": {"image": "k", "initrdPath": "boot"}}}, f"{KERNEL}.initrdPath", INVALID, f"{KERNEL}.initrdPath {PATH_TEXT}"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_a_broken_rule_gives_its_cause(row):
    check(row)
