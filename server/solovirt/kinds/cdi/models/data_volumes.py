"""cdi.data_volumes"""

from typing import Literal

from solovirt.kinds.cdi.models.sources import DataVolumeSource, DataVolumeSourceRef
from solovirt.kinds.cdi.models.storage import StorageSpec
from solovirt.kinds.core.models.embedded.claims import PersistentVolumeClaimSpec
from solovirt.machinery.schema.markers import ApiModel, Int32, Time
from solovirt.machinery.schema.meta import ObjectMeta


class DataVolumeCheckpoint(ApiModel):
    current: str
    previous: str


class DataVolumeSpec(ApiModel):
    checkpoints: list[DataVolumeCheckpoint] | None = None
    content_type: Literal["kubevirt", "archive"] | None = None
    final_checkpoint: bool | None = None
    preallocation: bool | None = None
    priority_class_name: str | None = None
    pvc: PersistentVolumeClaimSpec | None = None
    service_account_name: str | None = None
    source: DataVolumeSource | None = None
    source_ref: DataVolumeSourceRef | None = None
    storage: StorageSpec | None = None


class DataVolumeCondition(ApiModel):
    status: str
    type: str
    last_heartbeat_time: Time | None = None
    last_transition_time: Time | None = None
    message: str | None = None
    reason: str | None = None


class DataVolumeStatus(ApiModel):
    claim_name: str | None = None
    conditions: list[DataVolumeCondition] | None = None
    phase: str | None = None
    progress: str | None = None
    restart_count: Int32 | None = None


class DataVolume(ApiModel):
    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: DataVolumeSpec
    status: DataVolumeStatus | None = None
