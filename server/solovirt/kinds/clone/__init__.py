"""The clone.kubevirt.io group."""

from solovirt.kinds.clone.resources import RESOURCES

__all__ = ["RESOURCES"]
