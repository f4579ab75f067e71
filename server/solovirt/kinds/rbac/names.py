"""The names that RBAC's parts agree on."""

from __future__ import annotations

from solovirt.machinery.resource import GroupResource

GROUP = "rbac.authorization.k8s.io"
CLUSTER_ROLES = GroupResource(GROUP, "clusterroles")
CLUSTER_ROLE_BINDINGS = GroupResource(GROUP, "clusterrolebindings")
ROLES = GroupResource(GROUP, "roles")
ROLE_BINDINGS = GroupResource(GROUP, "rolebindings")
