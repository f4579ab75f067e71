"""The guest's processors."""

from pydantic import Field

from solovirt.machinery.schema.markers import ApiModel, Int32


class CPUFeature(ApiModel):
    """A processor feature, and what is to be done about it."""

    name: str = Field(description="The feature, as libvirt calls it.")
    policy: str | None = Field(None, description="force, require, optional, disable or forbid; require if not said.")


class NUMAGuestMappingPassthrough(ApiModel):
    pass


class NUMA(ApiModel):
    """How the guest sees the node's memory zones."""

    guest_mapping_passthrough: NUMAGuestMappingPassthrough | None = Field(
        None, description="Show the guest the zones of the processors it is pinned to."
    )


class Realtime(ApiModel):
    """Real-time virtual processors."""

    mask: str | None = Field(
        None, description="The virtual processors that it is for, as a cpuset (`0-3,^1`); all if not said."
    )


class CPU(ApiModel):
    """How many processors the guest sees, and of what kind. The number of virtual processors is sockets times cores times threads."""

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
    max_sockets: Int32 | None = Field(
        None, description="As many sockets as can be reached by adding some while the guest runs."
    )
    model: str | None = Field(
        None,
        description="The processor model that the guest sees, as libvirt calls it; host-passthrough and host-model take the node's.",
    )
    numa: NUMA | None = Field(None, description="How the guest sees the node's memory zones.")
    realtime: Realtime | None = Field(None, description="Run the virtual processors with real-time priority.")
    sockets: Int32 | None = Field(None, description="Sockets; 1 if not said.")
    threads: Int32 | None = Field(None, description="Threads in each core; 1 if not said.")
