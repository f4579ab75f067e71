"""flavor.flavors"""

from pydantic import Field

from solovirt.kinds.kubevirt.models.cpu import NUMA, CPUFeature, Realtime
from solovirt.machinery.schema.markers import ApiModel, Int32
from solovirt.machinery.schema.meta import ObjectMeta


class FlavorCPU(ApiModel):
    """x"""

    cores: Int32 | None = None
    dedicated_cpu_placement: bool | None = None
    features: list[CPUFeature] | None = None
    isolate_emulator_thread: bool | None = None
    model: str | None = None
    numa: NUMA | None = None
    realtime: Realtime | None = None
    sockets: Int32 | None = None
    threads: Int32 | None = None


class VirtualMachineFlavorSpec(ApiModel):
    """x"""

    cpu: FlavorCPU | None = Field(None, description="c")


class VirtualMachineClusterFlavor(ApiModel):
    """x"""

    spec: VirtualMachineFlavorSpec = Field(description="c")
    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None


class VirtualMachineFlavor(ApiModel):
    """x"""

    spec: VirtualMachineFlavorSpec = Field(description="c")
    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
