"""Pod."""

from typing import Annotated, Literal

from pydantic import Field

from solovirt.kinds.core.models.container_status import ContainerExtendedResourceRequest, ContainerStatus
from solovirt.kinds.core.models.containers import Container, EphemeralContainer
from solovirt.kinds.core.models.references import LocalObjectReference
from solovirt.kinds.core.models.requirements import ResourceRequirements
from solovirt.kinds.core.models.scheduling import Affinity, Toleration, TopologySpreadConstraint
from solovirt.kinds.core.models.security import PodSecurityContext
from solovirt.kinds.core.models.volumes import Volume
from solovirt.machinery.schema.markers import (
    ApiModel,
    CoreQuantity,
    CoreTime,
    Int32,
    Int64,
    ListAtomic,
    ListMap,
    ListSet,
    MapAtomic,
    PatchStrategy,
)
from solovirt.machinery.schema.meta import ObjectMeta


class HostAlias(ApiModel):
    schema_name = "io.k8s.api.core.v1.HostAlias"

    ip: str
    hostnames: Annotated[list[str] | None, ListAtomic()] = None


class HostIP(ApiModel):
    schema_name = "io.k8s.api.core.v1.HostIP"

    ip: str


class NodeAllocatableResourceClaimStatus(ApiModel):
    schema_name = "io.k8s.api.core.v1.NodeAllocatableResourceClaimStatus"

    resource_claim_name: str
    resources: dict[str, CoreQuantity]
    containers: Annotated[list[str] | None, ListSet()] = None


class PodDNSConfigOption(ApiModel):
    schema_name = "io.k8s.api.core.v1.PodDNSConfigOption"

    name: str | None = None
    value: str | None = None


class PodDNSConfig(ApiModel):
    schema_name = "io.k8s.api.core.v1.PodDNSConfig"

    nameservers: Annotated[list[str] | None, ListAtomic()] = None
    options: Annotated[list[PodDNSConfigOption] | None, ListAtomic()] = None
    searches: Annotated[list[str] | None, ListAtomic()] = None


class PodOS(ApiModel):
    schema_name = "io.k8s.api.core.v1.PodOS"

    name: str


class PodReadinessGate(ApiModel):
    schema_name = "io.k8s.api.core.v1.PodReadinessGate"

    condition_type: str


class PodResourceClaim(ApiModel):
    schema_name = "io.k8s.api.core.v1.PodResourceClaim"

    name: str
    resource_claim_name: str | None = None
    resource_claim_template_name: str | None = None


class PodSchedulingGate(ApiModel):
    schema_name = "io.k8s.api.core.v1.PodSchedulingGate"

    name: str


class PodSchedulingGroup(ApiModel):
    schema_name = "io.k8s.api.core.v1.PodSchedulingGroup"

    pod_group_name: str | None = None


class PodSpec(ApiModel):
    schema_name = "io.k8s.api.core.v1.PodSpec"

    containers: Annotated[list[Container], ListMap("name"), PatchStrategy("merge", "name")]
    active_deadline_seconds: Int64 | None = None
    affinity: Affinity | None = None
    automount_service_account_token: bool | None = None
    dns_config: PodDNSConfig | None = None
    dns_policy: Literal["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"] | None = None
    enable_service_links: bool | None = None
    ephemeral_containers: Annotated[
        list[EphemeralContainer] | None, ListMap("name"), PatchStrategy("merge", "name")
    ] = None
    host_aliases: Annotated[list[HostAlias] | None, ListMap("ip"), PatchStrategy("merge", "ip")] = None
    host_ipc: bool | None = Field(None, alias="hostIPC")
    host_network: bool | None = None
    host_pid: bool | None = Field(None, alias="hostPID")
    host_users: bool | None = None
    hostname: str | None = None
    hostname_override: str | None = None
    image_pull_secrets: Annotated[
        list[LocalObjectReference] | None, ListMap("name"), PatchStrategy("merge", "name")
    ] = None
    init_containers: Annotated[list[Container] | None, ListMap("name"), PatchStrategy("merge", "name")] = None
    node_name: str | None = None
    node_selector: Annotated[dict[str, str] | None, MapAtomic()] = None
    os: PodOS | None = None
    overhead: dict[str, CoreQuantity] | None = None
    preemption_policy: Literal["Never", "PreemptLowerPriority"] | None = None
    priority: Int32 | None = None
    priority_class_name: str | None = None
    readiness_gates: Annotated[list[PodReadinessGate] | None, ListAtomic()] = None
    resource_claims: Annotated[
        list[PodResourceClaim] | None, ListMap("name"), PatchStrategy("merge,retainKeys", "name")
    ] = None
    resources: ResourceRequirements | None = None
    restart_policy: Literal["Always", "Never", "OnFailure"] | None = None
    runtime_class_name: str | None = None
    scheduler_name: str | None = None
    scheduling_gates: Annotated[list[PodSchedulingGate] | None, ListMap("name"), PatchStrategy("merge", "name")] = None
    scheduling_group: PodSchedulingGroup | None = None
    security_context: PodSecurityContext | None = None
    service_account: str | None = None
    service_account_name: str | None = None
    set_hostname_as_fqdn: bool | None = Field(None, alias="setHostnameAsFQDN")
    share_process_namespace: bool | None = None
    subdomain: str | None = None
    termination_grace_period_seconds: Int64 | None = None
    tolerations: Annotated[list[Toleration] | None, ListAtomic()] = None
    topology_spread_constraints: Annotated[
        list[TopologySpreadConstraint] | None,
        ListMap("topologyKey", "whenUnsatisfiable"),
        PatchStrategy("merge", "topologyKey"),
    ] = None
    volumes: Annotated[list[Volume] | None, ListMap("name"), PatchStrategy("merge,retainKeys", "name")] = None


class PodCondition(ApiModel):
    schema_name = "io.k8s.api.core.v1.PodCondition"

    status: str
    type: str
    last_probe_time: CoreTime | None = None
    last_transition_time: CoreTime | None = None
    message: str | None = None
    observed_generation: Int64 | None = None
    reason: str | None = None


class PodExtendedResourceClaimStatus(ApiModel):
    schema_name = "io.k8s.api.core.v1.PodExtendedResourceClaimStatus"

    request_mappings: Annotated[list[ContainerExtendedResourceRequest], ListAtomic()]
    resource_claim_name: str


class PodIP(ApiModel):
    schema_name = "io.k8s.api.core.v1.PodIP"

    ip: str


class PodResourceClaimStatus(ApiModel):
    schema_name = "io.k8s.api.core.v1.PodResourceClaimStatus"

    name: str
    resource_claim_name: str | None = None


class PodStatus(ApiModel):
    schema_name = "io.k8s.api.core.v1.PodStatus"

    allocated_resources: dict[str, CoreQuantity] | None = None
    conditions: Annotated[list[PodCondition] | None, ListMap("type"), PatchStrategy("merge", "type")] = None
    container_statuses: Annotated[list[ContainerStatus] | None, ListAtomic()] = None
    ephemeral_container_statuses: Annotated[list[ContainerStatus] | None, ListAtomic()] = None
    extended_resource_claim_status: PodExtendedResourceClaimStatus | None = None
    host_ip: str | None = Field(None, alias="hostIP")
    host_ips: Annotated[list[HostIP] | None, ListAtomic(), PatchStrategy("merge", "ip")] = Field(None, alias="hostIPs")
    init_container_statuses: Annotated[list[ContainerStatus] | None, ListAtomic()] = None
    message: str | None = None
    node_allocatable_resource_claim_statuses: Annotated[
        list[NodeAllocatableResourceClaimStatus] | None, ListAtomic()
    ] = None
    nominated_node_name: str | None = None
    observed_generation: Int64 | None = None
    phase: Literal["Failed", "Pending", "Running", "Succeeded", "Unknown"] | None = None
    pod_ip: str | None = Field(None, alias="podIP")
    pod_ips: Annotated[list[PodIP] | None, ListMap("ip"), PatchStrategy("merge", "ip")] = Field(None, alias="podIPs")
    qos_class: Literal["BestEffort", "Burstable", "Guaranteed"] | None = None
    reason: str | None = None
    resize: str | None = None
    resource_claim_statuses: Annotated[
        list[PodResourceClaimStatus] | None, ListMap("name"), PatchStrategy("merge,retainKeys", "name")
    ] = None
    resources: ResourceRequirements | None = None
    start_time: CoreTime | None = None


class Pod(ApiModel):
    """Containers that run together on a node."""

    schema_name = "io.k8s.api.core.v1.Pod"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: PodSpec | None = None
    status: PodStatus | None = None
