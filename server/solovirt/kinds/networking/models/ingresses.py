"""Ingress and IngressClass."""

from typing import Annotated, Literal

from solovirt.kinds.core.models.references import TypedLocalObjectReference
from solovirt.kinds.networking.models.policies import ServiceBackendPort
from solovirt.machinery.schema.markers import ApiModel, Int32, ListAtomic
from solovirt.machinery.schema.meta import ObjectMeta


class IngressServiceBackend(ApiModel):
    schema_name = "io.k8s.api.networking.v1.IngressServiceBackend"

    name: str
    port: ServiceBackendPort | None = None


class IngressBackend(ApiModel):
    schema_name = "io.k8s.api.networking.v1.IngressBackend"

    resource: TypedLocalObjectReference | None = None
    service: IngressServiceBackend | None = None


class HTTPIngressPath(ApiModel):
    schema_name = "io.k8s.api.networking.v1.HTTPIngressPath"

    backend: IngressBackend
    path_type: Literal["Exact", "ImplementationSpecific", "Prefix"]
    path: str | None = None


class HTTPIngressRuleValue(ApiModel):
    schema_name = "io.k8s.api.networking.v1.HTTPIngressRuleValue"

    paths: Annotated[list[HTTPIngressPath], ListAtomic()]


class IngressRule(ApiModel):
    schema_name = "io.k8s.api.networking.v1.IngressRule"

    host: str | None = None
    http: HTTPIngressRuleValue | None = None


class IngressTLS(ApiModel):
    schema_name = "io.k8s.api.networking.v1.IngressTLS"

    hosts: Annotated[list[str] | None, ListAtomic()] = None
    secret_name: str | None = None


class IngressSpec(ApiModel):
    schema_name = "io.k8s.api.networking.v1.IngressSpec"

    default_backend: IngressBackend | None = None
    ingress_class_name: str | None = None
    rules_: Annotated[list[IngressRule] | None, ListAtomic()] = None
    tls: Annotated[list[IngressTLS] | None, ListAtomic()] = None


class IngressPortStatus(ApiModel):
    schema_name = "io.k8s.api.networking.v1.IngressPortStatus"

    port: Int32
    protocol: Literal["SCTP", "TCP", "UDP"]
    error: str | None = None


class IngressLoadBalancerIngress(ApiModel):
    schema_name = "io.k8s.api.networking.v1.IngressLoadBalancerIngress"

    hostname: str | None = None
    ip: str | None = None
    ports: Annotated[list[IngressPortStatus] | None, ListAtomic()] = None


class IngressLoadBalancerStatus(ApiModel):
    schema_name = "io.k8s.api.networking.v1.IngressLoadBalancerStatus"

    ingress: Annotated[list[IngressLoadBalancerIngress] | None, ListAtomic()] = None


class IngressStatus(ApiModel):
    schema_name = "io.k8s.api.networking.v1.IngressStatus"

    load_balancer: IngressLoadBalancerStatus | None = None


class Ingress(ApiModel):
    """Hosts and paths, and the services behind them."""

    schema_name = "io.k8s.api.networking.v1.Ingress"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: IngressSpec | None = None
    status: IngressStatus | None = None


class IngressClassParametersReference(ApiModel):
    schema_name = "io.k8s.api.networking.v1.IngressClassParametersReference"

    kind: str
    name: str
    api_group: str | None = None
    namespace: str | None = None
    scope: str | None = None


class IngressClassSpec(ApiModel):
    schema_name = "io.k8s.api.networking.v1.IngressClassSpec"

    controller: str | None = None
    parameters: IngressClassParametersReference | None = None


class IngressClass(ApiModel):
    """Who serves ingresses."""

    schema_name = "io.k8s.api.networking.v1.IngressClass"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: IngressClassSpec | None = None
