"""kubevirt.cpu"""

from solovirt.machinery.schema.markers import ApiModel, Int32


class CPUFeature(ApiModel):
    name: str
    policy: str | None = None


class NUMAGuestMappingPassthrough(ApiModel):
    pass


class NUMA(ApiModel):
    guest_mapping_passthrough: NUMAGuestMappingPassthrough | None = None


class Realtime(ApiModel):
    mask: str | None = None


class CPU(ApiModel):
    cores: Int32 | None = None
    dedicated_cpu_placement: bool | None = None
    features: list[CPUFeature] | None = None
    isolate_emulator_thread: bool | None = None
    max_sockets: Int32 | None = None
    model: str | None = None
    numa: NUMA | None = None
    realtime: Realtime | None = None
    sockets: Int32 | None = None
    threads: Int32 | None = None
