"""What the pool.kubevirt.io group serves."""

from __future__ import annotations

from solovirt.kinds.scaling import SCALE
from solovirt.machinery.admission import Behaviour
from solovirt.machinery.resource import Column, ModelRef, Resource, Scope, Version

GROUP = "pool.kubevirt.io"

_VIRTUAL_MACHINE_POOLS_COLUMNS = (
    Column("Desired", "integer", json_path=".spec.replicas"),
    Column("Current", "integer", json_path=".status.replicas"),
    Column("Ready", "integer", json_path=".status.readyReplicas"),
    Column("Age", "date", json_path=".metadata.creationTimestamp"),
)

RESOURCES: tuple[Resource, ...] = (
    Resource(
        group=GROUP,
        kind="VirtualMachinePool",
        plural="virtualmachinepools",
        singular="virtualmachinepool",
        scope=Scope.NAMESPACED,
        versions=(
            Version(
                "v1beta1",
                ModelRef("solovirt.kinds.pool.models.pools:VirtualMachinePool"),
                columns=_VIRTUAL_MACHINE_POOLS_COLUMNS,
            ),
            Version(
                "v1alpha1",
                ModelRef("solovirt.kinds.pool.models.pools:VirtualMachinePool"),
                columns=_VIRTUAL_MACHINE_POOLS_COLUMNS,
                storage=False,
            ),
        ),
        behaviour=Behaviour(),
        short_names=("vmpool", "vmpools"),
        categories=("all",),
        status_subresource=True,
        subresources=(SCALE,),
    ),
)
