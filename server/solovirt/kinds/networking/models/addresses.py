"""The address ranges of services."""

from typing import Annotated

from solovirt.machinery.schema.markers import ApiModel, ListAtomic, ListMap, PatchStrategy
from solovirt.machinery.schema.meta import Condition, ObjectMeta


class ParentReference(ApiModel):
    schema_name = "io.k8s.api.networking.v1.ParentReference"

    name: str
    resource: str
    group: str | None = None
    namespace: str | None = None


class IPAddressSpec(ApiModel):
    schema_name = "io.k8s.api.networking.v1.IPAddressSpec"

    parent_ref: ParentReference


class IPAddress(ApiModel):
    """An address of a service."""

    schema_name = "io.k8s.api.networking.v1.IPAddress"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: IPAddressSpec


class ServiceCIDRSpec(ApiModel):
    schema_name = "io.k8s.api.networking.v1.ServiceCIDRSpec"

    cidrs: Annotated[list[str] | None, ListAtomic()] = None


class ServiceCIDRStatus(ApiModel):
    schema_name = "io.k8s.api.networking.v1.ServiceCIDRStatus"

    conditions: Annotated[list[Condition] | None, ListMap("type"), PatchStrategy("merge", "type")] = None


class ServiceCIDR(ApiModel):
    """Ranges that services get their addresses from."""

    schema_name = "io.k8s.api.networking.v1.ServiceCIDR"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: ServiceCIDRSpec | None = None
    status: ServiceCIDRStatus | None = None
