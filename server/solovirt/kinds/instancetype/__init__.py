"""The instancetype.kubevirt.io group."""

from solovirt.kinds.instancetype.resources import RESOURCES

__all__ = ["RESOURCES"]
