"""CDI, the installation."""

from typing import Annotated, Literal

from pydantic import Field

from solovirt.kinds.cdi.models.configuration import CDIConfigSpec
from solovirt.kinds.core.models.embedded.scheduling import Affinity, Toleration
from solovirt.machinery.schema.markers import ApiModel, Int32, ListAtomic, Time
from solovirt.machinery.schema.meta import ObjectMeta


class CertConfig(ApiModel):
    duration: str | None = None
    renew_before: str | None = None


class CDICertConfig(ApiModel):
    ca: CertConfig | None = None
    client: CertConfig | None = None
    server: CertConfig | None = None


class ComponentConfig(ApiModel):
    affinity: Affinity | None = None
    api_server_replicas: Int32 | None = None
    deployment_replicas: Int32 | None = None
    node_selector: dict[str, str] | None = None
    tolerations: list[Toleration] | None = None
    upload_proxy_replicas: Int32 | None = None


class CustomizeComponentsPatch(ApiModel):
    patch: str
    resource_name: Annotated[str, Field(min_length=1)]
    resource_type: Annotated[str, Field(min_length=1)]
    type: str


class Flags(ApiModel):
    api: dict[str, str] | None = None
    controller: dict[str, str] | None = None
    upload_proxy: dict[str, str] | None = None


class CustomizeComponents(ApiModel):
    flags: Flags | None = None
    patches: Annotated[list[CustomizeComponentsPatch] | None, ListAtomic()] = None


class NodePlacement(ApiModel):
    affinity: Affinity | None = None
    node_selector: dict[str, str] | None = None
    tolerations: list[Toleration] | None = None


class CDISpec(ApiModel):
    cert_config: CDICertConfig | None = None
    clone_strategy_override: Literal["copy", "snapshot", "csi-clone"] | None = None
    config: CDIConfigSpec | None = None
    customize_components: CustomizeComponents | None = None
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    infra: ComponentConfig | None = None
    priority_class: str | None = None
    uninstall_strategy: Literal["RemoveWorkloads", "BlockUninstallIfWorkloadsExist"] | None = None
    workload: NodePlacement | None = None


class Condition(ApiModel):
    status: str
    type: str
    last_heartbeat_time: Time | None = None
    last_transition_time: Time | None = None
    message: str | None = None
    reason: str | None = None


class CDIStatus(ApiModel):
    conditions: list[Condition] | None = None
    observed_version: str | None = None
    operator_version: str | None = None
    phase: str | None = None
    target_version: str | None = None


class CDI(ApiModel):
    """An installation of CDI: its settings and its state."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: CDISpec = Field(description="What is wanted.")
    status: CDIStatus | None = Field(None, description="What there is.")
