"""
Metrics about the bytes of volumes: the kubelet's names for those of claims, so that Kubernetes' dashboards and alerts work, and our own for the whole.

They are measured when somebody scrapes, in a thread. Volumes that have no bytes have no metrics.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from solovirt.kinds.core import names as core
from solovirt.machinery.exposition import Family
from solovirt.volumes.protocol import Measured

if TYPE_CHECKING:
    from solovirt.machinery.registry import Registry
    from solovirt.machinery.store.protocol import Record, Store
    from solovirt.volumes.protocol import Volumes

logger = logging.getLogger("solovirt.volumes")

_LABELS = ("namespace", "persistentvolumeclaim")


class VolumeMetrics:
    """All of them (an `Inventory`). *volumes* gives the back end of the moment."""

    def __init__(self, registry: Registry, store: Store, volumes: Callable[[], Volumes]) -> None:
        self._registry = registry
        self._store = store
        self._volumes = volumes

    def snapshot(self) -> Callable[[], Iterable[Family]]:
        volumes = self._volumes()
        declared = self._registry.get(core.PERSISTENT_VOLUME_CLAIMS)
        if not isinstance(volumes, Measured) or declared is None:
            return tuple
        claims = list(self._store.now.list(core.PERSISTENT_VOLUME_CLAIMS))
        version, kind = declared.api_version(declared.storage_version.name), declared.kind
        return lambda: _families(volumes, claims, version, kind)


def _families(volumes: Measured, claims: Iterable[Record], version: str, kind: str) -> Iterator[Family]:
    try:
        usage = volumes.measure()
    except OSError as error:
        logger.warning("the volumes can't be measured: %s", error)
        return
    capacity = Family("kubelet_volume_stats_capacity_bytes", "Capacity in bytes of the volume", _LABELS)
    used = Family("kubelet_volume_stats_used_bytes", "Number of used bytes in the volume", _LABELS)
    available = Family("kubelet_volume_stats_available_bytes", "Number of available bytes in the volume", _LABELS)
    for record in claims:
        name = (record.document(version, kind).get("spec") or {}).get("volumeName") or ""
        found = usage.volumes.get(name)
        if found is None:
            continue
        labels = (record.key.namespace, record.key.name)
        capacity.add(labels, found.promised)
        used.add(labels, found.used)
        # Disks are thin: a claim has what it was promised only as long as the file system has it.
        available.add(labels, max(0, min(found.promised - found.used, usage.free)))
    yield from (capacity, used, available)
    for what, text, value in (
        ("total", "Space for volumes: of the file system, or the quota", usage.total),
        ("free", "Space that volumes may take up still", usage.free),
        ("promised", "What all claims together may grow to", usage.promised),
        ("used", "What all volumes take up", usage.used),
    ):
        family = Family(f"solovirt_volumes_{what}_bytes", f"{text}, in bytes")
        family.add((), value)
        yield family
