"""NetworkPolicy."""

from typing import Annotated, Literal

from solovirt.machinery.schema.markers import ApiModel, CoreIntOrString, Int32, ListAtomic
from solovirt.machinery.schema.meta import LabelSelector, ObjectMeta


class IPBlock(ApiModel):
    schema_name = "io.k8s.api.networking.v1.IPBlock"

    cidr: str
    except_: Annotated[list[str] | None, ListAtomic()] = None


class NetworkPolicyPeer(ApiModel):
    schema_name = "io.k8s.api.networking.v1.NetworkPolicyPeer"

    ip_block: IPBlock | None = None
    namespace_selector: LabelSelector | None = None
    pod_selector: LabelSelector | None = None


class NetworkPolicyPort(ApiModel):
    schema_name = "io.k8s.api.networking.v1.NetworkPolicyPort"

    end_port: Int32 | None = None
    port: CoreIntOrString | None = None
    protocol: Literal["SCTP", "TCP", "UDP"] | None = None


class NetworkPolicyEgressRule(ApiModel):
    schema_name = "io.k8s.api.networking.v1.NetworkPolicyEgressRule"

    ports: Annotated[list[NetworkPolicyPort] | None, ListAtomic()] = None
    to: Annotated[list[NetworkPolicyPeer] | None, ListAtomic()] = None


class NetworkPolicyIngressRule(ApiModel):
    schema_name = "io.k8s.api.networking.v1.NetworkPolicyIngressRule"

    from_: Annotated[list[NetworkPolicyPeer] | None, ListAtomic()] = None
    ports: Annotated[list[NetworkPolicyPort] | None, ListAtomic()] = None


class NetworkPolicySpec(ApiModel):
    schema_name = "io.k8s.api.networking.v1.NetworkPolicySpec"

    egress: Annotated[list[NetworkPolicyEgressRule] | None, ListAtomic()] = None
    ingress: Annotated[list[NetworkPolicyIngressRule] | None, ListAtomic()] = None
    pod_selector: LabelSelector | None = None
    policy_types: Annotated[list[Literal["Egress", "Ingress"]] | None, ListAtomic()] = None


class NetworkPolicy(ApiModel):
    """Who may talk to certain pods, and to whom they may."""

    schema_name = "io.k8s.api.networking.v1.NetworkPolicy"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: NetworkPolicySpec | None = None


class ServiceBackendPort(ApiModel):
    schema_name = "io.k8s.api.networking.v1.ServiceBackendPort"
    atomic = True

    name: str | None = None
    number: Int32 | None = None
