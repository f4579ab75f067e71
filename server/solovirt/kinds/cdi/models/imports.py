"""DataImportCron."""

from typing import Annotated

from pydantic import Field

from solovirt.kinds.cdi.models.data_volumes import DataVolumeSpec, DataVolumeStatus
from solovirt.kinds.cdi.models.sources import DataVolumeSourcePVC
from solovirt.machinery.schema.markers import ApiModel, Int32, Time
from solovirt.machinery.schema.meta import ObjectMeta


class DataImportCronTemplateMetadata(ApiModel):
    pass


class DataImportCronTemplate(ApiModel):
    api_version: str | None = None
    kind: str | None = None
    metadata: DataImportCronTemplateMetadata | None = None
    spec: DataVolumeSpec
    status: DataVolumeStatus | None = None


class DataImportCronSpec(ApiModel):
    managed_data_source: str
    schedule: str
    template: DataImportCronTemplate
    garbage_collect: str | None = None
    imports_to_keep: Int32 | None = None
    retention_policy: str | None = None
    service_account_name: Annotated[str | None, Field(min_length=1)] = None


class DataImportCronCondition(ApiModel):
    status: str
    type: str
    last_heartbeat_time: Time | None = None
    last_transition_time: Time | None = None
    message: str | None = None
    reason: str | None = None


class ImportStatus(ApiModel):
    data_volume_name: str = Field(alias="DataVolumeName")
    digest: str = Field(alias="Digest")


class DataImportCronStatus(ApiModel):
    conditions: list[DataImportCronCondition] | None = None
    current_imports: list[ImportStatus] | None = None
    last_execution_timestamp: Time | None = None
    last_import_timestamp: Time | None = None
    last_imported_pvc: DataVolumeSourcePVC | None = Field(None, alias="lastImportedPVC")
    source_format: str | None = None


class DataImportCron(ApiModel):
    """An import that is done again and again, as a schedule says."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: DataImportCronSpec = Field(description="What is wanted.")
    status: DataImportCronStatus | None = Field(None, description="What there is.")
