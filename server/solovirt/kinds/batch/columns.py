"""What `kubectl get` prints of the batch group (reference kubernetes-api.md 5)."""

from __future__ import annotations

from solovirt.kinds.core.columns import AGE, NAME

CRON_JOBS = (NAME, AGE)
JOBS = (NAME, AGE)
