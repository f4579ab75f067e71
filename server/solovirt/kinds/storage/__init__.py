"""The storage.k8s.io group."""

from solovirt.kinds.storage.resources import RESOURCES

__all__ = ["RESOURCES"]
