"""What `kubectl get` prints of the storage.k8s.io group (reference kubernetes-api.md 5)."""

from __future__ import annotations

from solovirt.kinds.core.columns import AGE, NAME

CSI_DRIVERS = (NAME, AGE)
CSI_NODES = (NAME, AGE)
CSI_STORAGE_CAPACITIES = (NAME, AGE)
STORAGE_CLASSES = (NAME, AGE)
VOLUME_ATTACHMENTS = (NAME, AGE)
VOLUME_ATTRIBUTES_CLASSES = (NAME, AGE)
