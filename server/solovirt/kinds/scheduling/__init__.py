"""The scheduling.k8s.io group."""

from solovirt.kinds.scheduling.resources import RESOURCES

__all__ = ["RESOURCES"]
