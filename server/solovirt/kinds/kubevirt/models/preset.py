"""kubevirt.preset"""

from solovirt.kinds.core.models.embedded.selectors import LabelSelector
from solovirt.kinds.kubevirt.models.vmi_spec import DomainSpec
from solovirt.machinery.schema.markers import ApiModel
from solovirt.machinery.schema.meta import ObjectMeta


class VirtualMachineInstancePresetSpec(ApiModel):
    selector: LabelSelector
    domain: DomainSpec | None = None


class VirtualMachineInstancePreset(ApiModel):
    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: VirtualMachineInstancePresetSpec | None = None
