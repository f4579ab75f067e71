"""What DataSources stand for, and which labels go along (reference cdi.md 10 and 6.4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from solovirt.machinery.resource import Document, ObjectKey

ALLOWED_LABEL = re.compile(r"^([\w.]+\.kubevirt\.io|kubevirt\.io)/[\w-]+")
"""Labels that go along with content: KubeVirt's (reference cdi.md 6.4)."""


class ReferenceRefused(Exception):
    """A DataSource's reference to another one leads nowhere; *reason* is that of its condition."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def resolved(data_source: Document, get: Callable[[ObjectKey], Document | None]) -> dict[str, Any]:
    """The claim or snapshot that a DataSource names, through another DataSource if it names that. Raises ReferenceRefused."""
    source: dict[str, Any] = (data_source.get("spec") or {}).get("source") or {}
    reference = source.get("dataSource")
    if reference is None:
        return {kind: source[kind] for kind in ("pvc", "snapshot") if source.get(kind)}
    metadata = data_source["metadata"]
    key = ObjectKey(reference.get("namespace") or metadata["namespace"], reference["name"])
    if key.namespace != metadata["namespace"]:
        text = "DataSource cannot reference a DataSource in another namespace"
        raise ReferenceRefused("CrossNamespaceReference", text)
    if key.name == metadata["name"]:
        raise ReferenceRefused("SelfReference", "DataSource cannot self-reference")
    other = get(key)
    if other is None:
        raise ReferenceRefused("NotFound", f'datasources.cdi.kubevirt.io "{key.name}" not found')
    of_other: dict[str, Any] = (other.get("spec") or {}).get("source") or {}
    if of_other.get("dataSource") is not None:
        text = "DataSource reference chain exceeds maximum depth of 1"
        raise ReferenceRefused("MaxReferenceDepthReached", text)
    return {kind: of_other[kind] for kind in ("pvc", "snapshot") if of_other.get(kind)}


def allowed_labels(document: Document | None) -> dict[str, str]:
    """KubeVirt's labels of an object."""
    labels = ((document or {}).get("metadata") or {}).get("labels") or {}
    return {name: value for name, value in labels.items() if ALLOWED_LABEL.match(name)}
