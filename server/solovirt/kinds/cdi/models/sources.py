"""cdi.sources"""

from pydantic import Field

from solovirt.machinery.schema.markers import ApiModel


class DataVolumeBlankImage(ApiModel):
    pass


class DataVolumeSourceGCS(ApiModel):
    url: str
    secret_ref: str | None = None


class DataVolumeSourceHTTP(ApiModel):
    url: str
    cert_config_map: str | None = None
    checksum: str | None = None
    extra_headers: list[str] | None = None
    insecure_skip_verify: bool | None = None
    secret_extra_headers: list[str] | None = None
    secret_ref: str | None = None


class DataVolumeSourceImageIO(ApiModel):
    disk_id: str
    url: str
    cert_config_map: str | None = None
    insecure_skip_verify: bool | None = None
    secret_ref: str | None = None


class DataVolumeSourcePVC(ApiModel):
    name: str
    namespace: str


class PlatformOptions(ApiModel):
    architecture: str | None = None


class DataVolumeSourceRegistry(ApiModel):
    cert_config_map: str | None = None
    image_stream: str | None = None
    platform: PlatformOptions | None = None
    pull_method: str | None = None
    secret_ref: str | None = None
    url: str | None = None


class DataVolumeSourceS3(ApiModel):
    url: str
    cert_config_map: str | None = None
    secret_ref: str | None = None


class DataVolumeSourceSnapshot(ApiModel):
    name: str
    namespace: str


class DataVolumeSourceUpload(ApiModel):
    pass


class DataVolumeSourceVDDK(ApiModel):
    backing_file: str | None = None
    cert_config_map: str | None = None
    extra_args: str | None = None
    init_image_url: str | None = Field(None, alias="initImageURL")
    secret_ref: str | None = None
    thumbprint: str | None = None
    url: str | None = None
    uuid: str | None = None


class DataVolumeSource(ApiModel):
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


class DataVolumeSourceRef(ApiModel):
    kind: str
    name: str
    namespace: str | None = None
