"""
Which instances wait for something that no relation leads back from: a claim that is not there yet, room on a node.

Kept in memory, because it only says whom to wake early: each reconcile enters anew what its instance waits for, and every instance is
reconciled when a server starts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from solovirt.machinery.resource import ObjectKey


class Waiting:
    """Keys of waiting instances, by what they wait for."""

    def __init__(self) -> None:
        self._for_room: dict[ObjectKey, None] = {}
        self._for_volume: defaultdict[tuple[str, str], set[ObjectKey]] = defaultdict(set)
        self._volumes_of: dict[ObjectKey, list[str]] = {}

    def begin_for_room(self, key: ObjectKey) -> None:
        self._for_room[key] = None

    def begin_for_volumes(self, key: ObjectKey, volumes: Iterable[str]) -> None:
        """*volumes* are names of claims or DataVolumes in the instance's namespace."""
        self._volumes_of[key] = list(volumes)
        for name in self._volumes_of[key]:
            self._for_volume[key.namespace, name].add(key)

    def stop(self, key: ObjectKey) -> None:
        """The instance is being looked at."""
        self._for_room.pop(key, None)
        for name in self._volumes_of.pop(key, ()):
            keys = self._for_volume[key.namespace, name]
            keys.discard(key)
            if not keys:
                del self._for_volume[key.namespace, name]

    def for_room(self) -> list[ObjectKey]:
        """Those who found no node, the longest waiting first."""
        return list(self._for_room)

    def for_volume(self, namespace: str, name: str) -> list[ObjectKey]:
        return sorted(self._for_volume.get((namespace, name), ()))
