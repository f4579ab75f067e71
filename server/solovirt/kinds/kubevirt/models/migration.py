"""VirtualMachineInstanceMigration."""

from typing import Annotated

from pydantic import Field

from solovirt.kinds.kubevirt.models.vmi_status import VirtualMachineInstanceMigrationState
from solovirt.machinery.schema.markers import ApiModel, ListAtomic, Nullable, Time
from solovirt.machinery.schema.meta import ObjectMeta


class VirtualMachineInstanceMigrationSource(ApiModel):
    connect_url: str = Field(alias="connectURL")
    migration_id: str = Field(alias="migrationID")


class VirtualMachineInstanceMigrationTarget(ApiModel):
    migration_id: str = Field(alias="migrationID")


class VirtualMachineInstanceMigrationSpec(ApiModel):
    added_node_selector: dict[str, str] | None = None
    priority: str | None = None
    receive: VirtualMachineInstanceMigrationTarget | None = None
    send_to: VirtualMachineInstanceMigrationSource | None = None
    vmi_name: str | None = None


class VirtualMachineInstanceMigrationCondition(ApiModel):
    status: str
    type: str
    last_probe_time: Annotated[Time | None, Nullable()] = None
    last_transition_time: Annotated[Time | None, Nullable()] = None
    message: str | None = None
    reason: str | None = None


class VirtualMachineInstanceMigrationPhaseTransitionTimestamp(ApiModel):
    phase: str | None = None
    phase_transition_timestamp: Time | None = None


class VirtualMachineInstanceMigrationStatus(ApiModel):
    conditions: list[VirtualMachineInstanceMigrationCondition] | None = None
    migration_state: VirtualMachineInstanceMigrationState | None = None
    phase: str | None = None
    phase_transition_timestamps: Annotated[
        list[VirtualMachineInstanceMigrationPhaseTransitionTimestamp] | None, ListAtomic()
    ] = None
    synchronization_addresses: Annotated[list[str] | None, ListAtomic()] = None


class VirtualMachineInstanceMigration(ApiModel):
    """One move of a running instance to another node."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: VirtualMachineInstanceMigrationSpec = Field(description="What is wanted.")
    status: VirtualMachineInstanceMigrationStatus | None = Field(None, description="What there is.")
