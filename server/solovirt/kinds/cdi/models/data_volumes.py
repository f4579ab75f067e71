"""DataVolume."""

from typing import Literal

from pydantic import Field

from solovirt.kinds.cdi.models.sources import DataVolumeSource, DataVolumeSourceRef
from solovirt.kinds.cdi.models.storage import StorageSpec
from solovirt.kinds.core.models.embedded.claims import PersistentVolumeClaimSpec
from solovirt.machinery.schema.markers import ApiModel, Int32, Time
from solovirt.machinery.schema.meta import ObjectMeta


class DataVolumeCheckpoint(ApiModel):
    current: str
    previous: str


class DataVolumeSpec(ApiModel):
    """A claim, and where its content comes from."""

    checkpoints: list[DataVolumeCheckpoint] | None = Field(
        None, description="Stages of an import that is done in several, oldest first."
    )
    content_type: Literal["kubevirt", "archive"] | None = Field(
        None, description="kubevirt for a disk image, archive for a tar file that is unpacked; kubevirt if not said."
    )
    final_checkpoint: bool | None = Field(None, description="The last of the checkpoints is the end.")
    preallocation: bool | None = Field(
        None, description="Reserve all the space at once; as the installation is set if not said."
    )
    priority_class_name: str | None = Field(None, description="The class that says how important the worker pods are.")
    pvc: PersistentVolumeClaimSpec | None = Field(None, description="The claim, in full. Excludes storage.")
    service_account_name: str | None = Field(None, description="The service account that the worker pods run as.")
    source: DataVolumeSource | None = Field(
        None, description="Where the content comes from: exactly one of the sources."
    )
    source_ref: DataVolumeSourceRef | None = Field(
        None, description="A DataSource that names the source, instead of source."
    )
    storage: StorageSpec | None = Field(
        None,
        description="The claim, with what is left open filled in by the StorageProfile of its class. Excludes pvc.",
    )


class DataVolumeCondition(ApiModel):
    status: str
    type: str
    last_heartbeat_time: Time | None = None
    last_transition_time: Time | None = None
    message: str | None = None
    reason: str | None = None


class DataVolumeStatus(ApiModel):
    """How far the filling of a claim has come."""

    claim_name: str | None = Field(None, description="The claim.")
    conditions: list[DataVolumeCondition] | None = Field(
        None, description="What is true of the DataVolume just now: Bound, Running, Ready."
    )
    phase: str | None = Field(None, description="Where it is in its life; Succeeded at the end.")
    progress: str | None = Field(None, description="How much has been transferred, in percent, or N/A.")
    restart_count: Int32 | None = Field(None, description="How often the transfer was started again.")


class DataVolume(ApiModel):
    """A claim and what it is to be filled with."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: DataVolumeSpec = Field(description="The claim, and where its content comes from.")
    status: DataVolumeStatus | None = Field(None, description="How far the filling has come.")
