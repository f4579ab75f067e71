"""What one attempt at a transfer works with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from solovirt.volumes.files.directory import Space, VolumeFiles
from solovirt.volumes.files.images import QemuImg
from solovirt.volumes.files.limits import MEBIBYTE, Limits
from solovirt.volumes.files.workers import Workers
from solovirt.volumes.protocol import Cluster, TransferRequest

SOURCE = "source"
"""The file in `work` that holds what was fetched; it can be resumed if there is a note beside it."""


@dataclass(frozen=True, slots=True)
class Body:
    """What a client sends."""

    pieces: AsyncIterator[bytes]
    size: int | None
    """In bytes, if it is known."""
    accepted: asyncio.Future[None]
    """Done when everything is received and looks well."""

    def accept(self) -> None:
        if not self.accepted.done():
            self.accepted.set_result(None)


class Meter:
    """How much is done, in percent; it never goes back, as CDI's does not (reference cdi.md 3.3)."""

    def __init__(self) -> None:
        self.percent: float | None = None

    def at(self, percent: float) -> None:
        self.percent = min(100.0, max(percent, self.percent or 0.0))

    def of(self, done: int, total: int | None) -> None:
        if total:
            self.at(100 * done / total)


@dataclass(frozen=True, slots=True)
class Lookups:
    """What a source names of its namespace. Everything raises LookupError for what is not there."""

    cluster: Cluster
    namespace: str

    def secret(self, name: str | None) -> Mapping[str, bytes]:
        """The data of a Secret; empty if none is named."""
        if not name:
            return {}
        found = self.cluster.secret(self.namespace, name)
        if found is None:
            raise LookupError(f'secret "{name}" not found')
        return found

    def certificates(self, name: str | None) -> Mapping[str, str]:
        """As `secret`, of a ConfigMap with certificates."""
        if not name:
            return {}
        found = self.cluster.config_map(self.namespace, name)
        if found is None:
            raise LookupError(f'configmap "{name}" not found')
        return found

    def credentials(self, name: str | None) -> tuple[str, str] | None:
        """User (or access key) and password from a Secret, by CDI's keys; None if none is named or it has none."""
        data = self.secret(name)
        user, password = data.get("accessKeyId"), data.get("secretKey")
        if user is None and password is None:
            return None
        return (user or b"").decode(errors="replace"), (password or b"").decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: the request, where it works, and with what."""

    request: TransferRequest
    files: VolumeFiles
    work: Path
    origin: VolumeFiles | None
    cluster: Cluster
    workers: Workers
    space: Space
    limits: Limits
    qemu_img: QemuImg
    meter: Meter = field(default_factory=Meter)
    body: Body | None = None
    """Of an upload: what is sent."""
    labels: dict[str, str] = field(default_factory=dict)
    """What the source says the claim should be labelled with."""

    def looks_well(self) -> None:
        """Everything is here, and what is left to do should succeed."""
        if self.body is not None:
            self.body.accept()

    @property
    def source(self) -> Path:
        return self.work / SOURCE

    @property
    def archives(self) -> Path:
        """Where an administrator puts images for `oci-archive:`."""
        return self.files.path.parent.with_name("archives")

    @property
    def complete(self) -> Path:
        """The directory that becomes the volume's content."""
        return self.work / "complete"

    @property
    def available(self) -> int:
        """What fits into the claim."""
        return self.request.size_bytes

    @property
    def largest(self) -> int:
        """A file beyond this can hold no disk or archive that fits: formats need a little more than the disk."""
        return self.available + self.available // 16 + 64 * MEBIBYTE

    def counter(self, total: int | None) -> Callable[[int], None]:
        """For `Workers.drive`: adds up pieces, out of *total*."""
        done = 0

        def moved(size: int) -> None:
            nonlocal done
            done += size
            self.meter.of(done, total)

        return moved

    @property
    def lookups(self) -> Lookups:
        return Lookups(self.cluster, self.request.namespace)
