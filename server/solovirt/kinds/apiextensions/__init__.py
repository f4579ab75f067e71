"""The apiextensions.k8s.io group: kinds that users bring."""

from solovirt.kinds.apiextensions.resources import RESOURCES

__all__ = ["RESOURCES"]
