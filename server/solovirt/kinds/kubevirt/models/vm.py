"""kubevirt.vm"""

from typing import Annotated

from pydantic import Field

from solovirt.kinds.kubevirt.models.data_volume_templates import DataVolumeTemplateSpec
from solovirt.kinds.kubevirt.models.vm_status import VirtualMachineStatus
from solovirt.kinds.kubevirt.models.vmi_spec import VirtualMachineInstanceTemplateSpec
from solovirt.machinery.schema.markers import ApiModel, Nullable
from solovirt.machinery.schema.meta import ObjectMeta


class FlavorMatcher(ApiModel):
    """x"""

    name: str = Field(description="n")
    kind: str | None = Field(None, description="k")
    profile: str | None = Field(None, description="p")
    revision_name: str | None = Field(None, description="r")


class InstancetypeMatcher(ApiModel):
    infer_from_volume: str | None = None
    infer_from_volume_failure_policy: str | None = None
    kind: str | None = None
    name: str | None = None
    revision_name: str | None = None


class PreferenceMatcher(ApiModel):
    infer_from_volume: str | None = None
    infer_from_volume_failure_policy: str | None = None
    kind: str | None = None
    name: str | None = None
    revision_name: str | None = None


class VirtualMachineSpec(ApiModel):
    template: VirtualMachineInstanceTemplateSpec
    data_volume_templates: list[Annotated[DataVolumeTemplateSpec, Nullable()]] | None = None
    flavor: FlavorMatcher | None = Field(None, description="The flavor that brings this machine's CPU.")
    instancetype: InstancetypeMatcher | None = None
    preference: PreferenceMatcher | None = None
    run_strategy: str | None = None
    running: bool | None = None
    update_volumes_strategy: str | None = None


class VirtualMachine(ApiModel):
    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: VirtualMachineSpec
    status: VirtualMachineStatus | None = None
