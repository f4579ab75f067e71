"""What the clone.kubevirt.io group serves."""

from __future__ import annotations

from solovirt.machinery.admission import Behaviour
from solovirt.machinery.resource import Column, ModelRef, Resource, Scope, Version

GROUP = "clone.kubevirt.io"

_VIRTUAL_MACHINE_CLONES_COLUMNS = (
    Column("Phase", json_path=".status.phase"),
    Column("SourceVirtualMachine", json_path=".spec.source.name"),
    Column("TargetVirtualMachine", json_path=".spec.target.name"),
)

RESOURCES: tuple[Resource, ...] = (
    Resource(
        group=GROUP,
        kind="VirtualMachineClone",
        plural="virtualmachineclones",
        singular="virtualmachineclone",
        scope=Scope.NAMESPACED,
        versions=(
            Version(
                "v1beta1",
                ModelRef("solovirt.kinds.clone.models.clones:VirtualMachineClone"),
                columns=_VIRTUAL_MACHINE_CLONES_COLUMNS,
            ),
            Version(
                "v1alpha1",
                ModelRef("solovirt.kinds.clone.models.clones:VirtualMachineClone"),
                columns=_VIRTUAL_MACHINE_CLONES_COLUMNS,
                storage=False,
            ),
        ),
        behaviour=Behaviour(),
        short_names=("vmclone", "vmclones"),
        categories=("all",),
        status_subresource=True,
    ),
)
