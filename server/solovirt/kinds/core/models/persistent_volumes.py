"""PersistentVolume and the kinds of storage behind it."""

from typing import Annotated, Literal

from pydantic import Field

from solovirt.kinds.core.models.references import ObjectReference, SecretReference
from solovirt.kinds.core.models.scheduling import VolumeNodeAffinity
from solovirt.kinds.core.models.shared_volume_sources import (
    AWSElasticBlockStoreVolumeSource,
    AzureDiskVolumeSource,
    FCVolumeSource,
    FlockerVolumeSource,
    GCEPersistentDiskVolumeSource,
    HostPathVolumeSource,
    NFSVolumeSource,
    PortworxVolumeSource,
    QuobyteVolumeSource,
    VsphereVirtualDiskVolumeSource,
)
from solovirt.machinery.schema.markers import ApiModel, CoreQuantity, CoreTime, Int32, ListAtomic
from solovirt.machinery.schema.meta import ObjectMeta


class AzureFilePersistentVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.AzureFilePersistentVolumeSource"

    secret_name: str
    share_name: str
    read_only: bool | None = None
    secret_namespace: str | None = None


class CSIPersistentVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.CSIPersistentVolumeSource"

    driver: str
    volume_handle: str
    controller_expand_secret_ref: SecretReference | None = None
    controller_publish_secret_ref: SecretReference | None = None
    fs_type: str | None = None
    node_expand_secret_ref: SecretReference | None = None
    node_publish_secret_ref: SecretReference | None = None
    node_stage_secret_ref: SecretReference | None = None
    read_only: bool | None = None
    volume_attributes: dict[str, str] | None = None


class CephFSPersistentVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.CephFSPersistentVolumeSource"

    monitors: Annotated[list[str], ListAtomic()]
    path: str | None = None
    read_only: bool | None = None
    secret_file: str | None = None
    secret_ref: SecretReference | None = None
    user: str | None = None


class CinderPersistentVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.CinderPersistentVolumeSource"

    volume_id: str = Field(alias="volumeID")
    fs_type: str | None = None
    read_only: bool | None = None
    secret_ref: SecretReference | None = None


class FlexPersistentVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.FlexPersistentVolumeSource"

    driver: str
    fs_type: str | None = None
    options: dict[str, str] | None = None
    read_only: bool | None = None
    secret_ref: SecretReference | None = None


class GlusterfsPersistentVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.GlusterfsPersistentVolumeSource"

    endpoints: str
    path: str
    endpoints_namespace: str | None = None
    read_only: bool | None = None


class ISCSIPersistentVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.ISCSIPersistentVolumeSource"

    iqn: str
    lun: Int32
    target_portal: str
    chap_auth_discovery: bool | None = None
    chap_auth_session: bool | None = None
    fs_type: str | None = None
    initiator_name: str | None = None
    iscsi_interface: str | None = None
    portals: Annotated[list[str] | None, ListAtomic()] = None
    read_only: bool | None = None
    secret_ref: SecretReference | None = None


class LocalVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.LocalVolumeSource"

    path: str
    fs_type: str | None = None


class PhotonPersistentDiskVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.PhotonPersistentDiskVolumeSource"

    pd_id: str = Field(alias="pdID")
    fs_type: str | None = None


class RBDPersistentVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.RBDPersistentVolumeSource"

    image: str
    monitors: Annotated[list[str], ListAtomic()]
    fs_type: str | None = None
    keyring: str | None = None
    pool: str | None = None
    read_only: bool | None = None
    secret_ref: SecretReference | None = None
    user: str | None = None


class ScaleIOPersistentVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.ScaleIOPersistentVolumeSource"

    gateway: str
    secret_ref: SecretReference
    system: str
    fs_type: str | None = None
    protection_domain: str | None = None
    read_only: bool | None = None
    ssl_enabled: bool | None = None
    storage_mode: str | None = None
    storage_pool: str | None = None
    volume_name: str | None = None


class StorageOSPersistentVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.StorageOSPersistentVolumeSource"

    fs_type: str | None = None
    read_only: bool | None = None
    secret_ref: ObjectReference | None = None
    volume_name: str | None = None
    volume_namespace: str | None = None


class PersistentVolumeSpec(ApiModel):
    schema_name = "io.k8s.api.core.v1.PersistentVolumeSpec"

    access_modes: Annotated[
        list[Literal["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"]] | None, ListAtomic()
    ] = None
    aws_elastic_block_store: AWSElasticBlockStoreVolumeSource | None = None
    azure_disk: AzureDiskVolumeSource | None = None
    azure_file: AzureFilePersistentVolumeSource | None = None
    capacity: dict[str, CoreQuantity] | None = None
    cephfs: CephFSPersistentVolumeSource | None = None
    cinder: CinderPersistentVolumeSource | None = None
    claim_ref: ObjectReference | None = None
    csi: CSIPersistentVolumeSource | None = None
    fc: FCVolumeSource | None = None
    flex_volume: FlexPersistentVolumeSource | None = None
    flocker: FlockerVolumeSource | None = None
    gce_persistent_disk: GCEPersistentDiskVolumeSource | None = None
    glusterfs: GlusterfsPersistentVolumeSource | None = None
    host_path: HostPathVolumeSource | None = None
    iscsi: ISCSIPersistentVolumeSource | None = None
    local: LocalVolumeSource | None = None
    mount_options: Annotated[list[str] | None, ListAtomic()] = None
    nfs: NFSVolumeSource | None = None
    node_affinity: VolumeNodeAffinity | None = None
    persistent_volume_reclaim_policy: Literal["Delete", "Recycle", "Retain"] | None = None
    photon_persistent_disk: PhotonPersistentDiskVolumeSource | None = None
    portworx_volume: PortworxVolumeSource | None = None
    quobyte: QuobyteVolumeSource | None = None
    rbd: RBDPersistentVolumeSource | None = None
    scale_io: ScaleIOPersistentVolumeSource | None = Field(None, alias="scaleIO")
    storage_class_name: str | None = None
    storageos: StorageOSPersistentVolumeSource | None = None
    volume_attributes_class_name: str | None = None
    volume_mode: Literal["Block", "Filesystem"] | None = None
    vsphere_volume: VsphereVirtualDiskVolumeSource | None = None


class PersistentVolumeStatus(ApiModel):
    schema_name = "io.k8s.api.core.v1.PersistentVolumeStatus"

    last_phase_transition_time: CoreTime | None = None
    message: str | None = None
    phase: Literal["Available", "Bound", "Failed", "Pending", "Released"] | None = None
    reason: str | None = None


class PersistentVolume(ApiModel):
    """A piece of storage."""

    schema_name = "io.k8s.api.core.v1.PersistentVolume"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: PersistentVolumeSpec | None = None
    status: PersistentVolumeStatus | None = None
