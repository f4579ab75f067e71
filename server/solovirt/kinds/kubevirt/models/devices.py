"""What is plugged into a machine."""

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
    """Everything that is plugged into the machine."""

    autoattach_graphics_device: bool | None = Field(None, description="Add a graphics card; yes if not said.")
    autoattach_input_device: bool | None = Field(None, description="Add an input device.")
    autoattach_mem_balloon: bool | None = Field(None, description="Add a memory balloon; yes if not said.")
    autoattach_pod_interface: bool | None = Field(
        None, description="Connect a machine without interfaces to the pod network; yes if not said."
    )
    autoattach_serial_console: bool | None = Field(None, description="Add a serial console; yes if not said.")
    autoattach_vsock: bool | None = Field(None, alias="autoattachVSOCK", description="Add a VSOCK device.")
    block_multi_queue: bool | None = Field(None, description="Give disks one queue for each virtual processor.")
    client_passthrough: ClientPassthroughDevices | None = Field(
        None, description="Let a client's USB devices be used in the guest."
    )
    disable_hotplug: bool | None = Field(None, description="Allow no disks to be added while the guest runs.")
    disks: Annotated[list[Disk] | None, Field(max_length=256)] = Field(
        None, description="Disks, CD-ROMs and LUNs. Each shows the volume of its name."
    )
    downward_metrics: DownwardMetrics | None = Field(
        None, description="A device through which the guest reads figures of its host."
    )
    filesystems: Annotated[list[Filesystem] | None, ListAtomic()] = Field(
        None, description="Volumes shared with the guest as file systems."
    )
    gpus: Annotated[list[GPU] | None, ListAtomic()] = Field(
        None, description="Graphics processors of the node that are passed through."
    )
    host_devices: Annotated[list[HostDevice] | None, ListAtomic()] = Field(
        None, description="Other devices of the node that are passed through."
    )
    inputs: list[Input] | None = Field(None, description="Input devices, such as a tablet.")
    interfaces: Annotated[list[Interface] | None, Field(max_length=256)] = Field(
        None, description="Network interfaces. Each is connected to the network of its name."
    )
    log_serial_console: bool | None = Field(None, description="Write the serial console to the pod's log.")
    network_interface_multiqueue: bool | None = Field(
        None, description="Give virtio interfaces one queue for each virtual processor."
    )
    panic_devices: list[PanicDevice] | None = Field(
        None, description="Devices by which a guest tells that it has crashed."
    )
    rng: Rng | None = Field(None, description="A source of random numbers.")
    sound: SoundDevice | None = Field(None, description="A sound card.")
    tpm: TPMDevice | None = Field(None, description="A trusted platform module.")
    use_virtio_transitional: bool | None = Field(None, description="Use virtio devices that old guests understand too.")
    video: VideoDevice | None = Field(None, description="The kind of graphics card.")
    watchdog: Watchdog | None = Field(None, description="A device that acts when the guest hangs.")
