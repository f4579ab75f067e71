"""VirtualMachineFlavor and VirtualMachineClusterFlavor, as of KubeVirt v0.53."""

from pydantic import Field

from solovirt.kinds.kubevirt.models.cpu import NUMA, CPUFeature, Realtime
from solovirt.machinery.schema.markers import ApiModel, Int32
from solovirt.machinery.schema.meta import ObjectMeta


class FlavorCPU(ApiModel):
    """How many processors the guest sees, and of what kind, as KubeVirt v0.53 knew it."""

    cores: Int32 | None = Field(None, description="Cores in each socket; 1 if not said.")
    dedicated_cpu_placement: bool | None = Field(
        None, description="Give each virtual processor a physical one to itself."
    )
    features: list[CPUFeature] | None = Field(
        None, description="Processor features to force, require, forbid or leave to the host."
    )
    isolate_emulator_thread: bool | None = Field(
        None, description="Give the emulator one more physical processor to itself. Needs dedicatedCpuPlacement."
    )
    model: str | None = Field(
        None,
        description="The processor model that the guest sees, as libvirt calls it; host-passthrough and host-model take the node's.",
    )
    numa: NUMA | None = Field(None, description="How the guest sees the node's memory zones.")
    realtime: Realtime | None = Field(None, description="Run the virtual processors with real-time priority.")
    sockets: Int32 | None = Field(None, description="Sockets; 1 if not said.")
    threads: Int32 | None = Field(None, description="Threads in each core; 1 if not said.")


class VirtualMachineFlavorSpec(ApiModel):
    """What a flavor gives to the machines that name it."""

    cpu: FlavorCPU | None = Field(
        None, description="The CPU, taken as a whole by a machine whose template says nothing of its own CPU."
    )


class VirtualMachineClusterFlavor(ApiModel):
    """A named CPU for machines of every namespace."""

    spec: VirtualMachineFlavorSpec = Field(description="What the flavor gives.")
    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None


class VirtualMachineFlavor(ApiModel):
    """A named CPU for machines of its namespace."""

    spec: VirtualMachineFlavorSpec = Field(description="What the flavor gives.")
    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
