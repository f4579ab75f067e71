"""The apiregistration.k8s.io group: who serves which group and version."""

from solovirt.kinds.apiregistration.resources import RESOURCES

__all__ = ["RESOURCES"]
