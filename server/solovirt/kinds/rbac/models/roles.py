"""Roles and their bindings."""

from typing import Annotated

from pydantic import Field

from solovirt.machinery.schema.markers import ApiModel, ListAtomic
from solovirt.machinery.schema.meta import LabelSelector, ObjectMeta


class AggregationRule(ApiModel):
    schema_name = "io.k8s.api.rbac.v1.AggregationRule"

    cluster_role_selectors: Annotated[list[LabelSelector] | None, ListAtomic()] = None


class PolicyRule(ApiModel):
    schema_name = "io.k8s.api.rbac.v1.PolicyRule"

    verbs: Annotated[list[str], ListAtomic()]
    api_groups: Annotated[list[str] | None, ListAtomic()] = None
    non_resource_urls: Annotated[list[str] | None, ListAtomic()] = Field(None, alias="nonResourceURLs")
    resource_names: Annotated[list[str] | None, ListAtomic()] = None
    resources: Annotated[list[str] | None, ListAtomic()] = None


class ClusterRole(ApiModel):
    """What may be done in the cluster, or in any namespace that a binding names."""

    schema_name = "io.k8s.api.rbac.v1.ClusterRole"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    aggregation_rule: AggregationRule | None = None
    rules_: Annotated[list[PolicyRule] | None, ListAtomic()] = None


class RoleRef(ApiModel):
    schema_name = "io.k8s.api.rbac.v1.RoleRef"
    atomic = True

    kind: str
    name: str
    api_group: str | None = None


class Subject(ApiModel):
    schema_name = "io.k8s.api.rbac.v1.Subject"
    atomic = True

    kind: str
    name: str
    api_group: str | None = None
    namespace: str | None = None


class ClusterRoleBinding(ApiModel):
    """Who has a role in the whole cluster."""

    schema_name = "io.k8s.api.rbac.v1.ClusterRoleBinding"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    role_ref: RoleRef
    subjects: Annotated[list[Subject] | None, ListAtomic()] = None


class Role(ApiModel):
    """What may be done in a namespace."""

    schema_name = "io.k8s.api.rbac.v1.Role"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    rules_: Annotated[list[PolicyRule] | None, ListAtomic()] = None


class RoleBinding(ApiModel):
    """Who has a role in a namespace."""

    schema_name = "io.k8s.api.rbac.v1.RoleBinding"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    role_ref: RoleRef
    subjects: Annotated[list[Subject] | None, ListAtomic()] = None
