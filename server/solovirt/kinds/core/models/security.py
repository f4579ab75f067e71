"""Security contexts of pods and containers."""

from typing import Annotated, Literal

from solovirt.machinery.schema.markers import ApiModel, Int64, ListAtomic


class AppArmorProfile(ApiModel):
    schema_name = "io.k8s.api.core.v1.AppArmorProfile"

    type: Literal["Localhost", "RuntimeDefault", "Unconfined"]
    localhost_profile: str | None = None


class Capabilities(ApiModel):
    schema_name = "io.k8s.api.core.v1.Capabilities"

    add: Annotated[list[str] | None, ListAtomic()] = None
    drop: Annotated[list[str] | None, ListAtomic()] = None


class SELinuxOptions(ApiModel):
    schema_name = "io.k8s.api.core.v1.SELinuxOptions"

    level: str | None = None
    role: str | None = None
    type: str | None = None
    user: str | None = None


class SeccompProfile(ApiModel):
    schema_name = "io.k8s.api.core.v1.SeccompProfile"

    type: Literal["Localhost", "RuntimeDefault", "Unconfined"]
    localhost_profile: str | None = None


class Sysctl(ApiModel):
    schema_name = "io.k8s.api.core.v1.Sysctl"

    name: str
    value: str


class WindowsSecurityContextOptions(ApiModel):
    schema_name = "io.k8s.api.core.v1.WindowsSecurityContextOptions"

    gmsa_credential_spec: str | None = None
    gmsa_credential_spec_name: str | None = None
    host_process: bool | None = None
    run_as_user_name: str | None = None


class PodSecurityContext(ApiModel):
    schema_name = "io.k8s.api.core.v1.PodSecurityContext"

    app_armor_profile: AppArmorProfile | None = None
    fs_group: Int64 | None = None
    fs_group_change_policy: Literal["Always", "OnRootMismatch"] | None = None
    run_as_group: Int64 | None = None
    run_as_non_root: bool | None = None
    run_as_user: Int64 | None = None
    se_linux_change_policy: str | None = None
    se_linux_options: SELinuxOptions | None = None
    seccomp_profile: SeccompProfile | None = None
    supplemental_groups: Annotated[list[Int64] | None, ListAtomic()] = None
    supplemental_groups_policy: Literal["Merge", "Strict"] | None = None
    sysctls: Annotated[list[Sysctl] | None, ListAtomic()] = None
    windows_options: WindowsSecurityContextOptions | None = None


class SecurityContext(ApiModel):
    schema_name = "io.k8s.api.core.v1.SecurityContext"

    allow_privilege_escalation: bool | None = None
    app_armor_profile: AppArmorProfile | None = None
    capabilities: Capabilities | None = None
    privileged: bool | None = None
    proc_mount: Literal["Default", "Unmasked"] | None = None
    read_only_root_filesystem: bool | None = None
    run_as_group: Int64 | None = None
    run_as_non_root: bool | None = None
    run_as_user: Int64 | None = None
    se_linux_options: SELinuxOptions | None = None
    seccomp_profile: SeccompProfile | None = None
    windows_options: WindowsSecurityContextOptions | None = None
