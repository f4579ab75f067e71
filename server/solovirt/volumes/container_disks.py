"""
Disks of container images on this machine, for guests: volumes of type containerDisk.

An image's disk is fetched once, checked, and kept below the data directory by the digest of the layer
that has it, so images that share the layer share the disk:

    images/
        disks/<digest of layer and path>/disk          the disk as it is in the image; never written to
        references/<digest of the reference>.json      which image a reference was, when last asked, and where its disk is
        work/                                          only while something is fetched

A disk that nothing refers to is deleted by `collect`, which works as the kubelet's clean-up of images does.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import json
import logging
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from solovirt.machinery.clock import Clock, micro_timestamp, parse_timestamp
from solovirt.volumes.files import container_disk as layers
from solovirt.volumes.files.directory import Space, make_directory, remove_tree, sync_directory, write_durably
from solovirt.volumes.files.failure import TransferFailed
from solovirt.volumes.files.formats import COMPRESSIONS, Format, format_of, read_header
from solovirt.volumes.files.images import QemuImg, refuse_references
from solovirt.volumes.files.limits import GIBIBYTE, Limits
from solovirt.volumes.files.sparse import SparseFile
from solovirt.volumes.files.workers import Workers
from solovirt.volumes.protocol import ContainerDisk, ContainerDiskFailed

if TYPE_CHECKING:
    from solovirt.volumes.files.pull import Puller
    from solovirt.volumes.files.registry import Image, Layer, Reference
    from solovirt.volumes.protocol import Cluster

logger = logging.getLogger("solovirt.volumes")

ALWAYS, IF_NOT_PRESENT, NEVER = "Always", "IfNotPresent", "Never"

_LARGEST = 1024 * GIBIBYTE
"""A disk in an image has no claim that bounds it; the file system's free space does."""
_LEAST_AGE = timedelta(minutes=2)
_HIGH_USAGE, _LOW_USAGE = 0.85, 0.80
"""The kubelet's: above the first, unused images go, the longest unused first, until the second."""


@dataclass(frozen=True, slots=True)
class _Reference:
    """What a reference was when it was last looked up."""

    image: str
    path: str
    digest: str
    disk: str
    """The directory below `disks`."""
    format: str
    virtual_size: int
    used: str
    """When somebody last asked."""

    @classmethod
    def read(cls, file: Path) -> _Reference | None:
        try:
            return cls(**json.loads(file.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be fetched, and who may."""

    image: str
    reference: Reference
    architecture: str
    namespace: str
    secret: str
    path: str


class ContainerDiskCache:
    """The images below *root*. `start` comes before everything else, `close` at the end."""

    def __init__(self, root: Path, *, clock: Clock, cluster: Cluster, limits: Limits | None = None) -> None:
        self._root = root
        self._disks = root / "disks"
        self._references = root / "references"
        self._work = root / "work"
        self._clock = clock
        self._cluster = cluster
        self._limits = limits or Limits()
        self._space = Space(root, self._limits.keep_free)
        self._qemu_img = QemuImg(self._limits)
        self._pulling: dict[str, asyncio.Lock] = {}
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        """Make the directories, and clear away what an interrupted run left. Raises OSError."""
        self._workers = Workers(self._limits.threads)
        self._stack.callback(self._workers.close)
        await self._workers.run(self._open)

    async def close(self) -> None:
        """Stop. Disks stay."""
        stack, self._stack = self._stack, AsyncExitStack()
        await stack.aclose()

    async def container_disk(
        self,
        image: str,
        pull_policy: str = "",
        *,
        namespace: str = "",
        secret: str = "",
        path: str = "",
        architecture: str = "",
    ) -> ContainerDisk:
        """
        The disk of *image*, fetched if that has to be; never write to it. Raises ContainerDiskFailed.

        *pull_policy* is `Always`, `IfNotPresent`, `Never`, or empty for Kubernetes' default: Always for the tag `latest`, else IfNotPresent.
        *secret* names an image pull secret (type kubernetes.io/dockerconfigjson) in *namespace*. *path* is the disk's in the image; the only file of
        its directory `disk` if empty. *architecture* is this machine's if empty. Asked twice at once, it is fetched once.
        """
        # Imported with the first image: an HTTP client takes its time to load.
        from solovirt.volumes.files.registry import Reference, RegistryFailed

        try:
            reference = Reference.parse(image)
        except RegistryFailed as error:
            text = f'Failed to apply default image tag "{image}": {error}'
            raise ContainerDiskFailed(text, reason="InvalidImageName") from error
        policy = pull_policy or (ALWAYS if reference.tag == "latest" and not reference.digest else IF_NOT_PRESENT)
        note = self._references / (hashlib.sha256(f"{image}\n{path}\n{architecture}".encode()).hexdigest() + ".json")
        async with self._pulling.setdefault(note.name, asyncio.Lock()):
            known = await self._workers.run(self._known, note)
            if policy == NEVER and known is None:
                text = f'Container image "{image}" is not present with pull policy of Never'
                raise ContainerDiskFailed(text, reason="ErrImageNeverPull")
            if known is None or policy == ALWAYS:
                known = await self._pull(_Wanted(image, reference, architecture, namespace, secret, path), known)
            known = _Reference(**{**asdict(known), "used": micro_timestamp(self._clock.now())})
            await self._workers.run(write_durably, note, json.dumps(asdict(known)).encode())
        return ContainerDisk(self._disk(known), known.format, known.virtual_size, known.digest)

    async def collect(self, in_use: Collection[str], *, unused_for: timedelta | None = None) -> list[Path]:
        """
        Delete disks of images that are not *in_use*, and return their paths.

        Which: those of no reference any more; those unused for *unused_for*, if given; and when more than 85 % of the file system is used, the
        longest unused until it is 80 %. Nothing goes that was asked for in the last two minutes: its guest may not be listed yet.
        """
        return await self._workers.run(self._collect, frozenset(in_use), unused_for)

    # Pulling

    async def _pull(self, wanted: _Wanted, known: _Reference | None) -> _Reference:
        import aiohttp

        from solovirt.volumes.files.pull import Puller
        from solovirt.volumes.files.registry import Registry, RegistryFailed
        from solovirt.volumes.files.session import session

        try:
            async with session(self._limits) as client:
                registry = Registry(
                    client,
                    wanted.reference,
                    tls=True,
                    insecure=self._cluster.insecure_registries(),
                    credentials=self._credentials(wanted.reference.host, wanted.namespace, wanted.secret),
                )
                found = await registry.image(wanted.architecture or None)
                if known is not None and known.digest == found.digest:
                    return known
                puller = Puller(
                    client, registry, self._workers, self._space, self._limits, largest=_LARGEST, available=_LARGEST
                )
                return await self._bring(puller, found, wanted.image, wanted.path)
        except TransferFailed as error:
            said = error.message.partition(": ")[2] or error.message
            raise ContainerDiskFailed(f'failed to pull image "{wanted.image}": {said}') from error
        except (RegistryFailed, aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ContainerDiskFailed(f'failed to pull image "{wanted.image}": {_said(error)}') from error

    async def _bring(self, puller: Puller, found: Image, image: str, path: str) -> _Reference:
        """The layers from the topmost on, until one has the disk."""
        hidden = layers.Hidden()
        for layer in reversed(found.layers):
            # What layers above hide makes another disk of the same layer.
            name = hashlib.sha256(f"{layer.digest}\n{path}\n{hidden}".encode()).hexdigest()
            async with self._pulling.setdefault(name, asyncio.Lock()):
                disk = self._disks / name / "disk"
                if disk.exists() or await self._extract(puller, layer, name, path, hidden):
                    kind, size = await self._check(disk)
                    return _Reference(image, path, found.digest, name, str(kind), size, "")
        raise TransferFailed(f"Unable to process data: no file found in folder {path or '/disk'}, no disk present")

    async def _extract(self, puller: Puller, layer: Layer, name: str, path: str, hidden: layers.Hidden) -> bool:
        """Fetch *layer* and keep its disk, if it has one."""
        work = self._work / name
        await self._workers.run(work.mkdir, exist_ok=True)
        archive, fetched = work / "layer", work / "disk"
        await puller.layer(layer, archive)
        try:
            with SparseFile(fetched, self._space) as target:
                steps = layers.extract_only(archive, target, path=path, hidden=hidden)
                is_found = await self._workers.drive(steps)
            if is_found:
                await self._check(fetched)
                await self._workers.run(_publish, fetched, self._disks / name)
        finally:
            await self._workers.run(remove_tree, work)
        return is_found

    async def _check(self, disk: Path) -> tuple[Format, int]:
        """Format and virtual size. Raises TransferFailed for what must not get to a guest: an image that names other files."""
        kind = format_of(await self._workers.run(read_header, disk))
        if kind in COMPRESSIONS:
            raise TransferFailed(f"Unable to process data: the disk is compressed ({kind}), which no guest can read")
        if kind in (Format.RAW, Format.TAR):
            return Format.RAW, (await self._workers.run(disk.stat)).st_size
        await self._workers.run(refuse_references, disk, kind)
        info = await self._qemu_img.info(disk, kind)
        return kind, info.virtual_size

    def _credentials(self, host: str, namespace: str, secret: str) -> tuple[str, str] | None:
        if not secret:
            return None
        data = self._cluster.secret(namespace, secret)
        # A secret that is not there is left out, as the kubelet does; the registry says what it thinks of that.
        return None if data is None else credentials_for(host, data)

    # Files; all of this blocks

    def _open(self) -> None:
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        remove_tree(self._work)
        for directory in (self._disks, self._references, self._work):
            make_directory(directory)

    def _disk(self, reference: _Reference) -> Path:
        return self._disks / reference.disk / "disk"

    def _known(self, note: Path) -> _Reference | None:
        found = _Reference.read(note)
        return found if found is not None and self._disk(found).exists() else None

    def _collect(self, in_use: frozenset[str], unused_for: timedelta | None) -> list[Path]:
        now = self._clock.now()
        used: dict[Path, datetime] = {}
        notes: dict[Path, list[Path]] = {}
        kept: set[Path] = set()
        for note in self._references.glob("*.json"):
            if (reference := _Reference.read(note)) is not None:
                disk = self._disk(reference)
                used[disk] = max(used.get(disk, parse_timestamp(reference.used)), parse_timestamp(reference.used))
                notes.setdefault(disk, []).append(note)
                if reference.image in in_use:
                    kept.add(disk)
        deleted: list[Path] = []
        for disk in self._candidates(used, kept):
            age = now - used[disk] if disk in used else None
            if age is not None and age < _LEAST_AGE:
                continue
            is_old = age is None or (unused_for is not None and age >= unused_for)
            if not is_old and not self._is_too_full(started=bool(deleted)):
                continue
            for note in notes.get(disk, ()):
                note.unlink()
            remove_tree(disk.parent)
            deleted.append(disk)
            logger.info("deleted the disk of a container image, %s, which nothing uses", disk.parent.name)
        for work in self._work.iterdir():
            lock = self._pulling.get(work.name)
            if lock is None or not lock.locked():
                # Kept by a pull that failed, to go on from.
                remove_tree(work)
        return deleted

    def _candidates(self, used: Mapping[Path, datetime], kept: set[Path]) -> Iterator[Path]:
        """Disks that may go, the longest unused first."""
        found = [one / "disk" for one in self._disks.iterdir() if one / "disk" not in kept]
        oldest = datetime.min.replace(tzinfo=self._clock.now().tzinfo)
        yield from sorted(found, key=lambda disk: (used.get(disk, oldest), disk))

    def _is_too_full(self, *, started: bool) -> bool:
        found = os.statvfs(self._root)
        part = 1 - found.f_bavail / found.f_blocks if found.f_blocks else 0.0
        return part > (_LOW_USAGE if started else _HIGH_USAGE)


def _said(error: Exception) -> str:
    return str(error) or "timed out: the registry sends nothing"


def credentials_for(host: str, data: Mapping[str, bytes]) -> tuple[str, str] | None:
    """User and password for *host* from a Secret of type kubernetes.io/dockerconfigjson (or the older dockercfg); None if it has none."""
    try:
        if ".dockerconfigjson" in data:
            listed = json.loads(data[".dockerconfigjson"])["auths"]
        else:
            listed = json.loads(data.get(".dockercfg", b"{}"))
        for name, entry in listed.items():
            if _host(name) != _host(host):
                continue
            if entry.get("auth"):
                user, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
                return user, password
            return entry.get("username", ""), entry.get("password", "")
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        logger.warning("an image pull secret can't be read")
    return None


def _host(name: str) -> str:
    """The registry of an entry: `https://index.docker.io/v1/` is docker.io."""
    bare = name.partition("://")[2] or name
    host = PurePosixPath(bare).parts[0] if bare else ""
    return "docker.io" if host in ("index.docker.io", "registry-1.docker.io", "docker.io") else host


def _publish(fetched: Path, directory: Path) -> None:
    """Have a checked disk appear as a whole."""
    fetched.chmod(0o440)
    with fetched.open("rb") as file:
        os.fsync(file.fileno())
    remove_tree(directory)
    made = fetched.parent / "complete"
    made.mkdir(exist_ok=True, mode=0o750)
    fetched.rename(made / "disk")
    sync_directory(made)
    made.rename(directory)
    sync_directory(directory.parent)
