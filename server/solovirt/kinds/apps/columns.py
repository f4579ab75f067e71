"""What `kubectl get` prints of the apps group (reference kubernetes-api.md 5)."""

from __future__ import annotations

from solovirt.kinds.core.columns import AGE, NAME

CONTROLLER_REVISIONS = (NAME, AGE)
DAEMON_SETS = (NAME, AGE)
DEPLOYMENTS = (NAME, AGE)
REPLICA_SETS = (NAME, AGE)
STATEFUL_SETS = (NAME, AGE)
