"""What `kubectl get` prints of the policy group (reference kubernetes-api.md 5)."""

from __future__ import annotations

from solovirt.kinds.core.columns import AGE, NAME

POD_DISRUPTION_BUDGETS = (NAME, AGE)
