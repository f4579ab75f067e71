"""What `kubectl get` prints of the autoscaling group (reference kubernetes-api.md 5)."""

from __future__ import annotations

from solovirt.kinds.core.columns import AGE, NAME

HORIZONTAL_POD_AUTOSCALERS = (NAME, AGE)
