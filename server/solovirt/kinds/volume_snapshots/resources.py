"""What the snapshot.storage.k8s.io group serves: the external-snapshotter's kinds, v1, with the columns of its definitions."""

from __future__ import annotations

from solovirt.kinds.volume_snapshots.names import GROUP
from solovirt.machinery.admission import Behaviour
from solovirt.machinery.resource import Column, ModelRef, Resource, Scope, Version

_MODELS = "solovirt.kinds.volume_snapshots.models.snapshots"
_AGE = Column("Age", "date", json_path=".metadata.creationTimestamp")
_VOLUME_SNAPSHOTS_COLUMNS = (
    Column(
        "ReadyToUse", "boolean", json_path=".status.readyToUse", description="Whether volumes can be restored from it."
    ),
    Column("SourcePVC", json_path=".spec.source.persistentVolumeClaimName", description="The claim that it is of."),
    Column(
        "SourceSnapshotContent",
        json_path=".spec.source.volumeSnapshotContentName",
        description="The content that was there before.",
    ),
    Column("RestoreSize", json_path=".status.restoreSize", description="The least size of a volume restored from it."),
    Column("SnapshotClass", json_path=".spec.volumeSnapshotClassName", description="Its class."),
    Column(
        "SnapshotContent", json_path=".status.boundVolumeSnapshotContentName", description="The content it is bound to."
    ),
    Column("CreationTime", "date", json_path=".status.creationTime", description="The moment that it is of."),
    _AGE,
)
_VOLUME_SNAPSHOT_CONTENTS_COLUMNS = (
    Column(
        "ReadyToUse", "boolean", json_path=".status.readyToUse", description="Whether volumes can be restored from it."
    ),
    Column(
        "RestoreSize", "integer", json_path=".status.restoreSize", description="The whole snapshot's size in bytes."
    ),
    Column("DeletionPolicy", json_path=".spec.deletionPolicy", description="Whether it goes when its snapshot does."),
    Column("Driver", json_path=".spec.driver", description="Whose snapshot it is."),
    Column("VolumeSnapshotClass", json_path=".spec.volumeSnapshotClassName", description="Its snapshot's class."),
    Column("VolumeSnapshot", json_path=".spec.volumeSnapshotRef.name", description="The snapshot it is bound to."),
    Column(
        "VolumeSnapshotNamespace",
        json_path=".spec.volumeSnapshotRef.namespace",
        description="That snapshot's namespace.",
    ),
    _AGE,
)
_VOLUME_SNAPSHOT_CLASSES_COLUMNS = (
    Column("Driver", json_path=".driver"),
    Column("DeletionPolicy", json_path=".deletionPolicy", description="Whether contents go when their snapshots do."),
    _AGE,
)

RESOURCES: tuple[Resource, ...] = (
    Resource(
        group=GROUP,
        kind="VolumeSnapshotClass",
        plural="volumesnapshotclasses",
        singular="volumesnapshotclass",
        scope=Scope.CLUSTER,
        versions=(Version("v1", ModelRef(f"{_MODELS}:VolumeSnapshotClass"), columns=_VOLUME_SNAPSHOT_CLASSES_COLUMNS),),
        behaviour=Behaviour(),
        short_names=("vsclass", "vsclasses"),
    ),
    Resource(
        group=GROUP,
        kind="VolumeSnapshotContent",
        plural="volumesnapshotcontents",
        singular="volumesnapshotcontent",
        scope=Scope.CLUSTER,
        versions=(
            Version("v1", ModelRef(f"{_MODELS}:VolumeSnapshotContent"), columns=_VOLUME_SNAPSHOT_CONTENTS_COLUMNS),
        ),
        behaviour=Behaviour(),
        short_names=("vsc", "vscs"),
        status_subresource=True,
    ),
    Resource(
        group=GROUP,
        kind="VolumeSnapshot",
        plural="volumesnapshots",
        singular="volumesnapshot",
        scope=Scope.NAMESPACED,
        versions=(Version("v1", ModelRef(f"{_MODELS}:VolumeSnapshot"), columns=_VOLUME_SNAPSHOTS_COLUMNS),),
        behaviour=Behaviour(),
        short_names=("vs",),
        status_subresource=True,
    ),
)
