"""What a VirtualMachineInstance runs."""

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
    """Threads that serve the disks."""

    supplemental_pool_thread_count: Int32 | None = Field(
        None, description="How many threads the pool has, with the policy supplementalPool."
    )


class ResourceRequirements(ApiModel):
    """What is asked of the node, and the most that may be used."""

    limits: dict[str, Quantity] | None = Field(None, description="The most that may be used, by resource.")
    overcommit_guest_overhead: bool | None = Field(
        None, description="Don't ask for the memory that running the guest takes on top."
    )
    requests: dict[str, Quantity] | None = Field(None, description="What must be free on the node, by resource.")


class DomainSpec(ApiModel):
    """The hardware of a virtual machine."""

    devices: Devices = Field(description="Disks, interfaces and everything else that is plugged in.")
    chassis: Chassis | None = Field(
        None, description="What the guest reads of its chassis: manufacturer, serial number and so on."
    )
    clock: Clock | None = Field(None, description="What the guest's clock shows at start, and what keeps it.")
    cpu: CPU | None = Field(
        None,
        description="How many processors the guest sees, and of what kind. Their number is sockets times cores times threads.",
    )
    features: Features | None = Field(
        None, description="What hypervisor and chipset offer: ACPI, APIC, Hyper-V enlightenments, …"
    )
    firmware: Firmware | None = Field(None, description="How the guest boots.")
    io_threads: DiskIOThreads | None = Field(None, description="How many threads serve the disks.")
    io_threads_policy: str | None = Field(
        None, description="How disks share their threads: shared, auto or supplementalPool."
    )
    launch_security: LaunchSecurity | None = Field(None, description="Protection of the guest's memory from the host.")
    machine: Machine | None = Field(None, description="The board that is emulated.")
    memory: Memory | None = Field(None, description="How much memory the guest sees.")
    reboot_policy: Literal["Reboot", "Terminate"] | None = Field(
        None, description="What a reboot from inside does: Reboot the guest, or Terminate the instance."
    )
    resources: ResourceRequirements | None = Field(
        None, description="What is asked of the node for the instance, and the most it may use."
    )


class VirtualMachineInstanceSpec(ApiModel):
    """A virtual machine to run: its hardware, its disks and networks, and where it may run."""

    domain: DomainSpec = Field(description="The machine's hardware.")
    access_credentials: Annotated[list[AccessCredential] | None, ListAtomic(), Field(max_length=256)] = Field(
        None, description="SSH keys and passwords that are put into the guest."
    )
    affinity: Affinity | None = Field(
        None, description="Which nodes, and which neighbours, the instance wants or shuns."
    )
    architecture: str | None = Field(
        None, description="The processor architecture of the guest: amd64, arm64 or s390x."
    )
    dns_config: PodDNSConfig | None = Field(None, description="DNS settings of the pod, on top of the policy.")
    dns_policy: str | None = Field(None, description="Where the pod gets its DNS settings from.")
    eviction_strategy: str | None = Field(
        None,
        description="What a drain of the node does to the instance: LiveMigrate, LiveMigrateIfPossible, External or None.",
    )
    hostname: str | None = Field(None, description="The guest's hostname; the instance's name if there is none.")
    liveness_probe: Probe | None = Field(None, description="The check that stops an instance which no longer answers.")
    networks: Annotated[list[Network] | None, Field(max_length=256)] = Field(
        None, description="The networks that the interfaces are connected to, by name."
    )
    node_selector: dict[str, str] | None = Field(None, description="Labels that a node must have to run the instance.")
    priority_class_name: str | None = Field(None, description="The class that says how important the instance is.")
    readiness_probe: Probe | None = Field(None, description="The check that decides whether the instance is Ready.")
    resource_claims: Annotated[list[VirtualMachineInstanceResourceClaim] | None, ListMap("name")] = Field(
        None, description="Claims of devices that the instance uses."
    )
    scheduler_name: str | None = Field(None, description="The scheduler that picks the node.")
    service_account_name: str | None = Field(None, description="The service account that the pod runs as.")
    start_strategy: str | None = Field(
        None, description="Paused, to have the guest wait for an unpause after it is started."
    )
    subdomain: str | None = Field(None, description="The domain below the namespace's that the hostname is in.")
    termination_grace_period_seconds: Int64 | None = Field(
        None, description="How long the guest may take to shut down before it is killed, in seconds; 180 if not said."
    )
    tolerations: list[Toleration] | None = Field(None, description="Taints of nodes that the instance puts up with.")
    topology_spread_constraints: Annotated[
        list[TopologySpreadConstraint] | None, ListMap("topologyKey", "whenUnsatisfiable")
    ] = Field(None, description="How instances are spread over zones and nodes.")
    utility_volumes: Annotated[list[UtilityVolume] | None, ListMap("name"), Field(max_length=256)] = Field(
        None, description="Volumes that serve the pod and are no disks of the guest."
    )
    volumes: Annotated[list[Volume] | None, Field(max_length=256)] = Field(
        None, description="Where the contents of the disks and file systems come from, by name."
    )


class VirtualMachineInstanceTemplateSpec(ApiModel):
    """What an instance is made from."""

    metadata: Annotated[RawObject | None, Nullable()] = Field(
        None, description="Labels and annotations of the instance."
    )
    spec: VirtualMachineInstanceSpec | None = Field(None, description="The instance.")
