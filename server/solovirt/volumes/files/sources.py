"""Where a volume's content comes from: one coroutine for each source that is built, and a clear word for those that are not."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from solovirt.volumes.files import clone, disk, registry_source, s3, tls
from solovirt.volumes.files.attempt import Attempt
from solovirt.volumes.files.directory import DISK
from solovirt.volumes.files.download import Checksum, Download, Order
from solovirt.volumes.files.failure import TransferFailed, too_large, unreachable, unusable
from solovirt.volumes.files.limits import CHUNK
from solovirt.volumes.files.session import session
from solovirt.volumes.files.sparse import SparseFile


async def fill(attempt: Attempt) -> None:
    """Put what the request asks for into `complete`. Raises TransferFailed, OSError."""
    kind, fields = next(iter(attempt.request.source.items()), ("", {}))
    source = _SOURCES.get(kind)
    if source is None:
        raise TransferFailed(f"Unable to process data: the source {kind} is not supported here", final=True)
    try:
        await source(attempt, fields or {})
    except LookupError as error:
        raise unusable(error) from error


async def _http(attempt: Attempt, fields: Mapping[str, Any]) -> None:
    checksum = fields.get("checksum")
    order = Order(
        url=fields["url"],
        headers=_http_headers(attempt, fields),
        tls=tls.context(
            attempt.lookups.certificates(fields.get("certConfigMap")), insecure=bool(fields.get("insecureSkipVerify"))
        ),
        checksum=Checksum.parse(checksum) if checksum else None,
        largest=attempt.largest,
        available=attempt.available,
    )
    async with session(attempt.limits) as client:
        await _download(attempt, order, attempt.meter.of).run(client)
    await disk.finish(attempt, attempt.source)


async def _s3(attempt: Attempt, fields: Mapping[str, Any]) -> None:
    url = s3.address(str(fields.get("url") or ""))
    credentials = attempt.lookups.credentials(fields.get("secretRef"))
    order = Order(
        url=url,
        headers=await attempt.workers.run(s3.signed_headers, url, credentials),
        headers_stay=True,
        is_escaped=True,
        tls=tls.context(attempt.lookups.certificates(fields.get("certConfigMap")), insecure=False),
        largest=attempt.largest,
        available=attempt.available,
        kind="s3",
    )
    async with session(attempt.limits) as client:
        # A download does not count: CDI takes its total for unknown (reference cdi.md 3.3).
        await _download(attempt, order, lambda _done, _total: None).run(client)
    await disk.finish(attempt, attempt.source)


def _http_headers(attempt: Attempt, fields: Mapping[str, Any]) -> dict[str, str]:
    lines = list(fields.get("extraHeaders") or ())
    for name in fields.get("secretExtraHeaders") or ():
        lines += [value.decode(errors="replace").strip() for value in attempt.lookups.secret(name).values()]
    headers = {}
    if credentials := attempt.lookups.credentials(fields.get("secretRef")):
        headers["Authorization"] = "Basic " + base64.b64encode(":".join(credentials).encode()).decode()
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or any(character in line for character in "\r\n\0"):
            raise unusable(f"invalid extra header {name!r}")
        headers[name.strip()] = value.strip()
    return headers


def _download(attempt: Attempt, order: Order, moved: Callable[[int, int | None], None]) -> Download:
    return Download(
        order, attempt.source, workers=attempt.workers, space=attempt.space, limits=attempt.limits, moved=moved
    )


async def _blank(attempt: Attempt, _fields: Mapping[str, Any]) -> None:
    await attempt.workers.run(disk.blank, attempt)


async def _upload(attempt: Attempt, _fields: Mapping[str, Any]) -> None:
    body = attempt.body
    if body is None:
        raise unusable("nothing was sent")
    if body.size is not None and body.size > attempt.largest:
        raise too_large(body.size, attempt.available)
    file = await attempt.workers.run(SparseFile, attempt.source, attempt.space)
    waiting = bytearray()
    with file:
        async for piece in body.pieces:
            waiting += piece
            if len(waiting) < CHUNK:
                continue
            await attempt.workers.run(file.write, bytes(waiting))
            waiting.clear()
            if file.size > attempt.largest:
                raise too_large(file.size, attempt.available)
        await attempt.workers.run(file.write, bytes(waiting))
        await attempt.workers.run(file.sync)
    if body.size is not None and file.size != body.size:
        raise unusable(f"unexpected EOF: {file.size} of {body.size} bytes")
    await disk.finish(attempt, attempt.source)


async def _clone(attempt: Attempt, _fields: Mapping[str, Any]) -> None:
    origin = attempt.origin
    if origin is None or not origin.data.exists():
        if "snapshot" in attempt.request.source:
            raise unusable("the snapshot is not there")
        # A claim that nobody filled has an empty volume.
        await attempt.workers.run(attempt.complete.mkdir)
        return
    source = origin.disk
    is_disk = source.is_file()
    if is_disk and source.stat().st_size > attempt.available:
        raise unusable(
            "target resources requests storage size is smaller than the source"
            f" {attempt.available} < {source.stat().st_size}"
        )
    total = source.stat().st_size if is_disk else None
    steps = clone.copy_tree(origin.data, attempt.complete, attempt.space, at_once=attempt.request.at_once)
    await attempt.workers.drive(steps, attempt.counter(total))
    if is_disk:
        await attempt.workers.run(disk.settle, attempt, attempt.complete / DISK)


def _refused(kind: str) -> Callable[[Attempt, Mapping[str, Any]], Awaitable[None]]:
    async def refuse(_attempt: Attempt, _fields: Mapping[str, Any]) -> None:
        failure = unreachable(kind, f"the source {kind} is not supported here")
        # Trying again can't help.
        failure.final = True
        raise failure

    return refuse


_SOURCES: Mapping[str, Callable[[Attempt, Mapping[str, Any]], Awaitable[None]]] = {
    "http": _http,
    "registry": registry_source.fill,
    "s3": _s3,
    "blank": _blank,
    "pvc": _clone,
    "snapshot": _clone,
    "upload": _upload,
    **{kind: _refused(kind) for kind in ("gcs", "imageio", "vddk")},
}
