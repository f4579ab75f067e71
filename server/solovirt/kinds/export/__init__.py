"""The export.kubevirt.io group."""

from solovirt.kinds.export.resources import RESOURCES

__all__ = ["RESOURCES"]
