"""The kubevirt.io group."""

from solovirt.kinds.kubevirt.resources import RESOURCES

__all__ = ["RESOURCES"]
