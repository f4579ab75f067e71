"""kubevirt.memory"""

from typing import Literal

from solovirt.machinery.schema.markers import ApiModel, Quantity


class DisableFreePageReporting(ApiModel):
    pass


class Hugepages(ApiModel):
    page_size: str | None = None


class ReservedOverhead(ApiModel):
    added_overhead: Quantity | None = None
    mem_lock: Literal["NotRequired", "Required"] | None = None


class Memory(ApiModel):
    guest: Quantity | None = None
    hugepages: Hugepages | None = None
    max_guest: Quantity | None = None
    reserved_overhead: ReservedOverhead | None = None


class MemoryStatus(ApiModel):
    guest_at_boot: Quantity | None = None
    guest_current: Quantity | None = None
    guest_requested: Quantity | None = None
    memory_overhead: Quantity | None = None
