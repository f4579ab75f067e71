"""Namespace."""

from typing import Annotated, Literal

from solovirt.machinery.schema.markers import ApiModel, CoreTime, ListAtomic, ListMap, PatchStrategy
from solovirt.machinery.schema.meta import ObjectMeta


class NamespaceSpec(ApiModel):
    schema_name = "io.k8s.api.core.v1.NamespaceSpec"

    finalizers: Annotated[list[str] | None, ListAtomic()] = None


class NamespaceCondition(ApiModel):
    schema_name = "io.k8s.api.core.v1.NamespaceCondition"

    status: str
    type: str
    last_transition_time: CoreTime | None = None
    message: str | None = None
    reason: str | None = None


class NamespaceStatus(ApiModel):
    schema_name = "io.k8s.api.core.v1.NamespaceStatus"

    conditions: Annotated[list[NamespaceCondition] | None, ListMap("type"), PatchStrategy("merge", "type")] = None
    phase: Literal["Active", "Terminating"] | None = None


class Namespace(ApiModel):
    """A part of the cluster with its own names."""

    schema_name = "io.k8s.api.core.v1.Namespace"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: NamespaceSpec | None = None
    status: NamespaceStatus | None = None
