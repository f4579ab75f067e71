"""kubevirt.vmi_spec"""

from typing import Annotated, Literal

from pydantic import Field

from solovirt.kinds.core.models.embedded.dns import PodDNSConfig
from solovirt.kinds.core.models.embedded.scheduling import Affinity, Toleration, TopologySpreadConstraint
from solovirt.kinds.kubevirt.models.access_credentials import AccessCredential
from solovirt.kinds.kubevirt.models.claims import VirtualMachineInstanceResourceClaim
from solovirt.kinds.kubevirt.models.clock import Clock
from solovirt.kinds.kubevirt.models.cpu import CPU
from solovirt.kinds.kubevirt.models.devices import Devices
from solovirt.kinds.kubevirt.models.features import Features
from solovirt.kinds.kubevirt.models.firmware import Chassis, Firmware, Machine
from solovirt.kinds.kubevirt.models.launch_security import LaunchSecurity
from solovirt.kinds.kubevirt.models.memory import Memory
from solovirt.kinds.kubevirt.models.network import Network
from solovirt.kinds.kubevirt.models.probes import Probe
from solovirt.kinds.kubevirt.models.volumes import UtilityVolume, Volume
from solovirt.machinery.schema.markers import ApiModel, Int32, Int64, ListAtomic, ListMap, Nullable, Quantity, RawObject


class DiskIOThreads(ApiModel):
    supplemental_pool_thread_count: Int32 | None = None


class ResourceRequirements(ApiModel):
    limits: dict[str, Quantity] | None = None
    overcommit_guest_overhead: bool | None = None
    requests: dict[str, Quantity] | None = None


class DomainSpec(ApiModel):
    devices: Devices
    chassis: Chassis | None = None
    clock: Clock | None = None
    cpu: CPU | None = None
    features: Features | None = None
    firmware: Firmware | None = None
    io_threads: DiskIOThreads | None = None
    io_threads_policy: str | None = None
    launch_security: LaunchSecurity | None = None
    machine: Machine | None = None
    memory: Memory | None = None
    reboot_policy: Literal["Reboot", "Terminate"] | None = None
    resources: ResourceRequirements | None = None


class VirtualMachineInstanceSpec(ApiModel):
    domain: DomainSpec
    access_credentials: Annotated[list[AccessCredential] | None, ListAtomic(), Field(max_length=256)] = None
    affinity: Affinity | None = None
    architecture: str | None = None
    dns_config: PodDNSConfig | None = None
    dns_policy: str | None = None
    eviction_strategy: str | None = None
    hostname: str | None = None
    liveness_probe: Probe | None = None
    networks: Annotated[list[Network] | None, Field(max_length=256)] = None
    node_selector: dict[str, str] | None = None
    priority_class_name: str | None = None
    readiness_probe: Probe | None = None
    resource_claims: Annotated[list[VirtualMachineInstanceResourceClaim] | None, ListMap("name")] = None
    scheduler_name: str | None = None
    service_account_name: str | None = None
    start_strategy: str | None = None
    subdomain: str | None = None
    termination_grace_period_seconds: Int64 | None = None
    tolerations: list[Toleration] | None = None
    topology_spread_constraints: Annotated[
        list[TopologySpreadConstraint] | None, ListMap("topologyKey", "whenUnsatisfiable")
    ] = None
    utility_volumes: Annotated[list[UtilityVolume] | None, ListMap("name"), Field(max_length=256)] = None
    volumes: Annotated[list[Volume] | None, Field(max_length=256)] = None


class VirtualMachineInstanceTemplateSpec(ApiModel):
    metadata: Annotated[RawObject | None, Nullable()] = None
    spec: VirtualMachineInstanceSpec | None = None
