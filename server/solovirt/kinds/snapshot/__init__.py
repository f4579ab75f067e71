"""The snapshot.kubevirt.io group."""

from solovirt.kinds.snapshot.resources import RESOURCES

__all__ = ["RESOURCES"]
