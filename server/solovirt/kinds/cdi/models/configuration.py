"""CDIConfig: the settings that CDI works with."""

from typing import Annotated, Literal

from pydantic import Field

from solovirt.kinds.core.models.embedded.claims import ResourceRequirements
from solovirt.kinds.core.models.embedded.references import LocalObjectReference
from solovirt.machinery.schema.markers import ApiModel, Int32, Nullable
from solovirt.machinery.schema.meta import ObjectMeta


class FilesystemOverhead(ApiModel):
    global_: Annotated[str | None, Field(pattern=r"^(0(?:\.\d{1,3})?|1)$")] = None
    storage_class: dict[str, Annotated[str, Field(pattern=r"^(0(?:\.\d{1,3})?|1)$")]] | None = None


class ImportProxy(ApiModel):
    http_proxy: str | None = Field(None, alias="HTTPProxy")
    https_proxy: str | None = Field(None, alias="HTTPSProxy")
    no_proxy: str | None = None
    trusted_ca_proxy: str | None = Field(None, alias="trustedCAProxy")


class CustomTLSProfile(ApiModel):
    ciphers: list[str]
    min_tls_version: Literal["VersionTLS10", "VersionTLS11", "VersionTLS12", "VersionTLS13"] = Field(
        alias="minTLSVersion"
    )


class IntermediateTLSProfile(ApiModel):
    pass


class ModernTLSProfile(ApiModel):
    pass


class OldTLSProfile(ApiModel):
    pass


class TLSSecurityProfile(ApiModel):
    custom: Annotated[CustomTLSProfile | None, Nullable()] = None
    intermediate: Annotated[IntermediateTLSProfile | None, Nullable()] = None
    modern: Annotated[ModernTLSProfile | None, Nullable()] = None
    old: Annotated[OldTLSProfile | None, Nullable()] = None
    type: Literal["Old", "Intermediate", "Modern", "Custom"] | None = None


class CDIConfigSpec(ApiModel):
    data_volume_ttl_seconds: Int32 | None = Field(None, alias="dataVolumeTTLSeconds")
    feature_gates: list[str] | None = None
    filesystem_overhead: FilesystemOverhead | None = None
    image_pull_secrets: list[LocalObjectReference] | None = None
    import_proxy: ImportProxy | None = None
    insecure_registries: list[str] | None = None
    log_verbosity: Int32 | None = None
    pod_resource_requirements: ResourceRequirements | None = None
    preallocation: bool | None = None
    scratch_space_storage_class: str | None = None
    tls_security_profile: TLSSecurityProfile | None = None
    upload_proxy_url_override: str | None = Field(None, alias="uploadProxyURLOverride")
    webhook_pvc_rendering: str | None = None


class CDIConfigStatus(ApiModel):
    default_pod_resource_requirements: ResourceRequirements | None = None
    filesystem_overhead: FilesystemOverhead | None = None
    image_pull_secrets: list[LocalObjectReference] | None = None
    import_proxy: ImportProxy | None = None
    preallocation: bool | None = None
    scratch_space_storage_class: str | None = None
    upload_proxy_ca: str | None = Field(None, alias="uploadProxyCA")
    upload_proxy_url: str | None = Field(None, alias="uploadProxyURL")


class CDIConfig(ApiModel):
    """The settings that CDI works with, and what it has made of them."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: CDIConfigSpec = Field(description="What is wanted.")
    status: CDIConfigStatus | None = Field(None, description="What there is.")
