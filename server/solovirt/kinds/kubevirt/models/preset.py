"""VirtualMachineInstancePreset."""

from pydantic import Field

from solovirt.kinds.core.models.embedded.selectors import LabelSelector
from solovirt.kinds.kubevirt.models.vmi_spec import DomainSpec
from solovirt.machinery.schema.markers import ApiModel
from solovirt.machinery.schema.meta import ObjectMeta


class VirtualMachineInstancePresetSpec(ApiModel):
    selector: LabelSelector
    domain: DomainSpec | None = None


class VirtualMachineInstancePreset(ApiModel):
    """Settings for instances with certain labels. Deprecated, and no longer applied."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: VirtualMachineInstancePresetSpec | None = Field(
        None, description="The settings, and the instances they are for."
    )
