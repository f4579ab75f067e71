"""How an installation migrates instances."""

from typing import Annotated, Literal

from pydantic import Field

from solovirt.machinery.schema.markers import ApiModel, Int32, Int64, Quantity


class DiskVerification(ApiModel):
    memory_limit: Quantity


class StallDetectorOptions(ApiModel):
    completion_timeout_factor: str | None = None
    ewma_alpha: str | None = None
    patience_window_decay_factor: str | None = None
    precopy_possible_factor: str | None = None
    search_local_minima: bool | None = None
    stall_margin: Annotated[Int64 | None, Field(ge=0, le=100)] = None
    stall_progress_timeout: Int64 | None = None
    switchover_timeout: Int64 | None = None


class ExperimentalMigrationOptions(ApiModel):
    compression: Literal["none", "zstd"] | None = None
    stall_detector: StallDetectorOptions | None = None


class MigrationConfiguration(ApiModel):
    allow_auto_converge: bool | None = None
    allow_post_copy: bool | None = None
    allow_workload_disruption: bool | None = None
    bandwidth_per_migration: Quantity | None = None
    completion_timeout_per_gi_b: Int64 | None = None
    disable_tls: bool | None = Field(None, alias="disableTLS")
    match_se_linux_level_on_migration: bool | None = Field(None, alias="matchSELinuxLevelOnMigration")
    max_downtime_ms: Annotated[Int64 | None, Field(ge=1, le=2000000)] = None
    network: str | None = None
    node_drain_taint_key: str | None = None
    parallel_migrations_per_cluster: Int32 | None = None
    parallel_outbound_migrations_per_node: Int32 | None = None
    progress_timeout: Int64 | None = None
    unsafe_migration_override: bool | None = None
    utility_volumes_timeout: Int64 | None = None


class VMIMConfigurationOptions(ApiModel):
    allow_auto_converge: bool | None = None
    allow_post_copy: bool | None = None
    allow_workload_disruption: bool | None = None
    bandwidth_per_migration: Quantity | None = None
    completion_timeout_per_gi_b: Int64 | None = None
    disable_tls: bool | None = Field(None, alias="disableTLS")
    experimental: ExperimentalMigrationOptions | None = None
    match_se_linux_level_on_migration: bool | None = Field(None, alias="matchSELinuxLevelOnMigration")
    max_downtime_ms: Annotated[Int64 | None, Field(ge=1, le=2000000)] = None
    network: str | None = None
    node_drain_taint_key: str | None = None
    parallel_migrations_per_cluster: Int32 | None = None
    parallel_outbound_migrations_per_node: Int32 | None = None
    progress_timeout: Int64 | None = None
    unsafe_migration_override: bool | None = None
    utility_volumes_timeout: Int64 | None = None
