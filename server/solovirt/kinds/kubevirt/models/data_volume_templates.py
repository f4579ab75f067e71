"""DataVolumes that are made with a machine. They know a few fields less than CDI's own."""

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
    """A disk image on a web server."""

    url: str = Field(description="Where the image is.")
    cert_config_map: str | None = Field(None, description="The ConfigMap with the certificate authority to trust.")
    extra_headers: list[str] | None = Field(None, description="Headers that go with the request.")
    secret_extra_headers: list[str] | None = Field(None, description="Secrets with further headers.")
    secret_ref: str | None = Field(None, description="The Secret with user name and password.")


class DataVolumeSourceVDDK(ApiModel):
    backing_file: str | None = None
    extra_args: str | None = None
    init_image_url: str | None = Field(None, alias="initImageURL")
    secret_ref: str | None = None
    thumbprint: str | None = None
    url: str | None = None
    uuid: str | None = None


class DataVolumeTemplateSource(ApiModel):
    """Where the content of a claim comes from: exactly one of these."""

    blank: DataVolumeBlankImage | None = Field(None, description="An empty disk image.")
    gcs: DataVolumeSourceGCS | None = Field(None, description="Google Cloud Storage.")
    http: DataVolumeSourceHTTP | None = Field(None, description="A web server.")
    imageio: DataVolumeSourceImageIO | None = Field(None, description="An oVirt image.")
    pvc: DataVolumeSourcePVC | None = Field(None, description="Another claim.")
    registry: DataVolumeSourceRegistry | None = Field(None, description="A container image with a disk image in it.")
    s3: DataVolumeSourceS3 | None = Field(None, description="An S3 bucket.")
    snapshot: DataVolumeSourceSnapshot | None = Field(None, description="A VolumeSnapshot.")
    upload: DataVolumeSourceUpload | None = Field(None, description="A client, who sends it.")
    vddk: DataVolumeSourceVDDK | None = Field(None, description="A VMware disk.")


class DataVolumeSpec(ApiModel):
    """A claim that is made with a machine, and where its content comes from."""

    checkpoints: list[DataVolumeCheckpoint] | None = Field(
        None, description="Stages of an import that is done in several, oldest first."
    )
    content_type: Literal["kubevirt", "archive"] | None = Field(
        None, description="kubevirt for a disk image, archive for a tar file that is unpacked; kubevirt if not said."
    )
    final_checkpoint: bool | None = Field(None, description="The last of the checkpoints is the end.")
    preallocation: bool | None = Field(
        None, description="Reserve all the space at once; as the installation is set if not said."
    )
    priority_class_name: str | None = Field(None, description="The class that says how important the worker pods are.")
    pvc: PersistentVolumeClaimSpec | None = Field(None, description="The claim, in full. Excludes storage.")
    source: DataVolumeTemplateSource | None = Field(
        None, description="Where the content comes from: exactly one of the sources."
    )
    source_ref: DataVolumeSourceRef | None = Field(
        None, description="A DataSource that names the source, instead of source."
    )
    storage: StorageSpec | None = Field(
        None,
        description="The claim, with what is left open filled in by the StorageProfile of its class. Excludes pvc.",
    )


class DataVolumeTemplateDummyStatus(ApiModel):
    pass


class DataVolumeTemplateSpec(ApiModel):
    """A DataVolume that is made with a machine and goes with it."""

    api_version: str | None = Field(None, description="Not looked at.")
    kind: str | None = Field(None, description="Not looked at.")
    metadata: Annotated[RawObject | None, Nullable()] = Field(
        None, description="Name, labels and annotations of the DataVolume."
    )
    spec: DataVolumeSpec = Field(description="The DataVolume.")
    status: Annotated[DataVolumeTemplateDummyStatus | None, Nullable()] = Field(None, description="Not looked at.")
