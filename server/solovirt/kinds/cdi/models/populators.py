"""VolumeImportSource, VolumeUploadSource and VolumeCloneSource: what fills a claim that refers to them."""

from pydantic import Field

from solovirt.kinds.cdi.models.data_volumes import DataVolumeCheckpoint
from solovirt.kinds.cdi.models.sources import (
    DataVolumeBlankImage,
    DataVolumeSourceGCS,
    DataVolumeSourceHTTP,
    DataVolumeSourceImageIO,
    DataVolumeSourceRegistry,
    DataVolumeSourceS3,
    DataVolumeSourceVDDK,
)
from solovirt.kinds.core.models.embedded.references import TypedLocalObjectReference
from solovirt.machinery.schema.markers import ApiModel
from solovirt.machinery.schema.meta import ObjectMeta


class ImportSourceType(ApiModel):
    blank: DataVolumeBlankImage | None = None
    gcs: DataVolumeSourceGCS | None = None
    http: DataVolumeSourceHTTP | None = None
    imageio: DataVolumeSourceImageIO | None = None
    registry: DataVolumeSourceRegistry | None = None
    s3: DataVolumeSourceS3 | None = None
    vddk: DataVolumeSourceVDDK | None = None


class VolumeCloneSourceSpec(ApiModel):
    source: TypedLocalObjectReference
    preallocation: bool | None = None
    priority_class_name: str | None = None


class VolumeCloneSource(ApiModel):
    """A claim to clone, for claims that refer to it as their data source."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: VolumeCloneSourceSpec = Field(description="The claim to clone.")


class VolumeImportSourceSpec(ApiModel):
    checkpoints: list[DataVolumeCheckpoint] | None = None
    content_type: str | None = None
    final_checkpoint: bool | None = None
    preallocation: bool | None = None
    source: ImportSourceType | None = None
    target_claim: str | None = None


class VolumeImportSourceStatus(ApiModel):
    pass


class VolumeImportSource(ApiModel):
    """A source to import, for claims that refer to it as their data source."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: VolumeImportSourceSpec = Field(description="The source.")
    status: VolumeImportSourceStatus | None = Field(None, description="Nothing so far.")


class VolumeUploadSourceSpec(ApiModel):
    content_type: str | None = None
    preallocation: bool | None = None


class VolumeUploadSourceStatus(ApiModel):
    pass


class VolumeUploadSource(ApiModel):
    """An upload to wait for, for claims that refer to it as their data source."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: VolumeUploadSourceSpec = Field(description="What will be uploaded.")
    status: VolumeUploadSourceStatus | None = Field(None, description="Nothing so far.")
