"""What `kubectl get` prints of the scheduling.k8s.io group (reference kubernetes-api.md 5)."""

from __future__ import annotations

from solovirt.kinds.cells import AGE, NAME, count_column, text_column
from solovirt.machinery.resource import Column

PRIORITY_CLASSES = (
    NAME,
    count_column("Value", "value", "The priority of pods of this class; more goes first."),
    Column(
        "Global-Default",
        "boolean",
        cell=lambda document, _: bool(document.get("globalDefault")),
        description="Whether pods that name no class are of this one.",
    ),
    AGE,
    text_column("PreemptionPolicy", "preemptionPolicy", "Whether its pods push others out."),
)
