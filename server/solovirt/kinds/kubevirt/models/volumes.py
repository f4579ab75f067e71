"""The contents of disks."""

from typing import Annotated

from pydantic import Field

from solovirt.kinds.core.models.embedded import claims
from solovirt.kinds.core.models.embedded.references import DownwardAPIVolumeFile, LocalObjectReference
from solovirt.machinery.schema.markers import ApiModel, Default, Quantity, Rule


class CloudInitConfigDriveSource(ApiModel):
    network_data: str | None = None
    network_data_base64: str | None = None
    network_data_secret_ref: LocalObjectReference | None = None
    secret_ref: LocalObjectReference | None = None
    user_data: str | None = None
    user_data_base64: str | None = None


class CloudInitNoCloudSource(ApiModel):
    """cloud-init data. Each part is given as text, as base64 or in a Secret."""

    network_data: str | None = Field(None, description="Network configuration.")
    network_data_base64: str | None = Field(None, description="Network configuration in base64.")
    network_data_secret_ref: LocalObjectReference | None = Field(
        None, description="The Secret with the network configuration."
    )
    secret_ref: LocalObjectReference | None = Field(None, description="The Secret with the user data.")
    user_data: str | None = Field(None, description="User data.")
    user_data_base64: str | None = Field(None, description="User data in base64.")


class ConfigMapVolumeSource(ApiModel):
    atomic = True

    name: Annotated[str | None, Default("")] = None
    optional: bool | None = None
    volume_label: str | None = None


class ContainerDiskSource(ApiModel):
    """A disk image out of a container image."""

    image: str = Field(description="The container image.")
    image_pull_policy: str | None = Field(None, description="When the image is pulled: Always, Never or IfNotPresent.")
    image_pull_secret: str | None = Field(None, description="The Secret with the registry's password.")
    path: str | None = Field(
        None, description="Where the disk image is in the container image; the only file below /disk if not said."
    )


class ContainerPathVolumeSource(ApiModel):
    path: Annotated[
        str,
        Field(max_length=4096),
        Rule("self.startsWith('/')", message="path must be absolute (start with '/')"),
        Rule("!self.contains('..')", message="path must not contain '..'"),
    ]
    read_only: Annotated[
        bool | None, Default(True), Rule("self == true", message="readOnly must be true, write access is not supported")
    ] = None


class DataVolumeSource(ApiModel):
    """The claim of a DataVolume."""

    name: str = Field(description="The DataVolume.")
    hotpluggable: bool | None = Field(None, description="It may be added and removed while the guest runs.")


class DownwardAPIVolumeSource(ApiModel):
    fields: list[DownwardAPIVolumeFile] | None = None
    volume_label: str | None = None


class DownwardMetricsVolumeSource(ApiModel):
    pass


class EmptyDiskSource(ApiModel):
    """An empty disk."""

    capacity: Quantity = Field(description="Its size.")


class EphemeralVolumeSource(ApiModel):
    persistent_volume_claim: claims.PersistentVolumeClaimVolumeSource | None = None


class HostDisk(ApiModel):
    path: str
    type: str
    capacity: Quantity | None = None
    shared: bool | None = None


class PersistentVolumeClaimVolumeSource(ApiModel):
    """A claim of the namespace."""

    claim_name: str = Field(description="The claim.")
    hotpluggable: bool | None = Field(None, description="It may be added and removed while the guest runs.")
    read_only: bool | None = Field(None, description="It is mounted for reading alone.")


class HotplugVolumeSource(ApiModel):
    data_volume: DataVolumeSource | None = None
    persistent_volume_claim: PersistentVolumeClaimVolumeSource | None = None


class MemoryDumpVolumeSource(ApiModel):
    claim_name: str
    hotpluggable: bool | None = None
    read_only: bool | None = None


class SecretVolumeSource(ApiModel):
    optional: bool | None = None
    secret_name: str | None = None
    volume_label: str | None = None


class ServiceAccountVolumeSource(ApiModel):
    service_account_name: str | None = None


class SysprepSource(ApiModel):
    config_map: LocalObjectReference | None = None
    secret: LocalObjectReference | None = None


class UtilityVolume(ApiModel):
    claim_name: str
    name: str
    read_only: bool | None = None
    type: str | None = None


class Volume(ApiModel):
    """The content of a disk or file system, by the disk's name. Exactly one source is given."""

    name: str = Field(description="The disk or file system that shows it.")
    cloud_init_config_drive: CloudInitConfigDriveSource | None = Field(
        None, description="cloud-init data on a drive of OpenStack's form."
    )
    cloud_init_no_cloud: CloudInitNoCloudSource | None = Field(
        None, description="cloud-init data on a drive of the NoCloud form."
    )
    config_map: ConfigMapVolumeSource | None = Field(None, description="The entries of a ConfigMap as files.")
    container_disk: ContainerDiskSource | None = Field(
        None, description="A disk image out of a container image. What the guest writes is lost when it stops."
    )
    container_path: ContainerPathVolumeSource | None = Field(
        None, description="A directory of a container beside the guest."
    )
    data_volume: DataVolumeSource | None = Field(None, description="The claim of a DataVolume, once that is filled.")
    downward_api: DownwardAPIVolumeSource | None = Field(
        None, alias="downwardAPI", description="What is known of the pod, as files."
    )
    downward_metrics: DownwardMetricsVolumeSource | None = Field(
        None, description="Figures of the host, as a small disk."
    )
    empty_disk: EmptyDiskSource | None = Field(None, description="An empty disk that goes when the instance goes.")
    ephemeral: EphemeralVolumeSource | None = Field(
        None,
        description="A claim whose content the guest sees but doesn't change: what it writes is lost when it stops.",
    )
    host_disk: HostDisk | None = Field(None, description="A disk image on the node.")
    memory_dump: MemoryDumpVolumeSource | None = Field(None, description="A claim that takes the guest's memory.")
    persistent_volume_claim: PersistentVolumeClaimVolumeSource | None = Field(
        None, description="A claim of the namespace."
    )
    secret: SecretVolumeSource | None = Field(None, description="The entries of a Secret as files.")
    service_account: ServiceAccountVolumeSource | None = Field(None, description="A service account's token as a file.")
    sysprep: SysprepSource | None = Field(None, description="Answers for the set-up of Windows.")
