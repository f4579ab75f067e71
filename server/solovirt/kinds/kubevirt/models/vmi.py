"""kubevirt.vmi"""

from solovirt.kinds.kubevirt.models.vmi_spec import VirtualMachineInstanceSpec
from solovirt.kinds.kubevirt.models.vmi_status import VirtualMachineInstanceStatus
from solovirt.machinery.schema.markers import ApiModel
from solovirt.machinery.schema.meta import ObjectMeta


class VirtualMachineInstance(ApiModel):
    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: VirtualMachineInstanceSpec
    status: VirtualMachineInstanceStatus | None = None
