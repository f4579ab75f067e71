"""What `kubectl get` prints of the rbac.authorization.k8s.io group (reference kubernetes-api.md 5)."""

from __future__ import annotations

from solovirt.kinds.core.columns import AGE, NAME

CLUSTER_ROLE_BINDINGS = (NAME, AGE)
CLUSTER_ROLES = (NAME, AGE)
ROLE_BINDINGS = (NAME, AGE)
ROLES = (NAME, AGE)
