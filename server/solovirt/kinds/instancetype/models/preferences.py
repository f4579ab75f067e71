"""VirtualMachinePreference and VirtualMachineClusterPreference."""

from pydantic import Field

from solovirt.kinds.kubevirt.models.clock import ClockOffset, Timer
from solovirt.kinds.kubevirt.models.cpu import CPUFeature
from solovirt.kinds.kubevirt.models.devices import Rng, TPMDevice, VGPUOptions
from solovirt.kinds.kubevirt.models.disks import BlockSize
from solovirt.kinds.kubevirt.models.features import FeatureAPIC, FeatureHyperv, FeatureKVM, FeatureState
from solovirt.kinds.kubevirt.models.firmware import EFI
from solovirt.kinds.kubevirt.models.launch_security import LaunchSecurity
from solovirt.kinds.kubevirt.models.network import InterfaceMasquerade
from solovirt.machinery.schema.markers import ApiModel, Int32, Int64, Quantity
from solovirt.machinery.schema.meta import ObjectMeta


class CPUPreferenceRequirement(ApiModel):
    guest: Int32


class SpreadOptions(ApiModel):
    across: str | None = None
    ratio: Int32 | None = None


class CPUPreferences(ApiModel):
    preferred_cpu_features: list[CPUFeature] | None = Field(None, alias="preferredCPUFeatures")
    preferred_cpu_topology: str | None = Field(None, alias="preferredCPUTopology")
    spread_options: SpreadOptions | None = None


class ClockPreferences(ApiModel):
    preferred_clock_offset: ClockOffset | None = None
    preferred_timer: Timer | None = None


class DevicePreferences(ApiModel):
    preferred_autoattach_graphics_device: bool | None = None
    preferred_autoattach_input_device: bool | None = None
    preferred_autoattach_mem_balloon: bool | None = None
    preferred_autoattach_pod_interface: bool | None = None
    preferred_autoattach_serial_console: bool | None = None
    preferred_block_multi_queue: bool | None = None
    preferred_cdrom_bus: str | None = None
    preferred_disable_hotplug: bool | None = None
    preferred_disk_block_size: BlockSize | None = None
    preferred_disk_bus: str | None = None
    preferred_disk_cache: str | None = None
    preferred_disk_dedicated_io_thread: bool | None = None
    preferred_disk_io: str | None = Field(None, alias="preferredDiskIO")
    preferred_input_bus: str | None = None
    preferred_input_type: str | None = None
    preferred_interface_masquerade: InterfaceMasquerade | None = None
    preferred_interface_model: str | None = None
    preferred_lun_bus: str | None = None
    preferred_network_interface_multi_queue: bool | None = None
    preferred_panic_device_model: str | None = None
    preferred_rng: Rng | None = None
    preferred_sound_model: str | None = None
    preferred_tpm: TPMDevice | None = Field(None, alias="preferredTPM")
    preferred_use_virtio_transitional: bool | None = None
    preferred_video_type: str | None = None
    preferred_virtual_gpu_options: VGPUOptions | None = Field(None, alias="preferredVirtualGPUOptions")


class FeaturePreferences(ApiModel):
    preferred_acpi: FeatureState | None = None
    preferred_apic: FeatureAPIC | None = None
    preferred_hyperv: FeatureHyperv | None = None
    preferred_kvm: FeatureKVM | None = None
    preferred_pvspinlock: FeatureState | None = None
    preferred_smm: FeatureState | None = None


class FirmwarePreferences(ApiModel):
    preferred_efi: EFI | None = None
    preferred_use_bios: bool | None = None
    preferred_use_bios_serial: bool | None = None
    preferred_use_efi: bool | None = None
    preferred_use_secure_boot: bool | None = None


class MachinePreferences(ApiModel):
    preferred_machine_type: str | None = None


class MemoryPreferenceRequirement(ApiModel):
    guest: Quantity


class PreferenceRequirements(ApiModel):
    architecture: str | None = None
    cpu: CPUPreferenceRequirement | None = None
    memory: MemoryPreferenceRequirement | None = None


class VolumePreferences(ApiModel):
    preferred_storage_class_name: str | None = None


class VirtualMachinePreferenceSpec(ApiModel):
    annotations: dict[str, str] | None = None
    clock: ClockPreferences | None = None
    cpu: CPUPreferences | None = None
    devices: DevicePreferences | None = None
    features: FeaturePreferences | None = None
    firmware: FirmwarePreferences | None = None
    machine: MachinePreferences | None = None
    prefer_spread_socket_to_core_ratio: Int32 | None = None
    preferred_architecture: str | None = None
    preferred_launch_security: LaunchSecurity | None = None
    preferred_subdomain: str | None = None
    preferred_termination_grace_period_seconds: Int64 | None = None
    requirements: PreferenceRequirements | None = None
    volumes: VolumePreferences | None = None


class VirtualMachineClusterPreference(ApiModel):
    """What suits a kind of guest, for machines of every namespace: used where a machine says nothing itself."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: VirtualMachinePreferenceSpec = Field(description="What suits the guest.")


class VirtualMachinePreference(ApiModel):
    """What suits a kind of guest, for machines of its namespace: used where a machine says nothing itself."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: VirtualMachinePreferenceSpec = Field(description="What suits the guest.")
