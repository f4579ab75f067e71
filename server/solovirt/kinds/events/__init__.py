"""The events.k8s.io group: the core group's Events under newer names."""

from solovirt.kinds.events.resources import RESOURCES

__all__ = ["RESOURCES"]
