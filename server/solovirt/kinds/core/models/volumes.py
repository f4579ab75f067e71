"""The volumes of a pod."""

from typing import Annotated, Literal

from pydantic import Field

from solovirt.kinds.core.models.claims import PersistentVolumeClaimTemplate
from solovirt.kinds.core.models.persistent_volumes import PhotonPersistentDiskVolumeSource
from solovirt.kinds.core.models.references import (
    KeyToPath,
    LocalObjectReference,
    ObjectFieldSelector,
    ResourceFieldSelector,
)
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
from solovirt.machinery.schema.markers import ApiModel, CoreQuantity, Int32, Int64, ListAtomic
from solovirt.machinery.schema.meta import LabelSelector


class AzureFileVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.AzureFileVolumeSource"

    secret_name: str
    share_name: str
    read_only: bool | None = None


class CSIVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.CSIVolumeSource"

    driver: str
    fs_type: str | None = None
    node_publish_secret_ref: LocalObjectReference | None = None
    read_only: bool | None = None
    volume_attributes: dict[str, str] | None = None


class CephFSVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.CephFSVolumeSource"

    monitors: Annotated[list[str], ListAtomic()]
    path: str | None = None
    read_only: bool | None = None
    secret_file: str | None = None
    secret_ref: LocalObjectReference | None = None
    user: str | None = None


class CinderVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.CinderVolumeSource"

    volume_id: str = Field(alias="volumeID")
    fs_type: str | None = None
    read_only: bool | None = None
    secret_ref: LocalObjectReference | None = None


class ClusterTrustBundleProjection(ApiModel):
    schema_name = "io.k8s.api.core.v1.ClusterTrustBundleProjection"

    path: str
    label_selector: LabelSelector | None = None
    name: str | None = None
    optional: bool | None = None
    signer_name: str | None = None


class ConfigMapProjection(ApiModel):
    schema_name = "io.k8s.api.core.v1.ConfigMapProjection"

    items: Annotated[list[KeyToPath] | None, ListAtomic()] = None
    name: str | None = None
    optional: bool | None = None


class ConfigMapVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.ConfigMapVolumeSource"

    default_mode: Int32 | None = None
    items: Annotated[list[KeyToPath] | None, ListAtomic()] = None
    name: str | None = None
    optional: bool | None = None


class DownwardAPIVolumeFile(ApiModel):
    schema_name = "io.k8s.api.core.v1.DownwardAPIVolumeFile"

    path: str
    field_ref: ObjectFieldSelector | None = None
    mode: Int32 | None = None
    resource_field_ref: ResourceFieldSelector | None = None


class DownwardAPIProjection(ApiModel):
    schema_name = "io.k8s.api.core.v1.DownwardAPIProjection"

    items: Annotated[list[DownwardAPIVolumeFile] | None, ListAtomic()] = None


class DownwardAPIVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.DownwardAPIVolumeSource"

    default_mode: Int32 | None = None
    items: Annotated[list[DownwardAPIVolumeFile] | None, ListAtomic()] = None


class EmptyDirVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.EmptyDirVolumeSource"

    medium: str | None = None
    size_limit: CoreQuantity | None = None


class EphemeralVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.EphemeralVolumeSource"

    volume_claim_template: PersistentVolumeClaimTemplate | None = None


class FlexVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.FlexVolumeSource"

    driver: str
    fs_type: str | None = None
    options: dict[str, str] | None = None
    read_only: bool | None = None
    secret_ref: LocalObjectReference | None = None


class GitRepoVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.GitRepoVolumeSource"

    repository: str
    directory: str | None = None
    revision: str | None = None


class GlusterfsVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.GlusterfsVolumeSource"

    endpoints: str
    path: str
    read_only: bool | None = None


class ISCSIVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.ISCSIVolumeSource"

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
    secret_ref: LocalObjectReference | None = None


class ImageVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.ImageVolumeSource"

    pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    reference: str | None = None


class PersistentVolumeClaimVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.PersistentVolumeClaimVolumeSource"

    claim_name: str
    read_only: bool | None = None


class PodCertificateProjection(ApiModel):
    schema_name = "io.k8s.api.core.v1.PodCertificateProjection"

    key_type: str
    signer_name: str
    certificate_chain_path: str | None = None
    credential_bundle_path: str | None = None
    key_path: str | None = None
    max_expiration_seconds: Int32 | None = None
    user_annotations: dict[str, str] | None = None


class SecretProjection(ApiModel):
    schema_name = "io.k8s.api.core.v1.SecretProjection"

    items: Annotated[list[KeyToPath] | None, ListAtomic()] = None
    name: str | None = None
    optional: bool | None = None


class ServiceAccountTokenProjection(ApiModel):
    schema_name = "io.k8s.api.core.v1.ServiceAccountTokenProjection"

    path: str
    audience: str | None = None
    expiration_seconds: Int64 | None = None


class VolumeProjection(ApiModel):
    schema_name = "io.k8s.api.core.v1.VolumeProjection"

    cluster_trust_bundle: ClusterTrustBundleProjection | None = None
    config_map: ConfigMapProjection | None = None
    downward_api: DownwardAPIProjection | None = Field(None, alias="downwardAPI")
    pod_certificate: PodCertificateProjection | None = None
    secret: SecretProjection | None = None
    service_account_token: ServiceAccountTokenProjection | None = None


class ProjectedVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.ProjectedVolumeSource"

    default_mode: Int32 | None = None
    sources: Annotated[list[VolumeProjection] | None, ListAtomic()] = None


class RBDVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.RBDVolumeSource"

    image: str
    monitors: Annotated[list[str], ListAtomic()]
    fs_type: str | None = None
    keyring: str | None = None
    pool: str | None = None
    read_only: bool | None = None
    secret_ref: LocalObjectReference | None = None
    user: str | None = None


class ScaleIOVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.ScaleIOVolumeSource"

    gateway: str
    secret_ref: LocalObjectReference
    system: str
    fs_type: str | None = None
    protection_domain: str | None = None
    read_only: bool | None = None
    ssl_enabled: bool | None = None
    storage_mode: str | None = None
    storage_pool: str | None = None
    volume_name: str | None = None


class SecretVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.SecretVolumeSource"

    default_mode: Int32 | None = None
    items: Annotated[list[KeyToPath] | None, ListAtomic()] = None
    optional: bool | None = None
    secret_name: str | None = None


class StorageOSVolumeSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.StorageOSVolumeSource"

    fs_type: str | None = None
    read_only: bool | None = None
    secret_ref: LocalObjectReference | None = None
    volume_name: str | None = None
    volume_namespace: str | None = None


class Volume(ApiModel):
    schema_name = "io.k8s.api.core.v1.Volume"

    name: str
    aws_elastic_block_store: AWSElasticBlockStoreVolumeSource | None = None
    azure_disk: AzureDiskVolumeSource | None = None
    azure_file: AzureFileVolumeSource | None = None
    cephfs: CephFSVolumeSource | None = None
    cinder: CinderVolumeSource | None = None
    config_map: ConfigMapVolumeSource | None = None
    csi: CSIVolumeSource | None = None
    downward_api: DownwardAPIVolumeSource | None = Field(None, alias="downwardAPI")
    empty_dir: EmptyDirVolumeSource | None = None
    ephemeral: EphemeralVolumeSource | None = None
    fc: FCVolumeSource | None = None
    flex_volume: FlexVolumeSource | None = None
    flocker: FlockerVolumeSource | None = None
    gce_persistent_disk: GCEPersistentDiskVolumeSource | None = None
    git_repo: GitRepoVolumeSource | None = None
    glusterfs: GlusterfsVolumeSource | None = None
    host_path: HostPathVolumeSource | None = None
    image: ImageVolumeSource | None = None
    iscsi: ISCSIVolumeSource | None = None
    nfs: NFSVolumeSource | None = None
    persistent_volume_claim: PersistentVolumeClaimVolumeSource | None = None
    photon_persistent_disk: PhotonPersistentDiskVolumeSource | None = None
    portworx_volume: PortworxVolumeSource | None = None
    projected: ProjectedVolumeSource | None = None
    quobyte: QuobyteVolumeSource | None = None
    rbd: RBDVolumeSource | None = None
    scale_io: ScaleIOVolumeSource | None = Field(None, alias="scaleIO")
    secret: SecretVolumeSource | None = None
    storageos: StorageOSVolumeSource | None = None
    vsphere_volume: VsphereVirtualDiskVolumeSource | None = None
