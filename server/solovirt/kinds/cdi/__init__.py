"""The cdi.kubevirt.io group."""

from solovirt.kinds.cdi.resources import RESOURCES

__all__ = ["RESOURCES"]
