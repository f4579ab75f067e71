"""KubeVirt, the installation."""

from typing import Annotated, Literal

from pydantic import Field

from solovirt.kinds.cdi.models.installation import CertConfig, CustomizeComponentsPatch, NodePlacement
from solovirt.kinds.core.models.embedded.references import LocalObjectReference
from solovirt.kinds.core.models.embedded.selectors import LabelSelector
from solovirt.kinds.kubevirt.models.configuration import (
    ArchConfiguration,
    ChangedBlockTrackingSelectors,
    CommonInstancetypesDeployment,
    ConfidentialComputeConfiguration,
    DeveloperConfiguration,
    HypervisorConfiguration,
    InstancetypeConfiguration,
    KSMConfiguration,
    LiveUpdateConfiguration,
    NetworkConfiguration,
    PersistentReservationConfiguration,
    ReloadableComponentConfiguration,
    SMBiosConfiguration,
    SupportContainerResources,
    TLSConfiguration,
    VirtTemplateDeployment,
    VirtualMachineOptions,
)
from solovirt.kinds.kubevirt.models.host_devices import MediatedDevicesConfiguration, PermittedHostDevices
from solovirt.kinds.kubevirt.models.migration_configuration import MigrationConfiguration
from solovirt.kinds.kubevirt.models.seccomp import SeccompConfiguration
from solovirt.machinery.schema.markers import ApiModel, Int32, Int64, ListAtomic, ListMap, Nullable, Quantity, Time
from solovirt.machinery.schema.meta import ObjectMeta


class ComponentConfig(ApiModel):
    node_placement: NodePlacement | None = None
    replicas: int | None = None


class Flags(ApiModel):
    api: dict[str, str] | None = None
    controller: dict[str, str] | None = None
    handler: dict[str, str] | None = None


class CustomizeComponents(ApiModel):
    flags: Flags | None = None
    patches: Annotated[list[CustomizeComponentsPatch] | None, ListAtomic()] = None


class GenerationStatus(ApiModel):
    group: str
    last_generation: Int64
    name: str
    resource: str
    hash: str | None = None
    namespace: str | None = None


class KubeVirtSelfSignConfiguration(ApiModel):
    ca: CertConfig | None = None
    ca_overlap_interval: str | None = None
    ca_rotate_interval: str | None = None
    cert_rotate_interval: str | None = None
    server: CertConfig | None = None


class KubeVirtCertificateRotateStrategy(ApiModel):
    self_signed: KubeVirtSelfSignConfiguration | None = None


class KubeVirtConfiguration(ApiModel):
    additional_guest_memory_overhead_ratio: str | None = None
    api_configuration: ReloadableComponentConfiguration | None = None
    architecture_configuration: ArchConfiguration | None = None
    auto_cpu_limit_namespace_label_selector: LabelSelector | None = Field(
        None, alias="autoCPULimitNamespaceLabelSelector"
    )
    changed_block_tracking_label_selectors: Annotated[ChangedBlockTrackingSelectors | None, Nullable()] = None
    common_instancetypes_deployment: Annotated[CommonInstancetypesDeployment | None, Nullable()] = None
    confidential_compute: Annotated[ConfidentialComputeConfiguration | None, Nullable()] = None
    controller_configuration: ReloadableComponentConfiguration | None = None
    cpu_model: str | None = None
    cpu_request: Quantity | None = None
    default_runtime_class: str | None = None
    developer_configuration: DeveloperConfiguration | None = None
    emulated_machines: list[str] | None = None
    eviction_strategy: str | None = None
    handler_configuration: ReloadableComponentConfiguration | None = None
    hypervisors: Annotated[list[HypervisorConfiguration] | None, ListAtomic(), Field(max_length=1)] = None
    image_pull_policy: str | None = None
    instancetype: Annotated[InstancetypeConfiguration | None, Nullable()] = None
    ksm_configuration: KSMConfiguration | None = None
    live_update_configuration: LiveUpdateConfiguration | None = None
    machine_type: str | None = None
    mediated_devices_configuration: MediatedDevicesConfiguration | None = None
    mem_balloon_stats_period: Int32 | None = None
    migrations: MigrationConfiguration | None = None
    min_cpu_model: str | None = Field(None, alias="minCPUModel")
    network: NetworkConfiguration | None = None
    obsolete_cpu_models: dict[str, bool] | None = Field(None, alias="obsoleteCPUModels")
    ovmf_path: str | None = None
    permitted_host_devices: PermittedHostDevices | None = None
    persistent_reservation_configuration: Annotated[PersistentReservationConfiguration | None, Nullable()] = None
    role_aggregation_strategy: Literal["AggregateToDefault", "Manual"] | None = None
    seccomp_configuration: SeccompConfiguration | None = None
    selinux_launcher_type: str | None = None
    smbios: SMBiosConfiguration | None = None
    support_container_resources: Annotated[list[SupportContainerResources] | None, ListMap("type")] = None
    supported_guest_agent_versions: list[str] | None = None
    tls_configuration: TLSConfiguration | None = None
    virt_template_deployment: Annotated[VirtTemplateDeployment | None, Nullable()] = None
    virtual_machine_instances_per_node: int | None = None
    virtual_machine_options: VirtualMachineOptions | None = None
    vm_rollout_strategy: Annotated[Literal["Stage", "LiveUpdate"] | None, Nullable()] = None
    vm_state_storage_class: str | None = None
    webhook_configuration: ReloadableComponentConfiguration | None = None


class KubeVirtWorkloadUpdateStrategy(ApiModel):
    batch_eviction_interval: str | None = None
    batch_eviction_size: int | None = None
    workload_update_methods: Annotated[list[str] | None, ListAtomic()] = None


class KubeVirtSpec(ApiModel):
    certificate_rotate_strategy: KubeVirtCertificateRotateStrategy | None = None
    configuration: KubeVirtConfiguration | None = None
    customize_components: CustomizeComponents | None = None
    image_pull_policy: str | None = None
    image_pull_secrets: Annotated[list[LocalObjectReference] | None, ListAtomic()] = None
    image_registry: str | None = None
    image_tag: str | None = None
    infra: ComponentConfig | None = None
    monitor_account: str | None = None
    monitor_namespace: str | None = None
    product_component: str | None = None
    product_name: str | None = None
    product_version: str | None = None
    service_monitor_namespace: str | None = None
    synchronization_port: str | None = None
    uninstall_strategy: str | None = None
    workload_update_strategy: KubeVirtWorkloadUpdateStrategy | None = None
    workloads: ComponentConfig | None = None


class KubeVirtCondition(ApiModel):
    status: str
    type: str
    last_probe_time: Annotated[Time | None, Nullable()] = None
    last_transition_time: Annotated[Time | None, Nullable()] = None
    message: str | None = None
    reason: str | None = None


class KubeVirtStatus(ApiModel):
    conditions: list[KubeVirtCondition] | None = None
    default_architecture: str | None = None
    generations: Annotated[list[GenerationStatus] | None, ListAtomic()] = None
    observed_deployment_config: str | None = None
    observed_deployment_id: str | None = Field(None, alias="observedDeploymentID")
    observed_generation: Int64 | None = None
    observed_kube_virt_registry: str | None = None
    observed_kube_virt_version: str | None = None
    operator_version: str | None = None
    outdated_virtual_machine_instance_workloads: int | None = None
    phase: str | None = None
    synchronization_addresses: Annotated[list[str] | None, ListAtomic()] = None
    target_deployment_config: str | None = None
    target_deployment_id: str | None = Field(None, alias="targetDeploymentID")
    target_kube_virt_registry: str | None = None
    target_kube_virt_version: str | None = None


class KubeVirt(ApiModel):
    """An installation of KubeVirt: its settings and its state."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: KubeVirtSpec = Field(description="What is wanted.")
    status: KubeVirtStatus | None = Field(None, description="What there is.")
