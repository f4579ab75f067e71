"""
What the DataVolume controller asks of whoever moves bytes.

A transfer fills one claim from one source. The controller says again and again which transfer it wants and is told how far it is;
asking starts what is not under way yet. So neither side has to remember the other: after a restart the controller asks as before, and an engine
takes up, or starts over, what it is asked for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, NewType, Protocol, runtime_checkable

TransferId = NewType("TransferId", str)
"""The uid of the claim that is filled: unique, and never used again."""


class Operation(StrEnum):
    """How bytes get into a claim."""

    IMPORT = "import"
    """Fetched from somewhere, or made (blank)."""
    UPLOAD = "upload"
    """Sent by a client."""
    CLONE = "clone"
    """Copied from another claim."""


@dataclass(frozen=True, slots=True)
class TransferRequest:
    """A transfer that should be under way or done."""

    id: TransferId
    operation: Operation
    namespace: str
    """Empty for a snapshot, which is no claim's."""
    claim: str
    """Its name; of a snapshot, its VolumeSnapshotContent's."""
    source: Mapping[str, Any]
    """The DataVolume's source: one member, such as `http`, with its fields."""
    size_bytes: int
    """What the claim asked for."""
    started: datetime
    """When it was first asked for, by the clock; the same each time."""
    content_type: str = "kubevirt"
    options: Mapping[str, str] = field(default_factory=dict)
    """The DataVolume's annotations: engines may be steered by those of theirs."""
    volume: str = ""
    """The PersistentVolume that the claim is bound to, by name: where the bytes go."""
    disk_bytes: int | None = None
    """How large the disk shall be, the file system's overhead taken off; None for `size_bytes`."""
    preallocate: bool = False
    """Reserve the disk's space, and don't leave holes."""
    origin: str = ""
    """Of a clone: the PersistentVolume that is copied, by name; or a snapshot, which is kept like one, by its handle."""
    at_once: bool = False
    """Of a clone: the origin may be written to meanwhile, so that nothing but a copy of one moment will do."""


class TransferState(StrEnum):
    """How far a transfer is."""

    SCHEDULED = "scheduled"
    RUNNING = "running"
    """Bytes move; of an upload: it is ready to receive."""
    RETRYING = "retrying"
    """The last attempt failed with `message`; another follows."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """It can never succeed; `message` says why."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What an engine says of a transfer."""

    state: TransferState
    percent: float | None = None
    """0 to 100, None if the total is unknown."""
    restarts: int = 0
    """Attempts that failed."""
    reason: str = ""
    """Of a failure, in CDI's words: `Error` (the default), `ImagePullFailed`, `ChecksumError`."""
    message: str = ""
    look_again: timedelta | None = None
    """When this will have changed; None if nothing will change by itself."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Of one that succeeded: what its source says the claim is to be labelled with."""


class Transfers(Protocol):
    """An engine that moves bytes."""

    async def ask(self, request: TransferRequest) -> Progress:
        """Start the transfer unless it is under way, and say how far it is. Asking twice changes nothing."""
        ...

    async def forget(self, transfer: TransferId) -> None:
        """The claim is gone: stop, and let go of what was kept. Nothing if the transfer is unknown."""
        ...


class Cluster(Protocol):
    """What an engine looks up when it begins an attempt; everything may have changed by the next one."""

    def secret(self, namespace: str, name: str) -> Mapping[str, bytes] | None:
        """The data of a Secret; None if there is none."""
        ...

    def config_map(self, namespace: str, name: str) -> Mapping[str, str] | None:
        """The data of a ConfigMap; None if there is none."""
        ...

    def insecure_registries(self) -> Collection[str]:
        """Hosts (`host:port`) of registries that are spoken to without TLS."""
        ...


Changed = Callable[[str, str], None]
"""Called with a request's namespace and claim when its transfer has got to another state."""


class Volumes(Transfers, Protocol):
    """
    A back end: moves bytes, and keeps them as long as the PersistentVolume they belong to is there.

    `start` comes before everything else. Until then nothing is touched, so making one is free.
    """

    def on_change(self, changed: Changed) -> None:
        """Say whom to tell when a transfer has got to another state. Engines whose transfers change by time alone tell nobody."""
        ...

    async def start(self, *, owner: str, volumes: Collection[str]) -> None:
        """
        Begin. *owner* names the database whose volumes these are, *volumes* the PersistentVolumes (and handles of snapshots) there
        are: what is kept for others is let go of, and so is what an interrupted run left behind. Raises VolumesUnavailable.
        """
        ...

    async def remove(self, volume: str) -> None:
        """The PersistentVolume is gone: stop what goes on with it, then delete its bytes. Nothing if there are none."""
        ...

    async def close(self) -> None:
        """Stop. Transfers under way are taken up by the next run."""
        ...


class VolumesUnavailable(Exception):
    """The back end can't start; the text says why and what to do, for a person."""


@runtime_checkable
class Disks(Protocol):
    """What a back end that has bytes can do, too: say where they are, for a hypervisor on the same machine."""

    def disk(self, volume: str) -> Path:
        """Where the raw disk of the PersistentVolume is, or will be. Raises ValueError for what can be no volume's name."""
        ...


@dataclass(frozen=True, slots=True)
class ContainerDisk:
    """A file out of a container image, kept where it is as long as somebody may read it."""

    path: Path
    format: str = "raw"
    """As qemu-img calls it: raw, qcow2."""
    virtual_size: int = 0
    """In bytes, as a guest sees it."""
    digest: str = ""
    """Of the image's manifest, `sha256:…`: what a status shows as the image's id."""


@runtime_checkable
class ContainerDisks(Protocol):
    """What a back end can do, too: fetch disks that are in container images."""

    async def container_disk(
        self,
        image: str,
        *,
        namespace: str,
        pull_secret: str = "",
        pull_policy: str = "",
        path: str = "",
        architecture: str = "amd64",
    ) -> ContainerDisk:
        """
        The disk in *image*, fetched unless it is there; *path* names the file, without it the first one below `disk/` is meant.

        *pull_secret* is the name of a Secret in *namespace*, *pull_policy* a container's (Always, IfNotPresent, Never).
        Raises ContainerDiskFailed.
        """
        ...

    async def forget_images(self, in_use: Collection[str]) -> None:
        """
        Called now and then with the images that instances have: what others take up may go, as the kubelet cleans up.

        Nothing goes that was asked for a moment ago.
        """
        ...


class ContainerDiskFailed(Exception):
    """
    The image can't be fetched, or has no such file; the text says why.

    *reason* is that of a container that waits for its image: `ErrImagePull`, `ErrImageNeverPull`, `InvalidImageName`.
    """

    def __init__(self, message: str, *, reason: str = "ErrImagePull") -> None:
        super().__init__(message)
        self.reason = reason


@runtime_checkable
class Uploads(Protocol):
    """What a back end can do, too: take what clients send."""

    async def receive(self, transfer: TransferId, body: AsyncIterator[bytes], *, size: int | None, early: bool) -> None:
        """
        Fill the claim of an upload that is `RUNNING` with *body*, of *size* bytes if that is known.

        Returns when the disk is in place; with *early* as soon as everything is received and looks well. Raises UploadRefused if nothing is
        waited for, and UploadFailed. When it is cancelled, the upload can be begun again.
        """
        ...


class UploadRefused(Exception):
    """Nothing can be uploaded there now; the text says why."""


class UploadFailed(Exception):
    """What was sent can't be used; another attempt may be made."""

    def __init__(self, message: str, *, is_too_large: bool = False) -> None:
        super().__init__(message)
        self.is_too_large = is_too_large


@dataclass(frozen=True, slots=True)
class VolumeUsage:
    """Space of one volume, in bytes."""

    promised: int
    """What its claim was promised."""
    used: int
    """What it takes up as it is."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Space, in bytes."""

    total: int
    """Of the file system, or the quota if that is less."""
    free: int
    """What may be written still."""
    volumes: Mapping[str, VolumeUsage]
    """By PersistentVolume."""

    @property
    def promised(self) -> int:
        """What all claims together may grow to; may be more than there is."""
        return sum(one.promised for one in self.volumes.values())

    @property
    def used(self) -> int:
        """What the volumes take up as they are."""
        return sum(one.used for one in self.volumes.values())


@runtime_checkable
class Measured(Protocol):
    """What a back end can do, too: say how much space there is and is used."""

    def measure(self) -> Usage:
        """Look at all volumes. Blocks, and is called in a thread. Raises OSError."""
        ...


@runtime_checkable
class Growing(Protocol):
    """What a back end can do, too: make a disk larger whose claim was."""

    async def grow(self, volume: str, disk_bytes: int) -> None:
        """
        See that the volume's disk has at least *disk_bytes*. Nothing if it has, if it has no disk, or while it is being filled.

        A disk never shrinks. Raises OSError.
        """
        ...


@runtime_checkable
class Digests(Protocol):
    """What a back end can do, too: say which image a registry has, without fetching it."""

    async def digest(self, namespace: str, registry: Mapping[str, Any], options: Mapping[str, str]) -> str:
        """
        The digest (`sha256:…`) of the image that a DataVolume's source `registry` names now; *namespace* has its credentials.

        *options* are annotations that engines may be steered by. Raises DigestUnavailable.
        """
        ...


class DigestUnavailable(Exception):
    """The digest can't be told now; the text says why."""
