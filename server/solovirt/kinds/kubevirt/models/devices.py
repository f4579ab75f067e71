"""kubevirt.devices"""

from typing import Annotated

from pydantic import Field

from solovirt.kinds.kubevirt.models.disks import Disk
from solovirt.kinds.kubevirt.models.features import FeatureState
from solovirt.kinds.kubevirt.models.network import Interface
from solovirt.machinery.schema.markers import ApiModel, ListAtomic


class ClientPassthroughDevices(ApiModel):
    pass


class DownwardMetrics(ApiModel):
    pass


class FilesystemVirtiofs(ApiModel):
    pass


class Filesystem(ApiModel):
    name: str
    virtiofs: FilesystemVirtiofs


class VGPUDisplayOptions(ApiModel):
    enabled: bool | None = None
    ram_fb: FeatureState | None = Field(None, alias="ramFB")


class VGPUOptions(ApiModel):
    display: VGPUDisplayOptions | None = None


class GPU(ApiModel):
    name: str
    claim_name: str | None = None
    device_name: str | None = None
    request_name: str | None = None
    tag: str | None = None
    virtual_gpu_options: VGPUOptions | None = Field(None, alias="virtualGPUOptions")


class HostDevice(ApiModel):
    name: str
    claim_name: str | None = None
    device_name: str | None = None
    request_name: str | None = None
    tag: str | None = None


class Input(ApiModel):
    name: str
    type: str
    bus: str | None = None


class PanicDevice(ApiModel):
    model: str | None = None


class Rng(ApiModel):
    pass


class SoundDevice(ApiModel):
    name: str
    model: str | None = None


class TPMDevice(ApiModel):
    enabled: bool | None = None
    persistent: bool | None = None


class VideoDevice(ApiModel):
    type: str | None = None


class Diag288Watchdog(ApiModel):
    action: str | None = None


class I6300ESBWatchdog(ApiModel):
    action: str | None = None


class Watchdog(ApiModel):
    name: str
    diag288: Diag288Watchdog | None = None
    i6300esb: I6300ESBWatchdog | None = None


class Devices(ApiModel):
    autoattach_graphics_device: bool | None = None
    autoattach_input_device: bool | None = None
    autoattach_mem_balloon: bool | None = None
    autoattach_pod_interface: bool | None = None
    autoattach_serial_console: bool | None = None
    autoattach_vsock: bool | None = Field(None, alias="autoattachVSOCK")
    block_multi_queue: bool | None = None
    client_passthrough: ClientPassthroughDevices | None = None
    disable_hotplug: bool | None = None
    disks: Annotated[list[Disk] | None, Field(max_length=256)] = None
    downward_metrics: DownwardMetrics | None = None
    filesystems: Annotated[list[Filesystem] | None, ListAtomic()] = None
    gpus: Annotated[list[GPU] | None, ListAtomic()] = None
    host_devices: Annotated[list[HostDevice] | None, ListAtomic()] = None
    inputs: list[Input] | None = None
    interfaces: Annotated[list[Interface] | None, Field(max_length=256)] = None
    log_serial_console: bool | None = None
    network_interface_multiqueue: bool | None = None
    panic_devices: list[PanicDevice] | None = None
    rng: Rng | None = None
    sound: SoundDevice | None = None
    tpm: TPMDevice | None = None
    use_virtio_transitional: bool | None = None
    video: VideoDevice | None = None
    watchdog: Watchdog | None = None
