"""The core group."""

from solovirt.kinds.core.resources import RESOURCES

__all__ = ["RESOURCES"]
