"""subresources.kubevirt.io: what can be done to machines beside writing their objects. Only paths, no stored objects."""

from solovirt.kinds.subresources.resources import RESOURCES

__all__ = ["RESOURCES"]
