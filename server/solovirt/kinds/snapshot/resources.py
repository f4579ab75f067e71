"""What the snapshot.kubevirt.io group serves."""

from __future__ import annotations

from solovirt.machinery.admission import Behaviour
from solovirt.machinery.resource import Column, ModelRef, Resource, Scope, Version

GROUP = "snapshot.kubevirt.io"

_VIRTUAL_MACHINE_RESTORES_COLUMNS = (
    Column("TargetKind", json_path=".spec.target.kind"),
    Column("TargetName", json_path=".spec.target.name"),
    Column("Complete", "boolean", json_path=".status.complete"),
    Column("RestoreTime", "date", json_path=".status.restoreTime"),
)
_VIRTUAL_MACHINE_SNAPSHOT_CONTENTS_COLUMNS = (
    Column("ReadyToUse", "boolean", json_path=".status.readyToUse"),
    Column("CreationTime", "date", json_path=".status.creationTime"),
    Column("Error", json_path=".status.error.message"),
)
_VIRTUAL_MACHINE_SNAPSHOTS_COLUMNS = (
    Column("SourceKind", json_path=".spec.source.kind"),
    Column("SourceName", json_path=".spec.source.name"),
    Column("Phase", json_path=".status.phase"),
    Column("ReadyToUse", "boolean", json_path=".status.readyToUse"),
    Column("CreationTime", "date", json_path=".status.creationTime"),
    Column("Error", json_path=".status.error.message"),
)

RESOURCES: tuple[Resource, ...] = (
    Resource(
        group=GROUP,
        kind="VirtualMachineRestore",
        plural="virtualmachinerestores",
        singular="virtualmachinerestore",
        scope=Scope.NAMESPACED,
        versions=(
            Version(
                "v1beta1",
                ModelRef("solovirt.kinds.snapshot.models.restores:VirtualMachineRestore"),
                columns=_VIRTUAL_MACHINE_RESTORES_COLUMNS,
            ),
            Version(
                "v1alpha1",
                ModelRef("solovirt.kinds.snapshot.models.restores:VirtualMachineRestore"),
                columns=_VIRTUAL_MACHINE_RESTORES_COLUMNS,
                storage=False,
            ),
        ),
        behaviour=Behaviour(),
        short_names=("vmrestore", "vmrestores"),
        categories=("all",),
        status_subresource=True,
    ),
    Resource(
        group=GROUP,
        kind="VirtualMachineSnapshotContent",
        plural="virtualmachinesnapshotcontents",
        singular="virtualmachinesnapshotcontent",
        scope=Scope.NAMESPACED,
        versions=(
            Version(
                "v1beta1",
                ModelRef("solovirt.kinds.snapshot.models.snapshots:VirtualMachineSnapshotContent"),
                columns=_VIRTUAL_MACHINE_SNAPSHOT_CONTENTS_COLUMNS,
            ),
            Version(
                "v1alpha1",
                ModelRef("solovirt.kinds.snapshot.models.snapshots:VirtualMachineSnapshotContent"),
                columns=_VIRTUAL_MACHINE_SNAPSHOT_CONTENTS_COLUMNS,
                storage=False,
            ),
        ),
        behaviour=Behaviour(),
        short_names=("vmsnapshotcontent", "vmsnapshotcontents"),
        categories=("all",),
        status_subresource=True,
    ),
    Resource(
        group=GROUP,
        kind="VirtualMachineSnapshot",
        plural="virtualmachinesnapshots",
        singular="virtualmachinesnapshot",
        scope=Scope.NAMESPACED,
        versions=(
            Version(
                "v1beta1",
                ModelRef("solovirt.kinds.snapshot.models.snapshots:VirtualMachineSnapshot"),
                columns=_VIRTUAL_MACHINE_SNAPSHOTS_COLUMNS,
            ),
            Version(
                "v1alpha1",
                ModelRef("solovirt.kinds.snapshot.models.snapshots:VirtualMachineSnapshot"),
                columns=_VIRTUAL_MACHINE_SNAPSHOTS_COLUMNS,
                storage=False,
            ),
        ),
        behaviour=Behaviour(),
        short_names=("vmsnapshot", "vmsnapshots"),
        categories=("all",),
        status_subresource=True,
    ),
)
