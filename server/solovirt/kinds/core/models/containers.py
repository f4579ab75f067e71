"""The containers of a pod."""

from typing import Annotated, Literal

from pydantic import Field

from solovirt.kinds.core.models.probes import Lifecycle, Probe
from solovirt.kinds.core.models.references import (
    ConfigMapKeySelector,
    FileKeySelector,
    ObjectFieldSelector,
    ResourceFieldSelector,
    SecretKeySelector,
)
from solovirt.kinds.core.models.requirements import ResourceRequirements
from solovirt.kinds.core.models.security import SecurityContext
from solovirt.machinery.schema.markers import ApiModel, Default, Int32, ListAtomic, ListMap, ListSet, PatchStrategy


class ConfigMapEnvSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.ConfigMapEnvSource"

    name: str | None = None
    optional: bool | None = None


class ContainerPort(ApiModel):
    schema_name = "io.k8s.api.core.v1.ContainerPort"

    container_port: Int32
    host_ip: str | None = Field(None, alias="hostIP")
    host_port: Int32 | None = None
    name: str | None = None
    protocol: Annotated[Literal["SCTP", "TCP", "UDP"] | None, Default("TCP")] = None


class ContainerResizePolicy(ApiModel):
    schema_name = "io.k8s.api.core.v1.ContainerResizePolicy"

    resource_name: str
    restart_policy: str


class ContainerRestartRuleOnExitCodes(ApiModel):
    schema_name = "io.k8s.api.core.v1.ContainerRestartRuleOnExitCodes"

    operator: str
    values: Annotated[list[Int32] | None, ListSet()] = None


class ContainerRestartRule(ApiModel):
    schema_name = "io.k8s.api.core.v1.ContainerRestartRule"

    action: str
    exit_codes: ContainerRestartRuleOnExitCodes | None = None


class SecretEnvSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.SecretEnvSource"

    name: str | None = None
    optional: bool | None = None


class EnvFromSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.EnvFromSource"

    config_map_ref: ConfigMapEnvSource | None = None
    prefix: str | None = None
    secret_ref: SecretEnvSource | None = None


class EnvVarSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.EnvVarSource"

    config_map_key_ref: ConfigMapKeySelector | None = None
    field_ref: ObjectFieldSelector | None = None
    file_key_ref: FileKeySelector | None = None
    resource_field_ref: ResourceFieldSelector | None = None
    secret_key_ref: SecretKeySelector | None = None


class EnvVar(ApiModel):
    schema_name = "io.k8s.api.core.v1.EnvVar"

    name: str
    value: str | None = None
    value_from: EnvVarSource | None = None


class VolumeDevice(ApiModel):
    schema_name = "io.k8s.api.core.v1.VolumeDevice"

    device_path: str
    name: str


class VolumeMount(ApiModel):
    schema_name = "io.k8s.api.core.v1.VolumeMount"

    mount_path: str
    name: str
    mount_propagation: Literal["Bidirectional", "HostToContainer", "None"] | None = None
    read_only: bool | None = None
    recursive_read_only: str | None = None
    sub_path: str | None = None
    sub_path_expr: str | None = None


class Container(ApiModel):
    schema_name = "io.k8s.api.core.v1.Container"

    name: str
    args: Annotated[list[str] | None, ListAtomic()] = None
    command: Annotated[list[str] | None, ListAtomic()] = None
    env: Annotated[list[EnvVar] | None, ListMap("name"), PatchStrategy("merge", "name")] = None
    env_from: Annotated[list[EnvFromSource] | None, ListAtomic()] = None
    image: str | None = None
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    lifecycle: Lifecycle | None = None
    liveness_probe: Probe | None = None
    ports: Annotated[
        list[ContainerPort] | None, ListMap("containerPort", "protocol"), PatchStrategy("merge", "containerPort")
    ] = None
    readiness_probe: Probe | None = None
    resize_policy: Annotated[list[ContainerResizePolicy] | None, ListAtomic()] = None
    resources: ResourceRequirements | None = None
    restart_policy: str | None = None
    restart_policy_rules: Annotated[list[ContainerRestartRule] | None, ListAtomic()] = None
    security_context: SecurityContext | None = None
    startup_probe: Probe | None = None
    stdin: bool | None = None
    stdin_once: bool | None = None
    termination_message_path: str | None = None
    termination_message_policy: Literal["FallbackToLogsOnError", "File"] | None = None
    tty: bool | None = None
    volume_devices: Annotated[
        list[VolumeDevice] | None, ListMap("devicePath"), PatchStrategy("merge", "devicePath")
    ] = None
    volume_mounts: Annotated[list[VolumeMount] | None, ListMap("mountPath"), PatchStrategy("merge", "mountPath")] = None
    working_dir: str | None = None


class EphemeralContainer(ApiModel):
    schema_name = "io.k8s.api.core.v1.EphemeralContainer"

    name: str
    args: Annotated[list[str] | None, ListAtomic()] = None
    command: Annotated[list[str] | None, ListAtomic()] = None
    env: Annotated[list[EnvVar] | None, ListMap("name"), PatchStrategy("merge", "name")] = None
    env_from: Annotated[list[EnvFromSource] | None, ListAtomic()] = None
    image: str | None = None
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    lifecycle: Lifecycle | None = None
    liveness_probe: Probe | None = None
    ports: Annotated[
        list[ContainerPort] | None, ListMap("containerPort", "protocol"), PatchStrategy("merge", "containerPort")
    ] = None
    readiness_probe: Probe | None = None
    resize_policy: Annotated[list[ContainerResizePolicy] | None, ListAtomic()] = None
    resources: ResourceRequirements | None = None
    restart_policy: str | None = None
    restart_policy_rules: Annotated[list[ContainerRestartRule] | None, ListAtomic()] = None
    security_context: SecurityContext | None = None
    startup_probe: Probe | None = None
    stdin: bool | None = None
    stdin_once: bool | None = None
    target_container_name: str | None = None
    termination_message_path: str | None = None
    termination_message_policy: Literal["FallbackToLogsOnError", "File"] | None = None
    tty: bool | None = None
    volume_devices: Annotated[
        list[VolumeDevice] | None, ListMap("devicePath"), PatchStrategy("merge", "devicePath")
    ] = None
    volume_mounts: Annotated[list[VolumeMount] | None, ListMap("mountPath"), PatchStrategy("merge", "mountPath")] = None
    working_dir: str | None = None
