"""StorageClass, CSIDriver and what storage drivers report."""

from typing import Annotated, Literal

from pydantic import Field

from solovirt.kinds.core.models.persistent_volumes import PersistentVolumeSpec
from solovirt.kinds.core.models.scheduling import TopologySelectorTerm
from solovirt.machinery.schema.markers import (
    ApiModel,
    CoreQuantity,
    CoreTime,
    Int32,
    Int64,
    ListAtomic,
    ListMap,
    ListSet,
    PatchStrategy,
)
from solovirt.machinery.schema.meta import LabelSelector, ObjectMeta


class TokenRequest(ApiModel):
    schema_name = "io.k8s.api.storage.v1.TokenRequest"

    audience: str
    expiration_seconds: Int64 | None = None


class CSIDriverSpec(ApiModel):
    schema_name = "io.k8s.api.storage.v1.CSIDriverSpec"

    attach_required: bool | None = None
    fs_group_policy: str | None = None
    node_allocatable_update_period_seconds: Int64 | None = None
    pod_info_on_mount: bool | None = None
    prevent_pod_scheduling_if_missing: bool | None = None
    requires_republish: bool | None = None
    se_linux_mount: bool | None = None
    service_account_token_in_secrets: bool | None = None
    storage_capacity: bool | None = None
    token_requests: Annotated[list[TokenRequest] | None, ListAtomic()] = None
    volume_lifecycle_modes: Annotated[list[str] | None, ListSet()] = None


class CSIDriver(ApiModel):
    """A storage driver of the cluster."""

    schema_name = "io.k8s.api.storage.v1.CSIDriver"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: CSIDriverSpec


class VolumeNodeResources(ApiModel):
    schema_name = "io.k8s.api.storage.v1.VolumeNodeResources"

    count: Int32 | None = None


class CSINodeDriver(ApiModel):
    schema_name = "io.k8s.api.storage.v1.CSINodeDriver"

    name: str
    node_id: str = Field(alias="nodeID")
    allocatable: VolumeNodeResources | None = None
    topology_keys: Annotated[list[str] | None, ListAtomic()] = None


class CSINodeSpec(ApiModel):
    schema_name = "io.k8s.api.storage.v1.CSINodeSpec"

    drivers: Annotated[list[CSINodeDriver], ListMap("name"), PatchStrategy("merge", "name")]


class CSINode(ApiModel):
    """The storage drivers on a node."""

    schema_name = "io.k8s.api.storage.v1.CSINode"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: CSINodeSpec


class CSIStorageCapacity(ApiModel):
    """How much room a storage class has somewhere."""

    schema_name = "io.k8s.api.storage.v1.CSIStorageCapacity"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    storage_class_name: str
    capacity: CoreQuantity | None = None
    maximum_volume_size: CoreQuantity | None = None
    node_topology: LabelSelector | None = None


class StorageClass(ApiModel):
    """A kind of storage."""

    schema_name = "io.k8s.api.storage.v1.StorageClass"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    provisioner: str
    allow_volume_expansion: bool | None = None
    allowed_topologies: Annotated[list[TopologySelectorTerm] | None, ListAtomic()] = None
    mount_options: Annotated[list[str] | None, ListAtomic()] = None
    parameters: dict[str, str] | None = None
    reclaim_policy: Literal["Delete", "Recycle", "Retain"] | None = None
    volume_binding_mode: Literal["Immediate", "WaitForFirstConsumer"] | None = None


class VolumeAttachmentSource(ApiModel):
    schema_name = "io.k8s.api.storage.v1.VolumeAttachmentSource"

    inline_volume_spec: PersistentVolumeSpec | None = None
    persistent_volume_name: str | None = None


class VolumeAttachmentSpec(ApiModel):
    schema_name = "io.k8s.api.storage.v1.VolumeAttachmentSpec"

    attacher: str
    node_name: str
    source: VolumeAttachmentSource


class VolumeError(ApiModel):
    schema_name = "io.k8s.api.storage.v1.VolumeError"

    error_code: Int32 | None = None
    message: str | None = None
    time: CoreTime | None = None


class VolumeAttachmentStatus(ApiModel):
    schema_name = "io.k8s.api.storage.v1.VolumeAttachmentStatus"

    attached: bool
    attach_error: VolumeError | None = None
    attachment_metadata: dict[str, str] | None = None
    detach_error: VolumeError | None = None


class VolumeAttachment(ApiModel):
    """A volume attached to a node."""

    schema_name = "io.k8s.api.storage.v1.VolumeAttachment"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: VolumeAttachmentSpec
    status: VolumeAttachmentStatus | None = None


class VolumeAttributesClass(ApiModel):
    """Attributes of volumes that may be changed later."""

    schema_name = "io.k8s.api.storage.v1.VolumeAttributesClass"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    driver_name: str
    parameters: dict[str, str] | None = None
