"""Claims and resource requirements."""

from typing import Annotated

from solovirt.kinds.core.models.embedded.references import TypedLocalObjectReference, TypedObjectReference
from solovirt.kinds.core.models.embedded.selectors import LabelSelector
from solovirt.machinery.schema.markers import ApiModel, ListAtomic, ListMap, Quantity


class VolumeResourceRequirements(ApiModel):
    limits: dict[str, Quantity] | None = None
    requests: dict[str, Quantity] | None = None


class PersistentVolumeClaimSpec(ApiModel):
    access_modes: Annotated[list[str] | None, ListAtomic()] = None
    data_source: TypedLocalObjectReference | None = None
    data_source_ref: TypedObjectReference | None = None
    resources: VolumeResourceRequirements | None = None
    selector: LabelSelector | None = None
    storage_class_name: str | None = None
    volume_attributes_class_name: str | None = None
    volume_mode: str | None = None
    volume_name: str | None = None


class PersistentVolumeClaimVolumeSource(ApiModel):
    claim_name: str
    read_only: bool | None = None


class ResourceClaim(ApiModel):
    name: str
    request: str | None = None


class ResourceRequirements(ApiModel):
    claims: Annotated[list[ResourceClaim] | None, ListMap("name")] = None
    limits: dict[str, Quantity] | None = None
    requests: dict[str, Quantity] | None = None
