"""What `kubectl get` prints of the networking.k8s.io group (reference kubernetes-api.md 5)."""

from __future__ import annotations

from solovirt.kinds.core.columns import AGE, NAME

INGRESS_CLASSES = (NAME, AGE)
INGRESSES = (NAME, AGE)
IP_ADDRESSES = (NAME, AGE)
NETWORK_POLICIES = (NAME, AGE)
SERVICE_CIDRS = (NAME, AGE)
