"""From what was fetched to what the volume holds: a raw disk, grown to its claim, or an unpacked archive (reference cdi.md 7.1)."""

from __future__ import annotations

import os
from pathlib import Path

from solovirt.volumes.files import archive
from solovirt.volumes.files.attempt import Attempt
from solovirt.volumes.files.directory import DISK
from solovirt.volumes.files.failure import too_large, unusable
from solovirt.volumes.files.formats import COMPRESSIONS, Format, decompress, format_of, read_header
from solovirt.volumes.files.images import refuse_references
from solovirt.volumes.files.sparse import SparseFile


async def finish(attempt: Attempt, fetched: Path) -> None:
    """Make the volume's content of *fetched*, a file in `work`, which is used up. Raises TransferFailed, OSError."""
    fetched = await _unwrapped(attempt, fetched)
    kind = format_of(await attempt.workers.run(read_header, fetched))
    if attempt.request.content_type == "archive":
        if kind is not Format.TAR:
            raise unusable("the content is no tar archive")
        steps = archive.unpack(
            fetched, attempt.complete, largest=attempt.available, space=attempt.space, limits=attempt.limits
        )
        await attempt.workers.drive(steps)
        return
    attempt.complete.mkdir(mode=0o755)
    disk = attempt.complete / DISK
    if kind in (Format.RAW, Format.TAR):
        if (size := fetched.stat().st_size) > attempt.available:
            raise too_large(size, attempt.available)
        attempt.looks_well()
        fetched.rename(disk)
    else:
        await _convert(attempt, fetched, kind, disk)
    await attempt.workers.run(settle, attempt, disk)


async def _unwrapped(attempt: Attempt, fetched: Path) -> Path:
    """Take compressions off, one of each kind."""
    seen: set[Format] = set()
    while (kind := format_of(await attempt.workers.run(read_header, fetched))) in COMPRESSIONS:
        if kind in seen:
            raise unusable(f"Invalid format {kind} for image {fetched.name}")
        seen.add(kind)
        plain = attempt.work / f"plain-{len(seen)}"
        with SparseFile(plain, attempt.space) as target:

            def check(_: int, target: SparseFile = target) -> None:
                if target.size > attempt.largest:
                    raise too_large(target.size, attempt.available)

            await attempt.workers.drive(decompress(fetched, kind, target), check)
        await attempt.workers.run(fetched.unlink)
        fetched = plain
    return fetched


async def _convert(attempt: Attempt, image: Path, kind: Format, disk: Path) -> None:
    await attempt.workers.run(refuse_references, image, kind)
    info = await attempt.qemu_img.info(image, kind)
    if info.virtual_size > attempt.available:
        raise too_large(info.virtual_size, attempt.available)
    await attempt.qemu_img.check(image, kind)
    attempt.looks_well()
    await attempt.qemu_img.convert(info, image, disk, moved=attempt.meter.at, watch=lambda: attempt.space.need(0))
    await attempt.workers.run(image.unlink)


def blank(attempt: Attempt) -> None:
    """An empty disk. Blocks."""
    attempt.complete.mkdir(mode=0o755)
    disk = attempt.complete / DISK
    disk.touch()
    settle(attempt, disk)


def settle(attempt: Attempt, disk: Path) -> None:
    """Grow a disk (never shrink it) to what its claim has room for, and have it on disk. Blocks."""
    request = attempt.request
    size = max(disk.stat().st_size, request.disk_bytes if request.disk_bytes is not None else request.size_bytes)
    with disk.open("r+b") as file:
        os.ftruncate(file.fileno(), size)
        if request.preallocate and size:
            attempt.space.need(size - os.fstat(file.fileno()).st_blocks * 512)
            os.posix_fallocate(file.fileno(), 0, size)
        os.fsync(file.fileno())
    disk.chmod(0o660)
