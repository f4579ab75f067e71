"""DataSource."""

from pydantic import Field

from solovirt.kinds.cdi.models.sources import DataVolumeSourcePVC, DataVolumeSourceSnapshot
from solovirt.machinery.schema.markers import ApiModel, Time
from solovirt.machinery.schema.meta import ObjectMeta


class DataSourceRefSourceDataSource(ApiModel):
    name: str
    namespace: str


class DataSourceSource(ApiModel):
    data_source: DataSourceRefSourceDataSource | None = None
    pvc: DataVolumeSourcePVC | None = None
    snapshot: DataVolumeSourceSnapshot | None = None


class DataSourceSpec(ApiModel):
    source: DataSourceSource


class DataSourceCondition(ApiModel):
    status: str
    type: str
    last_heartbeat_time: Time | None = None
    last_transition_time: Time | None = None
    message: str | None = None
    reason: str | None = None


class DataSourceStatus(ApiModel):
    conditions: list[DataSourceCondition] | None = None
    source: DataSourceSource | None = None


class DataSource(ApiModel):
    """A name for a source that DataVolumes may refer to."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: DataSourceSpec = Field(description="What is wanted.")
    status: DataSourceStatus | None = Field(None, description="What there is.")
