"""The discovery.k8s.io group."""

from solovirt.kinds.discovery.resources import RESOURCES

__all__ = ["RESOURCES"]
