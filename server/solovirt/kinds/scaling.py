"""The `scale` subresource, as every kind that has replicas declares it (reference kubernetes-api.md 1.1)."""

from __future__ import annotations

from solovirt.machinery.resource import Subresource

SCALE = Subresource("scale", verbs=("get", "patch", "update"), kind="Scale", group="autoscaling", version="v1")
