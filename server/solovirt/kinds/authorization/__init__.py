"""The authorization.k8s.io group."""

from solovirt.kinds.authorization.resources import RESOURCES

__all__ = ["RESOURCES"]
