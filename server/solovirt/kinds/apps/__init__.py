"""The apps group."""

from solovirt.kinds.apps.resources import RESOURCES

__all__ = ["RESOURCES"]
