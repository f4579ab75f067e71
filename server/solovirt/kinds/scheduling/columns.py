"""What `kubectl get` prints of the scheduling.k8s.io group (reference kubernetes-api.md 5)."""

from __future__ import annotations

from solovirt.kinds.core.columns import AGE, NAME

PRIORITY_CLASSES = (NAME, AGE)
