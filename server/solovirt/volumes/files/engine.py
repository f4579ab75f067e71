"""
The engine: which transfers run, and what they come to.

A transfer that is asked for runs as a task until its attempt ends. What an attempt came to is in the volume's record, so a restart knows which
volumes are done, how often others failed and when they are due; the rest is in memory and begins anew. Nothing starts by itself: the next attempt
is made when somebody asks and the back-off is over.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from solovirt.machinery.clock import Clock
from solovirt.volumes.files import registry_source, sources
from solovirt.volumes.files.attempt import SOURCE, Attempt, Body, Meter
from solovirt.volumes.files.directory import Filled, Record, VolumeDirectory, VolumeFiles, remove_tree
from solovirt.volumes.files.failure import TransferFailed, unusable
from solovirt.volumes.files.images import QemuImg
from solovirt.volumes.files.limits import Limits
from solovirt.volumes.files.workers import Workers
from solovirt.volumes.protocol import (
    Changed,
    Cluster,
    ContainerDisk,
    ContainerDiskFailed,
    DigestUnavailable,
    Operation,
    Progress,
    TransferId,
    TransferRequest,
    TransferState,
    UploadFailed,
    UploadRefused,
    Usage,
)

if TYPE_CHECKING:
    from solovirt.volumes.container_disks import ContainerDiskCache

logger = logging.getLogger("solovirt.volumes")

_POLL = timedelta(seconds=2)
"""How often CDI asks for progress (reference cdi.md 3.3)."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class _Job:
    """A transfer that is not done."""

    def __init__(self, request: TransferRequest, files: VolumeFiles, record: Record) -> None:
        self.request = request
        self.files = files
        self.record = record
        self.meter = Meter()
        self.is_running = False
        """Bytes move; of an upload: they may come."""
        self.body: Body | None = None
        self.failure: TransferFailed | None = None
        """How the last attempt of this process failed."""
        self.task: asyncio.Task[None] | None = None


class FileVolumes:
    """`Volumes` as files below *root*."""

    def __init__(self, root: Path, *, clock: Clock, cluster: Cluster, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._clock = clock
        self._cluster = cluster
        self._directory = VolumeDirectory(root, keep_free=self._limits.keep_free, quota=self._limits.quota)
        self._jobs: dict[TransferId, _Job] = {}
        self._changed: Changed = _tell_nobody
        self._stack = AsyncExitStack()
        self._is_open = False
        self._images_root = root.with_name("images")
        self._images: ContainerDiskCache | None = None

    def on_change(self, changed: Changed) -> None:
        self._changed = changed

    async def start(self, *, owner: str, volumes: Collection[str]) -> None:
        # Threads and semaphores belong to a loop that runs: one that is only made costs nothing.
        self._workers = Workers(self._limits.threads)
        self._stack.callback(self._workers.close)
        self._qemu_img = QemuImg(self._limits)
        self._fetches = asyncio.Semaphore(self._limits.fetches)
        self._opening = asyncio.Lock()
        for name in await self._workers.run(self._directory.open, owner, volumes):
            logger.info("deleted the bytes of volume %s, which is gone", name)
        self._is_open = True

    async def close(self) -> None:
        self._is_open = False
        self._changed = _tell_nobody
        await asyncio.gather(*(self._stop(job) for job in self._jobs.values()))
        self._jobs.clear()
        self._images = None
        stack, self._stack = self._stack, AsyncExitStack()
        await stack.aclose()

    def measure(self) -> Usage:
        return self._directory.usage()

    def disk(self, volume: str) -> Path:
        """Where a volume's disk is, or will be."""
        return self._directory.volume(volume).disk

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
        cache = await self._open_images()
        return await cache.container_disk(
            image, pull_policy, namespace=namespace, secret=pull_secret, path=path, architecture=architecture
        )

    async def forget_images(self, in_use: Collection[str]) -> None:
        if self._is_open and self._images_root.exists():
            await (await self._open_images()).collect(in_use, unused_for=self._limits.unused_images)

    async def _open_images(self) -> ContainerDiskCache:
        """The cache of container images, which is opened when somebody first has use for it. Raises ContainerDiskFailed."""
        async with self._opening:
            if not self._is_open:
                raise ContainerDiskFailed("the volumes are not ready")
            if self._images is None:
                from solovirt.volumes.container_disks import ContainerDiskCache

                made = ContainerDiskCache(
                    self._images_root, clock=self._clock, cluster=self._cluster, limits=self._limits
                )
                try:
                    await made.start()
                except OSError as error:
                    raise ContainerDiskFailed(f"the images in {self._images_root} can't be used: {error}") from error
                self._stack.push_async_callback(made.close)
                self._images = made
            return self._images

    async def ask(self, request: TransferRequest) -> Progress:
        if not self._is_open:
            return Progress(TransferState.SCHEDULED, look_again=_POLL)
        job = self._jobs.get(request.id)
        if job is None:
            job = await self._look_up(request)
        if job.record.state is Filled.DONE:
            record = job.record
            return Progress(TransferState.SUCCEEDED, percent=100.0, restarts=record.restarts, labels=record.labels)
        if job.record.state is Filled.FAILED:
            return self._told(job, TransferState.FAILED)
        if request.operation is Operation.UPLOAD:
            return self._await_upload(job, request)
        if job.task is None:
            left = job.record.not_before - self._clock.now() if job.record.not_before else timedelta()
            if left > timedelta():
                return self._told(job, TransferState.RETRYING, look_again=left)
            job.request = request
            self._begin(job)
        state = TransferState.RUNNING if job.is_running else TransferState.SCHEDULED
        return Progress(state, percent=job.meter.percent, restarts=job.record.restarts, look_again=_POLL)

    def _await_upload(self, job: _Job, request: TransferRequest) -> Progress:
        """Uploads don't begin by being asked for: they are ready."""
        if job.is_running:
            return Progress(TransferState.RUNNING, restarts=job.record.restarts)
        job.request, job.is_running = request, True
        self._changed(request.namespace, request.claim)
        return Progress(TransferState.SCHEDULED, restarts=job.record.restarts)

    async def receive(self, transfer: TransferId, body: AsyncIterator[bytes], *, size: int | None, early: bool) -> None:
        job = self._jobs.get(transfer)
        if job is None or job.request.operation is not Operation.UPLOAD or not job.is_running:
            raise UploadRefused("the upload is not ready")
        if job.task is not None:
            raise UploadRefused("another upload is under way")
        accepted = asyncio.get_running_loop().create_future()
        job.body, job.failure = Body(body, size, accepted), None
        task = self._begin(job)
        try:
            await asyncio.wait({task, accepted} if early else {task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # What is sent ends with the one who waits for it; what is received does not.
            if not task.done() and not accepted.done():
                task.cancel()
                await asyncio.wait([task])
                await self._workers.run(job.files.discard_work)
        if job.failure is not None and not accepted.done():
            raise UploadFailed(job.failure.message, is_too_large=job.failure.is_too_large)
        if not accepted.done() and job.record.state is not Filled.DONE:
            raise UploadFailed("the server is shutting down")

    async def digest(self, namespace: str, registry: Mapping[str, Any], options: Mapping[str, str]) -> str:
        if not self._is_open:
            raise DigestUnavailable("the volumes are not ready")
        try:
            return await registry_source.digest(self._cluster, namespace, registry, self._limits)
        except TransferFailed as failure:
            raise DigestUnavailable(failure.message) from failure

    async def forget(self, transfer: TransferId) -> None:
        job = self._jobs.pop(transfer, None)
        if job is None:
            return
        await self._stop(job)
        await self._workers.run(job.files.discard_work)

    async def grow(self, volume: str, disk_bytes: int) -> None:
        if self._is_open and not any(job.files.path.name == volume for job in self._jobs.values()):
            await self._workers.run(self._directory.grow, volume, disk_bytes)

    async def remove(self, volume: str) -> None:
        for transfer, job in list(self._jobs.items()):
            if job.files.path.name == volume:
                await self.forget(transfer)
        if self._is_open:
            await self._workers.run(self._directory.remove, volume)

    # Jobs

    async def _look_up(self, request: TransferRequest) -> _Job:
        """The job, from what the volume's record says of it; one that is done is not kept."""
        files = self._directory.volume(request.volume or request.id)
        found = await self._workers.run(files.read)
        if found is None or found.transfer != request.id:
            found = Record(request.id, Filled.BEGUN, size=request.size_bytes)
        job = _Job(request, files, found)
        # Somebody else may have asked while the record was read.
        return job if found.state is Filled.DONE else self._jobs.setdefault(request.id, job)

    def _told(self, job: _Job, state: TransferState, *, look_again: timedelta | None = None) -> Progress:
        record = job.record
        return Progress(
            state,
            percent=job.meter.percent,
            restarts=record.restarts,
            reason=record.reason,
            message=record.message,
            look_again=look_again,
        )

    def _begin(self, job: _Job) -> asyncio.Task[None]:
        request = job.request
        name = f"{request.operation} into {request.namespace}/{request.claim}"
        job.task = asyncio.get_running_loop().create_task(self._run(job), name=name)
        return job.task

    async def _stop(self, job: _Job) -> None:
        if job.task is not None:
            job.task.cancel()
            await asyncio.wait([job.task])

    async def _run(self, job: _Job) -> None:
        """One attempt, and what it comes to."""
        try:
            async with self._fetches:
                job.is_running = True
                self._changed(job.request.namespace, job.request.claim)
                try:
                    await self._attempt(job)
                    self._jobs.pop(job.request.id, None)
                except TransferFailed as failure:
                    await self._note_failure(job, failure)
                except OSError as error:
                    logger.info("%s failed: %s", job.request.operation, error)
                    why = "no space left on device" if error.errno in _FULL else error
                    await self._note_failure(job, unusable(why))
                except Exception as error:
                    # A bug; the transfer is repeated as after any other failure, because a disk is wanted still.
                    logger.exception("%s into %s/%s", job.request.operation, job.request.namespace, job.request.claim)
                    await self._note_failure(job, unusable(error))
        finally:
            job.is_running, job.task, job.body = job.request.operation is Operation.UPLOAD, None, None
            self._changed(job.request.namespace, job.request.claim)

    async def _attempt(self, job: _Job) -> None:
        request, files = job.request, job.files
        await self._workers.run(_prepare, files, job.record)
        if request.operation is Operation.CLONE and request.origin:
            await self._quiet(request.origin)
        attempt = Attempt(
            request=request,
            files=files,
            work=files.work,
            origin=self._directory.volume(request.origin) if request.origin else None,
            cluster=self._cluster,
            workers=self._workers,
            space=self._directory.space,
            limits=self._limits,
            qemu_img=self._qemu_img,
            meter=job.meter,
            body=job.body,
        )
        await sources.fill(attempt)
        done = replace(job.record, state=Filled.DONE, reason="", message="", not_before=None, labels=attempt.labels)
        await self._workers.run(files.publish, attempt.complete, done)
        job.record = done

    async def _quiet(self, volume: str) -> None:
        """Raises TransferFailed while *volume* is being filled: its content is none yet."""
        if any(job.files.path.name == volume for job in self._jobs.values()):
            raise unusable(f"the source volume {volume} is not filled yet")

    async def _note_failure(self, job: _Job, failure: TransferFailed) -> None:
        job.failure = failure
        restarts = job.record.restarts + (0 if failure.final else 1)
        job.record = replace(
            job.record,
            state=Filled.FAILED if failure.final else Filled.BEGUN,
            restarts=restarts,
            reason=failure.reason,
            message=failure.message,
            not_before=None if failure.final else self._clock.now() + self._limits.back_off(restarts),
        )
        try:
            await self._workers.run(_leave, job.files, job.record)
        except OSError as error:
            # A full disk takes no note either; the one in memory holds until the next restart.
            logger.warning("%s: what went wrong could not be noted: %s", job.files.path, error)


def _tell_nobody(_namespace: str, _claim: str) -> None:
    """Until `on_change` says whom."""


def _prepare(files: VolumeFiles, record: Record) -> None:
    """Clear the work of earlier attempts away, but for what can be resumed. Blocks."""
    _sweep(files)
    files.prepare()
    files.write(record)


def _leave(files: VolumeFiles, record: Record) -> None:
    """After a failed attempt: keep what the next one can resume, and the record. Blocks."""
    if record.state is Filled.FAILED:
        files.discard_work()
    _sweep(files)
    files.write(record)


def _sweep(files: VolumeFiles) -> None:
    work = files.work
    if not work.exists():
        return
    note = work / f"{SOURCE}.note"
    kept = {SOURCE, note.name} if note.exists() else set()
    for path in work.iterdir():
        if path.name in kept:
            continue
        if path.is_dir() and not path.is_symlink():
            remove_tree(path)
        else:
            path.unlink()
    if not kept:
        work.rmdir()
