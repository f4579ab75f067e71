"""Tells the volumes which container images are in use, so that they can clean up after the others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from datetime import timedelta

from solovirt.kinds.kubevirt import names
from solovirt.machinery.clock import Clock
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document
from solovirt.machinery.store.protocol import Record, Store
from solovirt.volumes.protocol import ContainerDiskFailed, ContainerDisks


class ImageCleanUp:
    """The background task that does it, every five minutes by the control plane's clock, as often as the kubelet."""

    name = "image-clean-up"
    _EVERY = timedelta(minutes=5)

    def __init__(self, volumes: ContainerDisks, *, store: Store, registry: Registry, clock: Clock) -> None:
        self._volumes = volumes
        self._store = store
        self._registry = registry
        self._clock = clock

    async def run(self) -> None:
        while True:
            await self._clock.sleep_until(self._clock.now() + self._EVERY)
            await self.clean_up()

    async def clean_up(self) -> None:
        declared = self._registry.get(names.VIRTUAL_MACHINE_INSTANCES)
        if declared is None:
            return
        version, kind = declared.api_version(declared.storage_version.name), declared.kind
        records = list(self._store.now.list(names.VIRTUAL_MACHINE_INSTANCES))
        # Ten thousand machines are most of a second's work.
        in_use = await asyncio.to_thread(_images, records, version, kind)
        try:
            await self._volumes.forget_images(in_use)
        except ContainerDiskFailed:
            # They can't be opened; whoever wants one is told.
            return


def _images(records: Iterable[Record], version: str, kind: str) -> frozenset[str]:
    return frozenset(image for record in records for image in images_of(record.document(version, kind)))


def images_of(instance: Document) -> Iterator[str]:
    """The images whose disks an instance has, its kernel's among them."""
    spec = instance.get("spec") or {}
    for volume in spec.get("volumes") or ():
        if image := (volume.get("containerDisk") or {}).get("image"):
            yield image
    firmware = (spec.get("domain") or {}).get("firmware") or {}
    if image := ((firmware.get("kernelBoot") or {}).get("container") or {}).get("image"):
        yield image
