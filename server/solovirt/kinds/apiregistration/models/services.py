"""APIService."""

from typing import Annotated

from pydantic import Field

from solovirt.machinery.schema.markers import ApiModel, Bytes, CoreTime, Int32, ListAtomic, ListMap, PatchStrategy
from solovirt.machinery.schema.meta import ObjectMeta


class ServiceReference(ApiModel):
    schema_name = "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.ServiceReference"

    name: str | None = None
    namespace: str | None = None
    port: Int32 | None = None


class APIServiceSpec(ApiModel):
    schema_name = "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIServiceSpec"

    group_priority_minimum: Int32
    version_priority: Int32
    ca_bundle: Annotated[Bytes | None, ListAtomic()] = None
    group: str | None = None
    insecure_skip_tls_verify: bool | None = Field(None, alias="insecureSkipTLSVerify")
    service: ServiceReference | None = None
    version: str | None = None


class APIServiceCondition(ApiModel):
    schema_name = "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIServiceCondition"

    status: str
    type: str
    last_transition_time: CoreTime | None = None
    message: str | None = None
    reason: str | None = None


class APIServiceStatus(ApiModel):
    schema_name = "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIServiceStatus"

    conditions: Annotated[list[APIServiceCondition] | None, ListMap("type"), PatchStrategy("merge", "type")] = None


class APIService(ApiModel):
    """Who serves a version of a group."""

    schema_name = "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: APIServiceSpec | None = None
    status: APIServiceStatus | None = None
