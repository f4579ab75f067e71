"""Node."""

from typing import Annotated, Literal

from pydantic import Field

from solovirt.kinds.core.models.scheduling import Taint
from solovirt.machinery.schema.markers import (
    ApiModel,
    CoreQuantity,
    CoreTime,
    Int32,
    Int64,
    ListAtomic,
    ListMap,
    ListSet,
    PatchStrategy,
)
from solovirt.machinery.schema.meta import ObjectMeta


class AttachedVolume(ApiModel):
    schema_name = "io.k8s.api.core.v1.AttachedVolume"

    device_path: str
    name: str


class ConfigMapNodeConfigSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.ConfigMapNodeConfigSource"

    kubelet_config_key: str
    name: str
    namespace: str
    resource_version: str | None = None
    uid: str | None = None


class ContainerImage(ApiModel):
    schema_name = "io.k8s.api.core.v1.ContainerImage"

    names: Annotated[list[str] | None, ListAtomic()] = None
    size_bytes: Int64 | None = None


class DaemonEndpoint(ApiModel):
    schema_name = "io.k8s.api.core.v1.DaemonEndpoint"

    port: Int32 = Field(alias="Port")


class NodeConfigSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.NodeConfigSource"

    config_map: ConfigMapNodeConfigSource | None = None


class NodeSpec(ApiModel):
    schema_name = "io.k8s.api.core.v1.NodeSpec"

    config_source: NodeConfigSource | None = None
    external_id: str | None = Field(None, alias="externalID")
    pod_cidr: str | None = Field(None, alias="podCIDR")
    pod_cidrs: Annotated[list[str] | None, ListSet(), PatchStrategy("merge")] = Field(None, alias="podCIDRs")
    provider_id: str | None = Field(None, alias="providerID")
    taints: Annotated[list[Taint] | None, ListAtomic()] = None
    unschedulable: bool | None = None


class NodeAddress(ApiModel):
    schema_name = "io.k8s.api.core.v1.NodeAddress"

    address: str
    type: str


class NodeCondition(ApiModel):
    schema_name = "io.k8s.api.core.v1.NodeCondition"

    status: str
    type: str
    last_heartbeat_time: CoreTime | None = None
    last_transition_time: CoreTime | None = None
    message: str | None = None
    reason: str | None = None


class NodeConfigStatus(ApiModel):
    schema_name = "io.k8s.api.core.v1.NodeConfigStatus"

    active: NodeConfigSource | None = None
    assigned: NodeConfigSource | None = None
    error: str | None = None
    last_known_good: NodeConfigSource | None = None


class NodeDaemonEndpoints(ApiModel):
    schema_name = "io.k8s.api.core.v1.NodeDaemonEndpoints"

    kubelet_endpoint: DaemonEndpoint | None = None


class NodeFeatures(ApiModel):
    schema_name = "io.k8s.api.core.v1.NodeFeatures"

    supplemental_groups_policy: bool | None = None


class NodeRuntimeHandlerFeatures(ApiModel):
    schema_name = "io.k8s.api.core.v1.NodeRuntimeHandlerFeatures"

    recursive_read_only_mounts: bool | None = None
    user_namespaces: bool | None = None


class NodeRuntimeHandler(ApiModel):
    schema_name = "io.k8s.api.core.v1.NodeRuntimeHandler"

    features: NodeRuntimeHandlerFeatures | None = None
    name: str | None = None


class NodeSwapStatus(ApiModel):
    schema_name = "io.k8s.api.core.v1.NodeSwapStatus"

    capacity: Int64 | None = None


class NodeSystemInfo(ApiModel):
    schema_name = "io.k8s.api.core.v1.NodeSystemInfo"

    architecture: str
    boot_id: str = Field(alias="bootID")
    container_runtime_version: str
    kernel_version: str
    kube_proxy_version: str
    kubelet_version: str
    machine_id: str = Field(alias="machineID")
    operating_system: str
    os_image: str
    system_uuid: str = Field(alias="systemUUID")
    swap: NodeSwapStatus | None = None


class NodeStatus(ApiModel):
    schema_name = "io.k8s.api.core.v1.NodeStatus"

    addresses: Annotated[list[NodeAddress] | None, ListMap("type"), PatchStrategy("merge", "type")] = None
    allocatable: dict[str, CoreQuantity] | None = None
    capacity: dict[str, CoreQuantity] | None = None
    conditions: Annotated[list[NodeCondition] | None, ListMap("type"), PatchStrategy("merge", "type")] = None
    config: NodeConfigStatus | None = None
    daemon_endpoints: NodeDaemonEndpoints | None = None
    declared_features: Annotated[list[str] | None, ListAtomic()] = None
    features: NodeFeatures | None = None
    images: Annotated[list[ContainerImage] | None, ListAtomic()] = None
    node_info: NodeSystemInfo | None = None
    phase: Literal["Pending", "Running", "Terminated"] | None = None
    runtime_handlers: Annotated[list[NodeRuntimeHandler] | None, ListAtomic()] = None
    volumes_attached: Annotated[list[AttachedVolume] | None, ListAtomic()] = None
    volumes_in_use: Annotated[list[str] | None, ListAtomic()] = None


class Node(ApiModel):
    """A machine of the cluster that runs others."""

    schema_name = "io.k8s.api.core.v1.Node"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: NodeSpec | None = None
    status: NodeStatus | None = None
