"""The migrations.kubevirt.io group."""

from solovirt.kinds.migrations.resources import RESOURCES

__all__ = ["RESOURCES"]
