"""Kinds of storage that a pod mounts directly or a PersistentVolume stands for."""

from typing import Annotated, Literal

from pydantic import Field

from solovirt.machinery.schema.markers import ApiModel, Int32, ListAtomic


class AWSElasticBlockStoreVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.AWSElasticBlockStoreVolumeSource"

    volume_id: str = Field(alias="volumeID")
    fs_type: str | None = None
    partition: Int32 | None = None
    read_only: bool | None = None


class AzureDiskVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.AzureDiskVolumeSource"

    kind: Literal["Dedicated", "Managed", "Shared"] | None = None
    disk_name: str
    disk_uri: str = Field(alias="diskURI")
    caching_mode: Literal["None", "ReadOnly", "ReadWrite"] | None = None
    fs_type: str | None = None
    read_only: bool | None = None


class FCVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.FCVolumeSource"

    fs_type: str | None = None
    lun: Int32 | None = None
    read_only: bool | None = None
    target_ww_ns: Annotated[list[str] | None, ListAtomic()] = Field(None, alias="targetWWNs")
    wwids: Annotated[list[str] | None, ListAtomic()] = None


class FlockerVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.FlockerVolumeSource"

    dataset_name: str | None = None
    dataset_uuid: str | None = Field(None, alias="datasetUUID")


class GCEPersistentDiskVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.GCEPersistentDiskVolumeSource"

    pd_name: str
    fs_type: str | None = None
    partition: Int32 | None = None
    read_only: bool | None = None


class HostPathVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.HostPathVolumeSource"

    path: str
    type: (
        Literal["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"]
        | None
    ) = None


class NFSVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.NFSVolumeSource"

    path: str
    server: str
    read_only: bool | None = None


class PortworxVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.PortworxVolumeSource"

    volume_id: str = Field(alias="volumeID")
    fs_type: str | None = None
    read_only: bool | None = None


class QuobyteVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.QuobyteVolumeSource"

    registry: str
    volume: str
    group: str | None = None
    read_only: bool | None = None
    tenant: str | None = None
    user: str | None = None


class VsphereVirtualDiskVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.VsphereVirtualDiskVolumeSource"

    volume_path: str
    fs_type: str | None = None
    storage_policy_id: str | None = Field(None, alias="storagePolicyID")
    storage_policy_name: str | None = None
