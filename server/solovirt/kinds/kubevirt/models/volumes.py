"""kubevirt.volumes"""

from typing import Annotated

from pydantic import Field

from solovirt.kinds.core.models.embedded.claims import PersistentVolumeClaimVolumeSource
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
    network_data: str | None = None
    network_data_base64: str | None = None
    network_data_secret_ref: LocalObjectReference | None = None
    secret_ref: LocalObjectReference | None = None
    user_data: str | None = None
    user_data_base64: str | None = None


class ConfigMapVolumeSource(ApiModel):
    atomic = True

    name: Annotated[str | None, Default("")] = None
    optional: bool | None = None
    volume_label: str | None = None


class ContainerDiskSource(ApiModel):
    image: str
    image_pull_policy: str | None = None
    image_pull_secret: str | None = None
    path: str | None = None


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
    name: str
    hotpluggable: bool | None = None


class DownwardAPIVolumeSource(ApiModel):
    fields: list[DownwardAPIVolumeFile] | None = None
    volume_label: str | None = None


class DownwardMetricsVolumeSource(ApiModel):
    pass


class EmptyDiskSource(ApiModel):
    capacity: Quantity


class EphemeralVolumeSource(ApiModel):
    persistent_volume_claim: PersistentVolumeClaimVolumeSource | None = None


class HostDisk(ApiModel):
    path: str
    type: str
    capacity: Quantity | None = None
    shared: bool | None = None


class PersistentVolumeClaimVolumeSource(ApiModel):
    claim_name: str
    hotpluggable: bool | None = None
    read_only: bool | None = None


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
    name: str
    cloud_init_config_drive: CloudInitConfigDriveSource | None = None
    cloud_init_no_cloud: CloudInitNoCloudSource | None = None
    config_map: ConfigMapVolumeSource | None = None
    container_disk: ContainerDiskSource | None = None
    container_path: ContainerPathVolumeSource | None = None
    data_volume: DataVolumeSource | None = None
    downward_api: DownwardAPIVolumeSource | None = Field(None, alias="downwardAPI")
    downward_metrics: DownwardMetricsVolumeSource | None = None
    empty_disk: EmptyDiskSource | None = None
    ephemeral: EphemeralVolumeSource | None = None
    host_disk: HostDisk | None = None
    memory_dump: MemoryDumpVolumeSource | None = None
    persistent_volume_claim: PersistentVolumeClaimVolumeSource | None = None
    secret: SecretVolumeSource | None = None
    service_account: ServiceAccountVolumeSource | None = None
    sysprep: SysprepSource | None = None
