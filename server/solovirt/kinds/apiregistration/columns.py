"""What `kubectl get` prints of the apiregistration.k8s.io group (reference kubernetes-api.md 5)."""

from __future__ import annotations

from solovirt.kinds.cells import AGE, NAME, at
from solovirt.machinery.resource import Column, Document


def _service(document: Document) -> str:
    service = at(document, "spec.service")
    return f"{service.get('namespace', '')}/{service.get('name', '')}" if service else "Local"


def _available(document: Document) -> str:
    for condition in at(document, "status.conditions") or ():
        if condition.get("type") == "Available":
            status, reason = condition.get("status", ""), condition.get("reason", "")
            return status if status == "True" else f"{status} ({reason})"
    return "Unknown"


API_SERVICES = (
    NAME,
    Column("Service", cell=lambda document, _: _service(document), description="Who serves it, or Local."),
    Column("Available", cell=lambda document, _: _available(document), description="Whether it is served."),
    AGE,
)
