"""Settings of an installation, but for migrations and host devices."""

from typing import Annotated, Literal

from pydantic import Field

from solovirt.kinds.core.models.embedded.selectors import LabelSelector
from solovirt.kinds.kubevirt.models.memory import DisableFreePageReporting
from solovirt.kinds.kubevirt.models.migration_configuration import DiskVerification
from solovirt.machinery.schema.markers import ApiModel, Default, Int32, Int64, ListAtomic, ListSet, Nullable, Quantity


class ArchSpecificConfiguration(ApiModel):
    emulated_machines: Annotated[list[str] | None, ListAtomic()] = None
    machine_type: str | None = None
    ovmf_path: str | None = None


class ArchConfiguration(ApiModel):
    amd64: ArchSpecificConfiguration | None = None
    arm64: ArchSpecificConfiguration | None = None
    default_architecture: str | None = None
    ppc64le: ArchSpecificConfiguration | None = None
    s390x: ArchSpecificConfiguration | None = None


class ChangedBlockTrackingSelectors(ApiModel):
    namespace_label_selector: LabelSelector | None = None
    virtual_machine_label_selector: LabelSelector | None = None


class CommonInstancetypesDeployment(ApiModel):
    enabled: Annotated[bool | None, Nullable()] = None


class TDXAttestationConfiguration(ApiModel):
    enforced: Annotated[bool | None, Default(False)] = None
    qgs_socket_path: Annotated[str | None, Default("/var/run/tdx-qgs/qgs.socket")] = None


class TDXConfiguration(ApiModel):
    attestation: TDXAttestationConfiguration | None = None


class ConfidentialComputeConfiguration(ApiModel):
    tdx: Annotated[TDXConfiguration | None, Nullable()] = None


class LogVerbosity(ApiModel):
    node_verbosity: dict[str, int] | None = None
    virt_api: int | None = Field(None, alias="virtAPI")
    virt_controller: int | None = None
    virt_handler: int | None = None
    virt_launcher: int | None = None
    virt_operator: int | None = None
    virt_synchronization_controller: int | None = None


class DeveloperConfiguration(ApiModel):
    cluster_profiler: bool | None = None
    cpu_allocation_ratio: int | None = None
    disabled_feature_gates: Annotated[list[str] | None, ListAtomic()] = None
    disk_verification: DiskVerification | None = None
    feature_gates: Annotated[list[str] | None, ListAtomic()] = None
    log_verbosity: LogVerbosity | None = None
    memory_overcommit: Annotated[int | None, Field(ge=10)] = None
    minimum_cluster_tsc_frequency: Int64 | None = Field(None, alias="minimumClusterTSCFrequency")
    minimum_reserve_pvc_bytes: Int64 | None = Field(None, alias="minimumReservePVCBytes")
    node_selectors: dict[str, str] | None = None
    pvc_tolerate_less_space_up_to_percent: int | None = None
    use_emulation: bool | None = None


class DisableSerialConsoleLog(ApiModel):
    pass


class HypervisorConfiguration(ApiModel):
    name: Literal["kvm", "hyperv-direct"] | None = None


class InstancetypeConfiguration(ApiModel):
    reference_policy: Annotated[Literal["reference", "expand", "expandAll"] | None, Nullable()] = None


class InterfaceBindingMigration(ApiModel):
    method: str | None = None


class ResourceRequirementsWithoutClaims(ApiModel):
    limits: dict[str, Quantity] | None = None
    requests: dict[str, Quantity] | None = None


class InterfaceBindingPlugin(ApiModel):
    compute_resource_overhead: ResourceRequirementsWithoutClaims | None = None
    domain_attachment_type: str | None = None
    downward_api: str | None = Field(None, alias="downwardAPI")
    migration: InterfaceBindingMigration | None = None
    network_attachment_definition: str | None = None
    sidecar_image: str | None = None


class KSMConfiguration(ApiModel):
    node_label_selector: LabelSelector | None = None


class LiveUpdateConfiguration(ApiModel):
    max_cpu_sockets: Int32 | None = None
    max_guest: Quantity | None = None
    max_hotplug_ratio: Int32 | None = None


class NetworkConfiguration(ApiModel):
    binding: dict[str, InterfaceBindingPlugin] | None = None
    default_network_interface: str | None = None
    permit_bridge_interface_on_pod_network: bool | None = None
    permit_slirp_interface: bool | None = None


class PersistentReservationConfiguration(ApiModel):
    enabled: Annotated[bool | None, Nullable()] = None


class TokenBucketRateLimiter(ApiModel):
    burst: int
    qps: float


class RateLimiter(ApiModel):
    token_bucket_rate_limiter: TokenBucketRateLimiter | None = None


class RESTClientConfiguration(ApiModel):
    rate_limiter: RateLimiter | None = None


class ReloadableComponentConfiguration(ApiModel):
    rest_client: RESTClientConfiguration | None = None


class SMBiosConfiguration(ApiModel):
    family: str | None = None
    manufacturer: str | None = None
    product: str | None = None
    sku: str | None = None
    version: str | None = None


class SupportContainerResources(ApiModel):
    resources: ResourceRequirementsWithoutClaims
    type: str


class TLSConfiguration(ApiModel):
    ciphers: Annotated[list[str] | None, ListSet()] = None
    min_tls_version: Literal["VersionTLS10", "VersionTLS11", "VersionTLS12", "VersionTLS13"] | None = Field(
        None, alias="minTLSVersion"
    )


class VirtTemplateDeployment(ApiModel):
    enabled: Annotated[bool | None, Nullable()] = None


class VirtualMachineOptions(ApiModel):
    disable_free_page_reporting: DisableFreePageReporting | None = None
    disable_serial_console_log: DisableSerialConsoleLog | None = None
