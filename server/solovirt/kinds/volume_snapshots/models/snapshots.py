"""VolumeSnapshot, VolumeSnapshotContent and VolumeSnapshotClass (the external-snapshotter's definitions, v1)."""

from typing import Annotated, Literal

from pydantic import Field

from solovirt.machinery.schema.markers import ApiModel, Int64, Quantity, Rule, Time
from solovirt.machinery.schema.meta import ObjectMeta

DeletionPolicy = Literal["Delete", "Retain"]


class SnapshotError(ApiModel):
    message: str | None = None
    time: Time | None = None


class VolumeSnapshotSource(ApiModel):
    rules = (
        Rule(
            "!has(oldSelf.persistentVolumeClaimName) || has(self.persistentVolumeClaimName)",
            message="persistentVolumeClaimName is required once set",
        ),
        Rule(
            "!has(oldSelf.volumeSnapshotContentName) || has(self.volumeSnapshotContentName)",
            message="volumeSnapshotContentName is required once set",
        ),
        Rule(
            "(has(self.volumeSnapshotContentName) && !has(self.persistentVolumeClaimName))"
            " || (!has(self.volumeSnapshotContentName) && has(self.persistentVolumeClaimName))",
            message="exactly one of volumeSnapshotContentName and persistentVolumeClaimName must be set",
        ),
    )

    persistent_volume_claim_name: Annotated[
        str | None,
        Rule("self == oldSelf", message="persistentVolumeClaimName is immutable"),
        Field(description="The claim of the same namespace whose volume is remembered."),
    ] = None
    volume_snapshot_content_name: Annotated[
        str | None,
        Rule("self == oldSelf", message="volumeSnapshotContentName is immutable"),
        Field(description="The VolumeSnapshotContent of a snapshot that is there already."),
    ] = None


class VolumeSnapshotSpec(ApiModel):
    source: VolumeSnapshotSource
    volume_snapshot_class_name: Annotated[
        str | None,
        Rule("size(self) > 0", message="volumeSnapshotClassName must not be the empty string when set"),
        Field(description="Its class; the default class of the volume's driver if left open."),
    ] = None


class VolumeSnapshotStatus(ApiModel):
    bound_volume_snapshot_content_name: str | None = None
    creation_time: Time | None = Field(None, description="The moment that it is of.")
    error: SnapshotError | None = Field(None, description="What went wrong last; it is tried again.")
    ready_to_use: bool | None = None
    restore_size: Quantity | None = Field(None, description="The least that a claim restored from it may ask for.")
    volume_group_snapshot_name: str | None = None


class VolumeSnapshot(ApiModel):
    """The content of a volume at one moment, as a user asks for it."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: VolumeSnapshotSpec = Field(description="What is wanted.")
    status: VolumeSnapshotStatus | None = Field(None, description="What there is.")


class VolumeSnapshotContentSource(ApiModel):
    rules = (
        Rule("!has(oldSelf.volumeHandle) || has(self.volumeHandle)", message="volumeHandle is required once set"),
        Rule("!has(oldSelf.snapshotHandle) || has(self.snapshotHandle)", message="snapshotHandle is required once set"),
        Rule(
            "(has(self.volumeHandle) && !has(self.snapshotHandle)) || (!has(self.volumeHandle)"
            " && has(self.snapshotHandle))",
            message="exactly one of volumeHandle and snapshotHandle must be set",
        ),
    )

    snapshot_handle: Annotated[
        str | None,
        Rule("self == oldSelf", message="snapshotHandle is immutable"),
        Field(description="What the storage calls a snapshot that is there already."),
    ] = None
    volume_handle: Annotated[
        str | None,
        Rule("self == oldSelf", message="volumeHandle is immutable"),
        Field(description="What the storage calls the volume that is remembered."),
    ] = None


class SnapshotReference(ApiModel):
    atomic = True
    rules = (
        Rule(
            "has(self.name) && has(self.__namespace__)",
            message="both spec.volumeSnapshotRef.name and spec.volumeSnapshotRef.namespace must be set",
        ),
    )

    api_version: str | None = None
    field_path: str | None = None
    kind: str | None = None
    name: str | None = None
    namespace: str | None = None
    resource_version: str | None = None
    uid: str | None = None


class VolumeSnapshotContentSpec(ApiModel):
    rules = (
        Rule(
            "!has(oldSelf.sourceVolumeMode) || has(self.sourceVolumeMode)",
            message="sourceVolumeMode is required once set",
        ),
    )

    deletion_policy: DeletionPolicy = Field(description="Whether the content goes when its snapshot does.")
    driver: str
    source: VolumeSnapshotContentSource
    source_volume_mode: Annotated[str | None, Rule("self == oldSelf", message="sourceVolumeMode is immutable")] = None
    volume_snapshot_class_name: str | None = None
    volume_snapshot_ref: SnapshotReference = Field(description="The VolumeSnapshot that it is bound to.")


class VolumeSnapshotContentStatus(ApiModel):
    creation_time: Int64 | None = Field(None, description="The moment that it is of, in nanoseconds since 1970.")
    error: SnapshotError | None = None
    ready_to_use: bool | None = None
    restore_size: Annotated[Int64 | None, Field(ge=0, description="In bytes.")] = None
    snapshot_handle: str | None = None
    volume_group_snapshot_handle: str | None = None


class VolumeSnapshotContent(ApiModel):
    """The content of a volume at one moment, as the storage has it."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: VolumeSnapshotContentSpec = Field(description="What it is of.")
    status: VolumeSnapshotContentStatus | None = Field(None, description="What there is.")


class VolumeSnapshotClass(ApiModel):
    """How snapshots of the volumes of one driver are taken."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    deletion_policy: DeletionPolicy = Field(description="That of contents made for snapshots of the class.")
    driver: str
    parameters: dict[str, str] | None = None
