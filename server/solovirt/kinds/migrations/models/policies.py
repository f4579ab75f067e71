"""MigrationPolicy."""

from typing import Annotated

from pydantic import Field

from solovirt.kinds.kubevirt.models.migration_configuration import ExperimentalMigrationOptions
from solovirt.machinery.schema.markers import ApiModel, Int64, Nullable, Quantity
from solovirt.machinery.schema.meta import ObjectMeta


class Selectors(ApiModel):
    namespace_selector: dict[str, str] | None = None
    virtual_machine_instance_selector: dict[str, str] | None = None


class MigrationPolicySpec(ApiModel):
    selectors: Selectors
    allow_auto_converge: bool | None = None
    allow_post_copy: bool | None = None
    allow_workload_disruption: bool | None = None
    bandwidth_per_migration: Quantity | None = None
    completion_timeout_per_gi_b: Int64 | None = None
    experimental: ExperimentalMigrationOptions | None = None
    max_downtime_ms: Annotated[Int64 | None, Field(ge=1, le=2000000)] = None


class MigrationPolicyStatus(ApiModel):
    pass


class MigrationPolicy(ApiModel):
    """How certain machines are migrated."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: MigrationPolicySpec = Field(description="What is wanted.")
    status: Annotated[MigrationPolicyStatus | None, Nullable()] = Field(None, description="What there is.")
