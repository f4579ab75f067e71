"""The claim of a DataVolume with things left open, and StorageProfile, which fills them in."""

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
    """What DataVolumes of a storage class get where they leave things open."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: StorageProfileSpec = Field(description="What is wanted.")
    status: StorageProfileStatus | None = Field(None, description="What there is.")


class StorageSpec(ApiModel):
    """A claim with things left open."""

    access_modes: list[str] | None = Field(
        None, description="How it may be mounted; as the StorageProfile says if left open."
    )
    data_source: TypedLocalObjectReference | None = Field(
        None, description="An object that fills the claim, of the same namespace."
    )
    data_source_ref: TypedObjectReference | None = Field(None, description="An object that fills the claim.")
    resources: VolumeResourceRequirements | None = Field(None, description="Its size.")
    selector: LabelSelector | None = Field(None, description="Labels of the volumes that may be bound.")
    storage_class_name: str | None = Field(None, description="Its class; the default class if left open.")
    volume_mode: str | None = Field(None, description="Filesystem or Block; as the StorageProfile says if left open.")
    volume_name: str | None = Field(None, description="The volume that is to be bound.")
