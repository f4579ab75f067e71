"""EndpointSlice."""

from typing import Annotated, Literal

from solovirt.kinds.core.models.references import ObjectReference
from solovirt.machinery.schema.markers import ApiModel, Int32, ListAtomic, ListSet
from solovirt.machinery.schema.meta import ObjectMeta


class EndpointConditions(ApiModel):
    schema_name = "io.k8s.api.discovery.v1.EndpointConditions"

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class ForNode(ApiModel):
    schema_name = "io.k8s.api.discovery.v1.ForNode"

    name: str


class ForZone(ApiModel):
    schema_name = "io.k8s.api.discovery.v1.ForZone"

    name: str


class EndpointHints(ApiModel):
    schema_name = "io.k8s.api.discovery.v1.EndpointHints"

    for_nodes: Annotated[list[ForNode] | None, ListAtomic()] = None
    for_zones: Annotated[list[ForZone] | None, ListAtomic()] = None


class Endpoint(ApiModel):
    schema_name = "io.k8s.api.discovery.v1.Endpoint"

    addresses: Annotated[list[str], ListSet()]
    conditions: EndpointConditions | None = None
    deprecated_topology: dict[str, str] | None = None
    hints: EndpointHints | None = None
    hostname: str | None = None
    node_name: str | None = None
    target_ref: ObjectReference | None = None
    zone: str | None = None


class EndpointPort(ApiModel):
    schema_name = "io.k8s.api.discovery.v1.EndpointPort"
    atomic = True

    app_protocol: str | None = None
    name: str | None = None
    port: Int32 | None = None
    protocol: Literal["SCTP", "TCP", "UDP"] | None = None


class EndpointSlice(ApiModel):
    """Some of the addresses behind a service."""

    schema_name = "io.k8s.api.discovery.v1.EndpointSlice"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    address_type: Literal["FQDN", "IPv4", "IPv6"]
    endpoints: Annotated[list[Endpoint] | None, ListAtomic()] = None
    ports: Annotated[list[EndpointPort] | None, ListAtomic()] = None
