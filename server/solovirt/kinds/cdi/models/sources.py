"""Where the content of a DataVolume comes from."""

from pydantic import Field

from solovirt.machinery.schema.markers import ApiModel


class DataVolumeBlankImage(ApiModel):
    pass


class DataVolumeSourceGCS(ApiModel):
    url: str
    secret_ref: str | None = None


class DataVolumeSourceHTTP(ApiModel):
    """A disk image on a web server."""

    url: str = Field(description="Where the image is.")
    cert_config_map: str | None = Field(None, description="The ConfigMap with the certificate authority to trust.")
    checksum: str | None = Field(None, description="What the image must hash to, as `sha256:…`.")
    extra_headers: list[str] | None = Field(None, description="Headers that go with the request.")
    insecure_skip_verify: bool | None = Field(None, description="Trust any certificate.")
    secret_extra_headers: list[str] | None = Field(None, description="Secrets with further headers.")
    secret_ref: str | None = Field(None, description="The Secret with user name and password.")


class DataVolumeSourceImageIO(ApiModel):
    disk_id: str
    url: str
    cert_config_map: str | None = None
    insecure_skip_verify: bool | None = None
    secret_ref: str | None = None


class DataVolumeSourcePVC(ApiModel):
    """Another claim, which is cloned."""

    name: str = Field(description="The claim.")
    namespace: str = Field(description="Its namespace.")


class PlatformOptions(ApiModel):
    architecture: str | None = None


class DataVolumeSourceRegistry(ApiModel):
    """A container image with a disk image in it: url or imageStream."""

    cert_config_map: str | None = Field(None, description="The ConfigMap with the certificate authority to trust.")
    image_stream: str | None = Field(None, description="An OpenShift image stream.")
    platform: PlatformOptions | None = Field(None, description="Which of the image's platforms to take.")
    pull_method: str | None = Field(None, description="Who pulls the image: the worker pod or the node.")
    secret_ref: str | None = Field(None, description="The Secret with user name and password.")
    url: str | None = Field(None, description="The image, as `docker://…` or `oci-archive://…`.")


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


class DataVolumeSourceRef(ApiModel):
    """An object that names the source."""

    kind: str = Field(description="DataSource.")
    name: str = Field(description="Its name.")
    namespace: str | None = Field(None, description="Its namespace; the DataVolume's if not said.")
