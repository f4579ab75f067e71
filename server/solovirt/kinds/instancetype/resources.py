"""What the instancetype.kubevirt.io group serves."""

from __future__ import annotations

from solovirt.kinds.instancetype.behaviour import InstancetypeBehaviour, PreferenceBehaviour
from solovirt.machinery.resource import ModelRef, Resource, Scope, Version

GROUP = "instancetype.kubevirt.io"


RESOURCES: tuple[Resource, ...] = (
    Resource(
        group=GROUP,
        kind="VirtualMachineClusterInstancetype",
        plural="virtualmachineclusterinstancetypes",
        singular="virtualmachineclusterinstancetype",
        scope=Scope.CLUSTER,
        versions=(
            Version(
                "v1beta1",
                ModelRef("solovirt.kinds.instancetype.models.instancetypes:VirtualMachineClusterInstancetype"),
            ),
        ),
        behaviour=InstancetypeBehaviour(),
        short_names=("vmclusterinstancetype", "vmclusterinstancetypes", "vmcf", "vmcfs"),
    ),
    Resource(
        group=GROUP,
        kind="VirtualMachineClusterPreference",
        plural="virtualmachineclusterpreferences",
        singular="virtualmachineclusterpreference",
        scope=Scope.CLUSTER,
        versions=(
            Version(
                "v1beta1", ModelRef("solovirt.kinds.instancetype.models.preferences:VirtualMachineClusterPreference")
            ),
        ),
        behaviour=PreferenceBehaviour(),
        short_names=("vmcp", "vmcps"),
    ),
    Resource(
        group=GROUP,
        kind="VirtualMachineInstancetype",
        plural="virtualmachineinstancetypes",
        singular="virtualmachineinstancetype",
        scope=Scope.NAMESPACED,
        versions=(
            Version("v1beta1", ModelRef("solovirt.kinds.instancetype.models.instancetypes:VirtualMachineInstancetype")),
        ),
        behaviour=InstancetypeBehaviour(),
        short_names=("vminstancetype", "vminstancetypes", "vmf", "vmfs"),
        categories=("all",),
    ),
    Resource(
        group=GROUP,
        kind="VirtualMachinePreference",
        plural="virtualmachinepreferences",
        singular="virtualmachinepreference",
        scope=Scope.NAMESPACED,
        versions=(
            Version("v1beta1", ModelRef("solovirt.kinds.instancetype.models.preferences:VirtualMachinePreference")),
        ),
        behaviour=PreferenceBehaviour(),
        short_names=("vmpref", "vmprefs", "vmp", "vmps"),
        categories=("all",),
    ),
)
