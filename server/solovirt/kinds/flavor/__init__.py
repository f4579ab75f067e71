"""The flavor.kubevirt.io group."""

from solovirt.kinds.flavor.resources import RESOURCES

__all__ = ["RESOURCES"]
