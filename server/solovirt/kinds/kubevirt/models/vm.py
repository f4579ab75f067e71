"""VirtualMachine."""

from typing import Annotated

from pydantic import Field

from solovirt.kinds.kubevirt.models.data_volume_templates import DataVolumeTemplateSpec
from solovirt.kinds.kubevirt.models.vm_status import VirtualMachineStatus
from solovirt.kinds.kubevirt.models.vmi_spec import VirtualMachineInstanceTemplateSpec
from solovirt.machinery.schema.markers import ApiModel, Nullable
from solovirt.machinery.schema.meta import ObjectMeta


class FlavorMatcher(ApiModel):
    """The flavor that a machine takes its CPU from."""

    name: str = Field(description="Name of the flavor.")
    kind: str | None = Field(
        None,
        description="VirtualMachineFlavor for one of the machine's namespace; VirtualMachineClusterFlavor, which is also what none means.",
    )
    profile: str | None = Field(None, description="A profile of the flavor, from the time when flavors had several.")
    revision_name: str | None = Field(None, description="The ControllerRevision that remembers the flavor as it was.")


class InstancetypeMatcher(ApiModel):
    """The instancetype that sizes a machine."""

    infer_from_volume: str | None = Field(None, description="Name of a volume whose labels name the instancetype.")
    infer_from_volume_failure_policy: str | None = Field(
        None, description="What happens if the volume names none: Reject the machine, or Ignore it."
    )
    kind: str | None = Field(
        None, description="VirtualMachineInstancetype or VirtualMachineClusterInstancetype; none means the latter."
    )
    name: str | None = Field(None, description="Name of the instancetype.")
    revision_name: str | None = Field(
        None, description="The ControllerRevision that remembers the instancetype as it was."
    )


class PreferenceMatcher(ApiModel):
    """The preference that fills in what a machine leaves open."""

    infer_from_volume: str | None = Field(None, description="Name of a volume whose labels name the preference.")
    infer_from_volume_failure_policy: str | None = Field(
        None, description="What happens if the volume names none: Reject the machine, or Ignore it."
    )
    kind: str | None = Field(
        None, description="VirtualMachinePreference or VirtualMachineClusterPreference; none means the latter."
    )
    name: str | None = Field(None, description="Name of the preference.")
    revision_name: str | None = Field(
        None, description="The ControllerRevision that remembers the preference as it was."
    )


class VirtualMachineSpec(ApiModel):
    """What a machine is, and when it should run."""

    template: VirtualMachineInstanceTemplateSpec = Field(
        description="The instance that is made when the machine starts."
    )
    data_volume_templates: list[Annotated[DataVolumeTemplateSpec, Nullable()]] | None = Field(
        None, description="DataVolumes that are made with the machine and go with it. It starts once they are filled."
    )
    flavor: FlavorMatcher | None = Field(
        None, description="The flavor that the machine takes its CPU from. Not together with an instancetype."
    )
    instancetype: InstancetypeMatcher | None = Field(
        None, description="The instancetype that sizes the machine. Not together with a flavor."
    )
    preference: PreferenceMatcher | None = Field(
        None, description="The preference that fills in what neither the machine nor its instancetype says."
    )
    run_strategy: str | None = Field(
        None,
        description="When an instance should be running: Always, Halted, Manual, RerunOnFailure or Once. Excludes `running`.",
    )
    running: bool | None = Field(
        None,
        description="Whether an instance should be running. Older than runStrategy, and excludes it: true is Always, false is Halted.",
    )
    update_volumes_strategy: str | None = Field(
        None,
        description="What a change of the volumes of a running machine means: Replacement at the next start, or Migration of the data at once.",
    )


class VirtualMachine(ApiModel):
    """A virtual machine that outlives its runs: what its instances look like, and whether one should be running."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: VirtualMachineSpec = Field(description="What the machine is, and when it should run.")
    status: VirtualMachineStatus | None = Field(None, description="Whether the machine runs, and how it is doing.")
