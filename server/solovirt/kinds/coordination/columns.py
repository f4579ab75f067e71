"""What `kubectl get` prints of the coordination.k8s.io group (reference kubernetes-api.md 5)."""

from __future__ import annotations

from solovirt.kinds.core.columns import AGE, NAME

LEASES = (NAME, AGE)
