"""Lease."""

from solovirt.machinery.schema.markers import ApiModel, CoreMicroTime, Int32
from solovirt.machinery.schema.meta import ObjectMeta


class LeaseSpec(ApiModel):
    schema_name = "io.k8s.api.coordination.v1.LeaseSpec"

    acquire_time: CoreMicroTime | None = None
    holder_identity: str | None = None
    lease_duration_seconds: Int32 | None = None
    lease_transitions: Int32 | None = None
    preferred_holder: str | None = None
    renew_time: CoreMicroTime | None = None
    strategy: str | None = None


class Lease(ApiModel):
    """Who leads, and until when."""

    schema_name = "io.k8s.api.coordination.v1.Lease"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: LeaseSpec | None = None
