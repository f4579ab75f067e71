"""VirtualMachineInstance."""

from pydantic import Field

from solovirt.kinds.kubevirt.models.vmi_spec import VirtualMachineInstanceSpec
from solovirt.kinds.kubevirt.models.vmi_status import VirtualMachineInstanceStatus
from solovirt.machinery.schema.markers import ApiModel
from solovirt.machinery.schema.meta import ObjectMeta


class VirtualMachineInstance(ApiModel):
    """One run of a virtual machine, from its first scheduling to its end."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: VirtualMachineInstanceSpec = Field(description="The machine to run, and where.")
    status: VirtualMachineInstanceStatus | None = Field(None, description="How the run is going.")
