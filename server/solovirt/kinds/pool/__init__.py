"""The pool.kubevirt.io group."""

from solovirt.kinds.pool.resources import RESOURCES

__all__ = ["RESOURCES"]
