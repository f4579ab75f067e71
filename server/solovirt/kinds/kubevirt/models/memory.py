"""The guest's memory."""

from typing import Literal

from pydantic import Field

from solovirt.machinery.schema.markers import ApiModel, Quantity


class DisableFreePageReporting(ApiModel):
    pass


class Hugepages(ApiModel):
    """Huge pages under the guest's memory."""

    page_size: str | None = Field(None, description="The size of a page, as the node offers it: 2Mi or 1Gi.")


class ReservedOverhead(ApiModel):
    added_overhead: Quantity | None = None
    mem_lock: Literal["NotRequired", "Required"] | None = None


class Memory(ApiModel):
    """How much memory the guest sees."""

    guest: Quantity | None = Field(
        None, description="The amount that the guest sees; what is requested of the node if not said."
    )
    hugepages: Hugepages | None = Field(None, description="Back the memory with huge pages.")
    max_guest: Quantity | None = Field(
        None, description="As much as can be reached by adding memory while the guest runs."
    )
    reserved_overhead: ReservedOverhead | None = Field(
        None, description="Memory of the node that is set aside for the instance beside the guest's."
    )


class MemoryStatus(ApiModel):
    guest_at_boot: Quantity | None = None
    guest_current: Quantity | None = None
    guest_requested: Quantity | None = None
    memory_overhead: Quantity | None = None
