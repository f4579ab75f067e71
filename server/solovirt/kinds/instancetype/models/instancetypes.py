"""VirtualMachineInstancetype and VirtualMachineClusterInstancetype."""

from typing import Annotated

from pydantic import Field

from solovirt.kinds.kubevirt.models.cpu import NUMA, Realtime
from solovirt.kinds.kubevirt.models.devices import GPU, HostDevice
from solovirt.kinds.kubevirt.models.launch_security import LaunchSecurity
from solovirt.kinds.kubevirt.models.memory import Hugepages
from solovirt.kinds.kubevirt.models.vmi_spec import DiskIOThreads
from solovirt.machinery.schema.markers import ApiModel, Int32, ListAtomic, Quantity
from solovirt.machinery.schema.meta import ObjectMeta


class CPUInstancetype(ApiModel):
    guest: Int32
    dedicated_cpu_placement: bool | None = Field(None, alias="dedicatedCPUPlacement")
    isolate_emulator_thread: bool | None = None
    max_sockets: Int32 | None = None
    model: str | None = None
    numa: NUMA | None = None
    realtime: Realtime | None = None


class MemoryInstancetype(ApiModel):
    guest: Quantity
    hugepages: Hugepages | None = None
    max_guest: Quantity | None = None
    overcommit_percent: Annotated[int | None, Field(ge=0, le=100)] = None


class VirtualMachineInstancetypeSpec(ApiModel):
    cpu: CPUInstancetype
    memory: MemoryInstancetype
    annotations: dict[str, str] | None = None
    gpus: Annotated[list[GPU] | None, ListAtomic()] = None
    host_devices: Annotated[list[HostDevice] | None, ListAtomic()] = None
    io_threads: DiskIOThreads | None = None
    io_threads_policy: str | None = None
    launch_security: LaunchSecurity | None = None
    node_selector: dict[str, str] | None = None
    scheduler_name: str | None = None


class VirtualMachineClusterInstancetype(ApiModel):
    """A named size for machines of every namespace."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: VirtualMachineInstancetypeSpec = Field(description="What a machine of this size has.")


class VirtualMachineInstancetype(ApiModel):
    """A named size for machines of its namespace."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: VirtualMachineInstancetypeSpec = Field(description="What a machine of this size has.")
