"""Service and Endpoints."""

from typing import Annotated, Literal

from pydantic import Field

from solovirt.kinds.core.models.references import ObjectReference
from solovirt.machinery.schema.markers import (
    ApiModel,
    CoreIntOrString,
    Default,
    Int32,
    ListAtomic,
    ListMap,
    MapAtomic,
    PatchStrategy,
)
from solovirt.machinery.schema.meta import Condition, ObjectMeta


class ClientIPConfig(ApiModel):
    schema_name = "io.k8s.api.core.v1.ClientIPConfig"

    timeout_seconds: Int32 | None = None


class EndpointAddress(ApiModel):
    schema_name = "io.k8s.api.core.v1.EndpointAddress"
    atomic = True

    ip: str
    hostname: str | None = None
    node_name: str | None = None
    target_ref: ObjectReference | None = None


class EndpointPort(ApiModel):
    schema_name = "io.k8s.api.core.v1.EndpointPort"
    atomic = True

    port: Int32
    app_protocol: str | None = None
    name: str | None = None
    protocol: Literal["SCTP", "TCP", "UDP"] | None = None


class EndpointSubset(ApiModel):
    schema_name = "io.k8s.api.core.v1.EndpointSubset"

    addresses: Annotated[list[EndpointAddress] | None, ListAtomic()] = None
    not_ready_addresses: Annotated[list[EndpointAddress] | None, ListAtomic()] = None
    ports: Annotated[list[EndpointPort] | None, ListAtomic()] = None


class Endpoints(ApiModel):
    """The addresses behind a service."""

    schema_name = "io.k8s.api.core.v1.Endpoints"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    subsets: Annotated[list[EndpointSubset] | None, ListAtomic()] = None


class PortStatus(ApiModel):
    schema_name = "io.k8s.api.core.v1.PortStatus"

    port: Int32
    protocol: Literal["SCTP", "TCP", "UDP"]
    error: str | None = None


class LoadBalancerIngress(ApiModel):
    schema_name = "io.k8s.api.core.v1.LoadBalancerIngress"

    hostname: str | None = None
    ip: str | None = None
    ip_mode: str | None = None
    ports: Annotated[list[PortStatus] | None, ListAtomic()] = None


class LoadBalancerStatus(ApiModel):
    schema_name = "io.k8s.api.core.v1.LoadBalancerStatus"

    ingress: Annotated[list[LoadBalancerIngress] | None, ListAtomic()] = None


class ServicePort(ApiModel):
    schema_name = "io.k8s.api.core.v1.ServicePort"

    port: Int32
    app_protocol: str | None = None
    name: str | None = None
    node_port: Int32 | None = None
    protocol: Annotated[Literal["SCTP", "TCP", "UDP"] | None, Default("TCP")] = None
    target_port: CoreIntOrString | None = None


class SessionAffinityConfig(ApiModel):
    schema_name = "io.k8s.api.core.v1.SessionAffinityConfig"

    client_ip: ClientIPConfig | None = Field(None, alias="clientIP")


class ServiceSpec(ApiModel):
    schema_name = "io.k8s.api.core.v1.ServiceSpec"

    allocate_load_balancer_node_ports: bool | None = None
    cluster_ip: str | None = Field(None, alias="clusterIP")
    cluster_ips: Annotated[list[str] | None, ListAtomic()] = Field(None, alias="clusterIPs")
    external_ips: Annotated[list[str] | None, ListAtomic()] = Field(None, alias="externalIPs")
    external_name: str | None = None
    external_traffic_policy: Literal["Cluster", "Local"] | None = None
    health_check_node_port: Int32 | None = None
    internal_traffic_policy: Literal["Cluster", "Local"] | None = None
    ip_families: Annotated[list[Literal["", "IPv4", "IPv6"]] | None, ListAtomic()] = None
    ip_family_policy: Literal["PreferDualStack", "RequireDualStack", "SingleStack"] | None = None
    load_balancer_class: str | None = None
    load_balancer_ip: str | None = Field(None, alias="loadBalancerIP")
    load_balancer_source_ranges: Annotated[list[str] | None, ListAtomic()] = None
    ports: Annotated[list[ServicePort] | None, ListMap("port", "protocol"), PatchStrategy("merge", "port")] = None
    publish_not_ready_addresses: bool | None = None
    selector: Annotated[dict[str, str] | None, MapAtomic()] = None
    session_affinity: Literal["ClientIP", "None"] | None = None
    session_affinity_config: SessionAffinityConfig | None = None
    traffic_distribution: str | None = None
    type: Literal["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"] | None = None


class ServiceStatus(ApiModel):
    schema_name = "io.k8s.api.core.v1.ServiceStatus"

    conditions: Annotated[list[Condition] | None, ListMap("type"), PatchStrategy("merge", "type")] = None
    load_balancer: LoadBalancerStatus | None = None


class Service(ApiModel):
    """A name and an address for a set of pods."""

    schema_name = "io.k8s.api.core.v1.Service"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: ServiceSpec | None = None
    status: ServiceStatus | None = None
