"""What `kubectl get` prints of the policy group (reference kubernetes-api.md 5)."""

from __future__ import annotations

from solovirt.kinds.cells import AGE, NAME, count_column, text_column

POD_DISRUPTION_BUDGETS = (
    NAME,
    text_column("Min Available", "spec.minAvailable", "How many pods must stay.", missing="N/A"),
    text_column("Max Unavailable", "spec.maxUnavailable", "How many pods may be gone.", missing="N/A"),
    count_column("Allowed Disruptions", "status.disruptionsAllowed", "How many pods may be evicted just now."),
    AGE,
)
