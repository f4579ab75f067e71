"""What `kubectl get` prints of the coordination.k8s.io group (reference kubernetes-api.md 5)."""

from __future__ import annotations

from solovirt.kinds.cells import AGE, NAME, text_column

LEASES = (NAME, text_column("Holder", "spec.holderIdentity", "Who holds the lease."), AGE)
