"""kubevirt.data_volume_templates"""

from typing import Annotated, Literal

from pydantic import Field

from solovirt.kinds.cdi.models.data_volumes import DataVolumeCheckpoint
from solovirt.kinds.cdi.models.sources import (
    DataVolumeBlankImage,
    DataVolumeSourceGCS,
    DataVolumeSourceImageIO,
    DataVolumeSourcePVC,
    DataVolumeSourceRef,
    DataVolumeSourceRegistry,
    DataVolumeSourceS3,
    DataVolumeSourceSnapshot,
    DataVolumeSourceUpload,
)
from solovirt.kinds.cdi.models.storage import StorageSpec
from solovirt.kinds.core.models.embedded.claims import PersistentVolumeClaimSpec
from solovirt.machinery.schema.markers import ApiModel, Nullable, RawObject


class DataVolumeSourceHTTP(ApiModel):
    url: str
    cert_config_map: str | None = None
    extra_headers: list[str] | None = None
    secret_extra_headers: list[str] | None = None
    secret_ref: str | None = None


class DataVolumeSourceVDDK(ApiModel):
    backing_file: str | None = None
    extra_args: str | None = None
    init_image_url: str | None = Field(None, alias="initImageURL")
    secret_ref: str | None = None
    thumbprint: str | None = None
    url: str | None = None
    uuid: str | None = None


class DataVolumeTemplateSource(ApiModel):
    blank: DataVolumeBlankImage | None = None
    gcs: DataVolumeSourceGCS | None = None
    http: DataVolumeSourceHTTP | None = None
    imageio: DataVolumeSourceImageIO | None = None
    pvc: DataVolumeSourcePVC | None = None
    registry: DataVolumeSourceRegistry | None = None
    s3: DataVolumeSourceS3 | None = None
    snapshot: DataVolumeSourceSnapshot | None = None
    upload: DataVolumeSourceUpload | None = None
    vddk: DataVolumeSourceVDDK | None = None


class DataVolumeSpec(ApiModel):
    checkpoints: list[DataVolumeCheckpoint] | None = None
    content_type: Literal["kubevirt", "archive"] | None = None
    final_checkpoint: bool | None = None
    preallocation: bool | None = None
    priority_class_name: str | None = None
    pvc: PersistentVolumeClaimSpec | None = None
    source: DataVolumeTemplateSource | None = None
    source_ref: DataVolumeSourceRef | None = None
    storage: StorageSpec | None = None


class DataVolumeTemplateDummyStatus(ApiModel):
    pass


class DataVolumeTemplateSpec(ApiModel):
    api_version: str | None = None
    kind: str | None = None
    metadata: Annotated[RawObject | None, Nullable()] = None
    spec: DataVolumeSpec
    status: Annotated[DataVolumeTemplateDummyStatus | None, Nullable()] = None
