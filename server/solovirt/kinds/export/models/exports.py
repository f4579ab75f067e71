"""VirtualMachineExport."""

from typing import Annotated

from pydantic import Field

from solovirt.kinds.core.models.embedded.references import TypedLocalObjectReference
from solovirt.machinery.schema.markers import ApiModel, ListAtomic, ListMap, Nullable, Time
from solovirt.machinery.schema.meta import ObjectMeta


class Condition(ApiModel):
    status: str
    type: str
    last_probe_time: Annotated[Time | None, Nullable()] = None
    last_transition_time: Annotated[Time | None, Nullable()] = None
    message: str | None = None
    reason: str | None = None


class VirtualMachineExportSpec(ApiModel):
    source: TypedLocalObjectReference
    token_secret_ref: str | None = None
    ttl_duration: str | None = None


class VirtualMachineExportBackupEndpoint(ApiModel):
    endpoint: str
    url: str


class VirtualMachineExportBackup(ApiModel):
    name: str
    endpoints: Annotated[list[VirtualMachineExportBackupEndpoint] | None, ListMap("endpoint")] = None


class VirtualMachineExportManifest(ApiModel):
    type: str
    url: str


class VirtualMachineExportVolumeFormat(ApiModel):
    format: str
    url: str


class VirtualMachineExportVolume(ApiModel):
    name: str
    formats: Annotated[list[VirtualMachineExportVolumeFormat] | None, ListMap("format")] = None


class VirtualMachineExportLink(ApiModel):
    cert: str
    backups: Annotated[list[VirtualMachineExportBackup] | None, ListMap("name")] = None
    manifests: Annotated[list[VirtualMachineExportManifest] | None, ListMap("type")] = None
    volumes: Annotated[list[VirtualMachineExportVolume] | None, ListMap("name")] = None


class VirtualMachineExportLinks(ApiModel):
    external: VirtualMachineExportLink | None = None
    internal: VirtualMachineExportLink | None = None


class VirtualMachineExportStatus(ApiModel):
    conditions: Annotated[list[Condition] | None, ListAtomic()] = None
    links: VirtualMachineExportLinks | None = None
    phase: str | None = None
    service_name: str | None = None
    token_secret_ref: str | None = None
    ttl_expiration_time: Time | None = None
    virtual_machine_name: str | None = None


class VirtualMachineExport(ApiModel):
    """A machine, a snapshot or a claim offered for download."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: VirtualMachineExportSpec = Field(description="What is wanted.")
    status: VirtualMachineExportStatus | None = Field(None, description="What there is.")
