"""The status of a VirtualMachineInstance."""

from typing import Annotated

from pydantic import Field

from solovirt.kinds.kubevirt.models.backup_status import ChangedBlockTrackingStatus
from solovirt.kinds.kubevirt.models.firmware import Machine
from solovirt.kinds.kubevirt.models.memory import MemoryStatus
from solovirt.kinds.kubevirt.models.migration_configuration import VMIMConfigurationOptions
from solovirt.machinery.schema.markers import ApiModel, Int32, Int64, ListAtomic, Nullable, Quantity, Time


class CPUTopology(ApiModel):
    cores: Int32 | None = None
    sockets: Int32 | None = None
    threads: Int32 | None = None


class ContainerDiskInfo(ApiModel):
    checksum: Annotated[Int64 | None, Field(ge=0, le=4294967295)] = None


class DomainMemoryDumpInfo(ApiModel):
    claim_name: str | None = None
    end_timestamp: Time | None = None
    start_timestamp: Time | None = None
    target_file_name: str | None = None


class HotplugVolumeStatus(ApiModel):
    attach_pod_name: str | None = None
    attach_pod_uid: str | None = Field(None, alias="attachPodUID")


class InitrdInfo(ApiModel):
    checksum: Annotated[Int64 | None, Field(ge=0, le=4294967295)] = None


class KernelInfo(ApiModel):
    checksum: Annotated[Int64 | None, Field(ge=0, le=4294967295)] = None


class KernelBootStatus(ApiModel):
    initrd_info: InitrdInfo | None = None
    kernel_info: KernelInfo | None = None


class PersistentVolumeClaimInfo(ApiModel):
    access_modes: Annotated[list[str] | None, ListAtomic()] = None
    capacity: dict[str, Quantity] | None = None
    claim_name: str | None = None
    filesystem_overhead: Annotated[str | None, Field(pattern=r"^(0(?:\.\d{1,3})?|1)$")] = None
    preallocated: bool | None = None
    requests: dict[str, Quantity] | None = None
    volume_mode: str | None = None


class StorageMigratedVolumeInfo(ApiModel):
    volume_name: str
    destination_pvc_info: PersistentVolumeClaimInfo | None = Field(None, alias="destinationPVCInfo")
    source_pvc_info: PersistentVolumeClaimInfo | None = Field(None, alias="sourcePVCInfo")


class TopologyHints(ApiModel):
    tsc_frequency: Int64 | None = None


class VirtualMachineInstanceCondition(ApiModel):
    status: str
    type: str
    last_probe_time: Annotated[Time | None, Nullable()] = None
    last_transition_time: Annotated[Time | None, Nullable()] = None
    message: str | None = None
    reason: str | None = None


class VirtualMachineInstanceGuestOSInfo(ApiModel):
    id: str | None = None
    kernel_release: str | None = None
    kernel_version: str | None = None
    machine: str | None = None
    name: str | None = None
    pretty_name: str | None = None
    version: str | None = None
    version_id: str | None = None


class VirtualMachineInstanceMigrationSourceState(ApiModel):
    domain_name: str | None = None
    domain_namespace: str | None = None
    migration_uid: str | None = Field(None, alias="migrationUID")
    node: str | None = None
    node_selectors: dict[str, str] | None = None
    persistent_state_pvc_name: str | None = Field(None, alias="persistentStatePVCName")
    pod: str | None = None
    selinux_context: str | None = None
    sync_address: str | None = None
    virtual_machine_instance_uid: str | None = Field(None, alias="virtualMachineInstanceUID")


class VirtualMachineInstanceMigrationTargetState(ApiModel):
    attachment_pod_uid: str | None = Field(None, alias="attachmentPodUID")
    cpu_set: Annotated[list[int] | None, ListAtomic()] = None
    direct_migration_node_ports: dict[str, int] | None = None
    domain_detected: bool | None = None
    domain_name: str | None = None
    domain_namespace: str | None = None
    domain_ready_timestamp: Time | None = None
    migration_uid: str | None = Field(None, alias="migrationUID")
    node: str | None = None
    node_address: str | None = None
    node_topology: str | None = None
    persistent_state_pvc_name: str | None = Field(None, alias="persistentStatePVCName")
    pod: str | None = None
    selinux_context: str | None = None
    sync_address: str | None = None
    virtual_machine_instance_uid: str | None = Field(None, alias="virtualMachineInstanceUID")


class VirtualMachineInstanceMigrationState(ApiModel):
    abort_requested: bool | None = None
    abort_status: str | None = None
    completed: bool | None = None
    end_timestamp: Annotated[Time | None, Nullable()] = None
    failed: bool | None = None
    failure_reason: str | None = None
    migration_configuration: VMIMConfigurationOptions | None = None
    migration_network_type: str | None = None
    migration_policy_name: str | None = None
    migration_uid: str | None = None
    mode: str | None = None
    source_node: str | None = None
    source_persistent_state_pvc_name: str | None = Field(None, alias="sourcePersistentStatePVCName")
    source_pod: str | None = None
    source_state: VirtualMachineInstanceMigrationSourceState | None = None
    start_timestamp: Annotated[Time | None, Nullable()] = None
    target_attachment_pod_uid: str | None = Field(None, alias="targetAttachmentPodUID")
    target_cpu_set: Annotated[list[int] | None, ListAtomic()] = Field(None, alias="targetCPUSet")
    target_direct_migration_node_ports: dict[str, int] | None = None
    target_memory_overhead: Quantity | None = None
    target_node: str | None = None
    target_node_address: str | None = None
    target_node_domain_detected: bool | None = None
    target_node_domain_ready_timestamp: Time | None = None
    target_node_topology: str | None = None
    target_persistent_state_pvc_name: str | None = Field(None, alias="targetPersistentStatePVCName")
    target_pod: str | None = None
    target_state: VirtualMachineInstanceMigrationTargetState | None = None


class VirtualMachineInstanceNetworkInterface(ApiModel):
    info_source: str | None = None
    interface_name: str | None = None
    ip_address: str | None = None
    ip_addresses: list[str] | None = None
    link_state: str | None = None
    mac: str | None = None
    name: str | None = None
    pod_interface_name: str | None = None
    queue_count: Int32 | None = None


class VirtualMachineInstancePhaseTransitionTimestamp(ApiModel):
    phase: str | None = None
    phase_transition_timestamp: Time | None = None


class VolumeStatus(ApiModel):
    name: str
    target: str
    container_disk_volume: ContainerDiskInfo | None = None
    hotplug_volume: HotplugVolumeStatus | None = None
    memory_dump_volume: DomainMemoryDumpInfo | None = None
    message: str | None = None
    persistent_volume_claim_info: PersistentVolumeClaimInfo | None = None
    phase: str | None = None
    reason: str | None = None
    size: Int64 | None = None


class VirtualMachineInstanceStatus(ApiModel):
    """How a run is going."""

    vsockcid: Annotated[Int64 | None, Field(ge=0, le=4294967295)] = Field(
        None, alias="VSOCKCID", description="The guest's address on the VSOCK device."
    )
    active_pods: dict[str, str] | None = Field(
        None, description="The pods of the instance, by uid, and the nodes they run on."
    )
    changed_block_tracking: Annotated[ChangedBlockTrackingStatus | None, Nullable()] = Field(
        None, description="Whether changed blocks are being tracked for incremental backups."
    )
    conditions: list[VirtualMachineInstanceCondition] | None = Field(
        None,
        description="What is true of the instance just now: Ready, LiveMigratable, Paused, AgentConnected and others.",
    )
    current_cpu_topology: CPUTopology | None = Field(
        None, alias="currentCPUTopology", description="The processors that the guest sees just now."
    )
    evacuation_node_name: str | None = Field(None, description="The node that the instance is asked to leave.")
    fs_freeze_status: str | None = Field(None, description="frozen while the guest's file systems are.")
    guest_os_info: VirtualMachineInstanceGuestOSInfo | None = Field(
        None, alias="guestOSInfo", description="What the guest's agent says of its operating system."
    )
    interfaces: list[VirtualMachineInstanceNetworkInterface] | None = Field(
        None, description="The guest's interfaces and their addresses, as far as they are known."
    )
    kernel_boot_status: KernelBootStatus | None = Field(None, description="What was booted directly.")
    launcher_container_image_version: str | None = Field(None, description="The image that runs the instance.")
    machine: Machine | None = Field(None, description="The board that the guest was started with.")
    memory: MemoryStatus | None = Field(None, description="The memory that the guest sees just now.")
    migrated_volumes: Annotated[list[StorageMigratedVolumeInfo] | None, ListAtomic()] = Field(
        None, description="Volumes whose data are being migrated."
    )
    migration_method: str | None = Field(
        None, description="How the instance would migrate: LiveMigration or BlockMigration."
    )
    migration_state: VirtualMachineInstanceMigrationState | None = Field(
        None, description="The last migration, and how it went."
    )
    migration_transport: str | None = Field(None, description="What migrations go over.")
    node_name: str | None = Field(None, description="The node that runs it.")
    phase: str | None = Field(
        None,
        description="Where it is in its life: Pending, Scheduling, Scheduled, Running, Succeeded, Failed or Unknown.",
    )
    phase_transition_timestamps: Annotated[
        list[VirtualMachineInstancePhaseTransitionTimestamp] | None, ListAtomic()
    ] = Field(None, description="When it came to each phase.")
    qos_class: str | None = Field(None, description="How the pod is treated when the node runs out of something.")
    reason: str | None = Field(None, description="Why it is in this phase, in one word.")
    runtime_user: Int64 | None = Field(None, description="The user that the hypervisor runs as.")
    selinux_context: str | None = Field(None, description="The SELinux context that the hypervisor runs in.")
    topology_hints: TopologyHints | None = Field(None, description="What was learnt of the node's clock.")
    virtual_machine_revision_name: str | None = Field(
        None, description="The ControllerRevision that remembers the machine as it was started."
    )
    volume_status: Annotated[list[VolumeStatus] | None, ListAtomic()] = Field(
        None, description="The state of each volume."
    )


class VolumeMigrationState(ApiModel):
    migrated_volumes: Annotated[list[StorageMigratedVolumeInfo] | None, ListAtomic()] = None
