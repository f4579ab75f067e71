"""The batch group."""

from solovirt.kinds.batch.resources import RESOURCES

__all__ = ["RESOURCES"]
