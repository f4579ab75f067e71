"""cdi.storage"""

from typing import Annotated, Literal

from pydantic import Field

from solovirt.kinds.core.models.embedded.claims import VolumeResourceRequirements
from solovirt.kinds.core.models.embedded.references import TypedLocalObjectReference, TypedObjectReference
from solovirt.kinds.core.models.embedded.selectors import LabelSelector
from solovirt.machinery.schema.markers import ApiModel, Rule, Time
from solovirt.machinery.schema.meta import ObjectMeta


class ClaimPropertySet(ApiModel):
    access_modes: Annotated[
        list[str],
        Field(max_length=4),
        Rule(
            "self.all(am, am in ['ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOncePod'])",
            message="Illegal AccessMode",
        ),
    ]
    volume_mode: Literal["Block", "Filesystem"]


class StorageProfileSpec(ApiModel):
    claim_property_sets: Annotated[list[ClaimPropertySet] | None, Field(max_length=8)] = None
    clone_strategy: str | None = None
    data_import_cron_source_format: str | None = None
    snapshot_class: str | None = None


class StorageProfileCondition(ApiModel):
    status: str
    type: str
    last_heartbeat_time: Time | None = None
    last_transition_time: Time | None = None
    message: str | None = None
    reason: str | None = None


class StorageProfileStatus(ApiModel):
    claim_property_sets: Annotated[list[ClaimPropertySet] | None, Field(max_length=8)] = None
    clone_strategy: str | None = None
    conditions: list[StorageProfileCondition] | None = None
    data_import_cron_source_format: str | None = None
    provisioner: str | None = None
    snapshot_class: str | None = None
    storage_class: str | None = None


class StorageProfile(ApiModel):
    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: StorageProfileSpec
    status: StorageProfileStatus | None = None


class StorageSpec(ApiModel):
    access_modes: list[str] | None = None
    data_source: TypedLocalObjectReference | None = None
    data_source_ref: TypedObjectReference | None = None
    resources: VolumeResourceRequirements | None = None
    selector: LabelSelector | None = None
    storage_class_name: str | None = None
    volume_mode: str | None = None
    volume_name: str | None = None
