"""PersistentVolumeClaim."""

from typing import Annotated, Literal

from solovirt.kinds.core.models.references import TypedLocalObjectReference, TypedObjectReference
from solovirt.kinds.core.models.requirements import VolumeResourceRequirements
from solovirt.machinery.schema.markers import (
    ApiModel,
    CoreQuantity,
    CoreTime,
    ListAtomic,
    ListMap,
    MapGranular,
    PatchStrategy,
)
from solovirt.machinery.schema.meta import LabelSelector, ObjectMeta


class ModifyVolumeStatus(ApiModel):
    schema_name = "io.k8s.api.core.v1.ModifyVolumeStatus"

    status: Literal["InProgress", "Infeasible", "Pending"]
    target_volume_attributes_class_name: str | None = None


class PersistentVolumeClaimSpec(ApiModel):
    schema_name = "io.k8s.api.core.v1.PersistentVolumeClaimSpec"

    access_modes: Annotated[
        list[Literal["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"]] | None, ListAtomic()
    ] = None
    data_source: TypedLocalObjectReference | None = None
    data_source_ref: TypedObjectReference | None = None
    resources: VolumeResourceRequirements | None = None
    selector: LabelSelector | None = None
    storage_class_name: str | None = None
    volume_attributes_class_name: str | None = None
    volume_mode: Literal["Block", "Filesystem"] | None = None
    volume_name: str | None = None


class PersistentVolumeClaimCondition(ApiModel):
    schema_name = "io.k8s.api.core.v1.PersistentVolumeClaimCondition"

    status: str
    type: str
    last_probe_time: CoreTime | None = None
    last_transition_time: CoreTime | None = None
    message: str | None = None
    reason: str | None = None


class PersistentVolumeClaimStatus(ApiModel):
    schema_name = "io.k8s.api.core.v1.PersistentVolumeClaimStatus"

    access_modes: Annotated[
        list[Literal["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"]] | None, ListAtomic()
    ] = None
    allocated_resource_statuses: Annotated[
        dict[
            str,
            Literal[
                "ControllerResizeInProgress",
                "ControllerResizeInfeasible",
                "NodeResizeInProgress",
                "NodeResizeInfeasible",
                "NodeResizePending",
            ],
        ]
        | None,
        MapGranular(),
    ] = None
    allocated_resources: dict[str, CoreQuantity] | None = None
    capacity: dict[str, CoreQuantity] | None = None
    conditions: Annotated[
        list[PersistentVolumeClaimCondition] | None, ListMap("type"), PatchStrategy("merge", "type")
    ] = None
    current_volume_attributes_class_name: str | None = None
    modify_volume_status: ModifyVolumeStatus | None = None
    phase: Literal["Bound", "Lost", "Pending"] | None = None


class PersistentVolumeClaim(ApiModel):
    """A wish for storage, and the volume that fulfils it."""

    schema_name = "io.k8s.api.core.v1.PersistentVolumeClaim"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: PersistentVolumeClaimSpec | None = None
    status: PersistentVolumeClaimStatus | None = None


class PersistentVolumeClaimTemplate(ApiModel):
    schema_name = "io.k8s.api.core.v1.PersistentVolumeClaimTemplate"

    metadata: ObjectMeta | None = None
    spec: PersistentVolumeClaimSpec
