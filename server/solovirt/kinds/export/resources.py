"""What the export.kubevirt.io group serves."""

from __future__ import annotations

from solovirt.machinery.admission import Behaviour
from solovirt.machinery.resource import Column, ModelRef, Resource, Scope, Version

GROUP = "export.kubevirt.io"

_VIRTUAL_MACHINE_EXPORTS_COLUMNS = (
    Column("SourceKind", json_path=".spec.source.kind"),
    Column("SourceName", json_path=".spec.source.name"),
    Column("Phase", json_path=".status.phase"),
)

RESOURCES: tuple[Resource, ...] = (
    Resource(
        group=GROUP,
        kind="VirtualMachineExport",
        plural="virtualmachineexports",
        singular="virtualmachineexport",
        scope=Scope.NAMESPACED,
        versions=(
            Version(
                "v1",
                ModelRef("solovirt.kinds.export.models.exports:VirtualMachineExport"),
                columns=_VIRTUAL_MACHINE_EXPORTS_COLUMNS,
            ),
            Version(
                "v1beta1",
                ModelRef("solovirt.kinds.export.models.exports:VirtualMachineExport"),
                columns=_VIRTUAL_MACHINE_EXPORTS_COLUMNS,
                storage=False,
                deprecated=True,
            ),
        ),
        behaviour=Behaviour(),
        short_names=("vmexport", "vmexports"),
        categories=("all",),
        status_subresource=True,
    ),
)
