"""The networking.k8s.io group."""

from solovirt.kinds.networking.resources import RESOURCES

__all__ = ["RESOURCES"]
