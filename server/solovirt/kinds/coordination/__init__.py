"""The coordination.k8s.io group."""

from solovirt.kinds.coordination.resources import RESOURCES

__all__ = ["RESOURCES"]
