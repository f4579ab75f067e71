"""What the flavor.kubevirt.io group serves."""

from __future__ import annotations

from solovirt.machinery.admission import Behaviour
from solovirt.machinery.resource import ModelRef, Resource, Scope, Version

GROUP = "flavor.kubevirt.io"


RESOURCES: tuple[Resource, ...] = (
    Resource(
        group=GROUP,
        kind="VirtualMachineClusterFlavor",
        plural="virtualmachineclusterflavors",
        singular="virtualmachineclusterflavor",
        scope=Scope.CLUSTER,
        versions=(Version("v1alpha1", ModelRef("solovirt.kinds.flavor.models.flavors:VirtualMachineClusterFlavor")),),
        behaviour=Behaviour(),
        short_names=("vmclusterflavor", "vmclusterflavors", "vmcf", "vmcfs"),
        categories=("all",),
    ),
    Resource(
        group=GROUP,
        kind="VirtualMachineFlavor",
        plural="virtualmachineflavors",
        singular="virtualmachineflavor",
        scope=Scope.NAMESPACED,
        versions=(Version("v1alpha1", ModelRef("solovirt.kinds.flavor.models.flavors:VirtualMachineFlavor")),),
        behaviour=Behaviour(),
        short_names=("vmflavor", "vmflavors", "vmf", "vmfs"),
        categories=("all",),
    ),
)
