"""Layers of container images, from a registry onto disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import aiohttp

from solovirt.volumes.files.directory import Space
from solovirt.volumes.files.download import Checksum, Download, Order
from solovirt.volumes.files.failure import TransferFailed, too_large
from solovirt.volumes.files.limits import Limits
from solovirt.volumes.files.registry import Layer, Registry, RegistryFailed
from solovirt.volumes.files.workers import Workers


@dataclass(frozen=True, slots=True)
class Puller:
    """Fetches layers of one image."""

    session: aiohttp.ClientSession
    registry: Registry
    workers: Workers
    space: Space
    limits: Limits
    largest: int
    """A layer beyond this is refused as too large for *available*."""
    available: int

    async def layer(self, layer: Layer, target: Path) -> None:
        """
        Bring *layer*, as it is served, to *target*; it is what its digest says on return. Raises RegistryFailed, OSError.

        An earlier attempt that broke off is gone on with.
        """
        if layer.size > self.largest:
            raise too_large(layer.size, self.available)
        order = Order(
            url=self.registry.blob_url(layer.digest),
            headers=self.registry.headers,
            headers_stay=True,
            tls=self.registry.tls,
            checksum=Checksum.parse(layer.digest),
            largest=self.largest,
            available=self.available,
            kind="registry",
        )
        download = Download(
            order,
            target,
            workers=self.workers,
            space=self.space,
            limits=self.limits,
            # A download does not count: its total is not known (reference cdi.md 3.3).
            moved=lambda _done, _total: None,
        )
        try:
            await download.run(self.session)
        except TransferFailed as error:
            raise RegistryFailed(f"layer {layer.digest}: {error.message.partition(': ')[2]}") from error
