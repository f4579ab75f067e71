"""The snapshot.storage.k8s.io group."""

from solovirt.kinds.volume_snapshots.resources import RESOURCES

__all__ = ["RESOURCES"]
