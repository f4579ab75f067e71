"""Where a volume's content comes from: one coroutine for each source that is built, and a clear word for those that are not."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp

from solovirt.volumes.files import clone, container_disk, disk, tls
from solovirt.volumes.files.attempt import Attempt
from solovirt.volumes.files.directory import DISK
from solovirt.volumes.files.download import Checksum, Download, Order
from solovirt.volumes.files.failure import IMAGE_PULL_FAILED, TransferFailed, too_large, unreachable, unusable
from solovirt.volumes.files.limits import CHUNK
from solovirt.volumes.files.pull import Puller
from solovirt.volumes.files.registry import Reference, Registry, RegistryFailed
from solovirt.volumes.files.session import session
from solovirt.volumes.files.sparse import SparseFile

_LABEL_MARK = "KUBEVIRT_IO_"


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
            attempt.certificates(fields.get("certConfigMap")), insecure=bool(fields.get("insecureSkipVerify"))
        ),
        checksum=Checksum.parse(checksum) if checksum else None,
        largest=attempt.largest,
        available=attempt.available,
    )
    async with session(attempt.limits) as client:
        await _download(attempt, order, attempt.meter.of).run(client)
    await disk.finish(attempt, attempt.source)


def _http_headers(attempt: Attempt, fields: Mapping[str, Any]) -> dict[str, str]:
    lines = list(fields.get("extraHeaders") or ())
    for name in fields.get("secretExtraHeaders") or ():
        lines += [value.decode(errors="replace").strip() for value in attempt.secret(name).values()]
    headers = {}
    if credentials := _credentials(attempt, fields.get("secretRef")):
        headers["Authorization"] = "Basic " + base64.b64encode(":".join(credentials).encode()).decode()
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or any(character in line for character in "\r\n\0"):
            raise unusable(f"invalid extra header {name!r}")
        headers[name.strip()] = value.strip()
    return headers


def _credentials(attempt: Attempt, secret: str | None) -> tuple[str, str] | None:
    data = attempt.secret(secret)
    user, password = data.get("accessKeyId"), data.get("secretKey")
    if user is None and password is None:
        return None
    return (user or b"").decode(errors="replace"), (password or b"").decode(errors="replace")


def _download(attempt: Attempt, order: Order, moved: Callable[[int, int | None], None]) -> Download:
    return Download(
        order, attempt.source, workers=attempt.workers, space=attempt.space, limits=attempt.limits, moved=moved
    )


async def _registry(attempt: Attempt, fields: Mapping[str, Any]) -> None:
    scheme, _, name = str(fields.get("url") or "").partition("://")
    if scheme != "docker":
        # An image stream is OpenShift's; an archive would be a file of this machine.
        raise unusable("Failed to read registry image: only docker:// images are supported here")
    try:
        await _pull(attempt, fields, name)
    except (RegistryFailed, aiohttp.ClientError, TimeoutError) as error:
        said = str(error) or "timed out: the registry sends nothing"
        if fields.get("pullMethod") == "node":
            raise TransferFailed(f"failed to pull image: {said}", reason=IMAGE_PULL_FAILED) from error
        raise unusable(f"Failed to read registry image: {said}") from error
    await disk.finish(attempt, attempt.work / "disk")


async def _pull(attempt: Attempt, fields: Mapping[str, Any], name: str) -> None:
    reference = Reference.parse(name)
    context = tls.context(attempt.certificates(fields.get("certConfigMap")), insecure=False)
    async with session(attempt.limits) as client:
        registry = Registry(
            client,
            reference,
            tls=context,
            insecure=attempt.cluster.insecure_registries(),
            credentials=_credentials(attempt, fields.get("secretRef")),
        )
        image = await registry.image((fields.get("platform") or {}).get("architecture"))
        attempt.labels.update(labels_of(image.environment))
        puller = Puller(
            client,
            registry,
            attempt.workers,
            attempt.space,
            attempt.limits,
            largest=attempt.largest,
            available=attempt.available,
        )
        for layer in image.layers:
            await puller.layer(layer, attempt.source)
            with SparseFile(attempt.work / "disk", attempt.space) as target:
                steps = container_disk.extract(
                    attempt.source, target, largest=attempt.largest, available=attempt.available
                )
                is_found = await attempt.workers.drive(steps)
            await attempt.workers.run(attempt.source.unlink)
            if is_found:
                return
    raise RegistryFailed("Failed to find VM disk image file in the container image")


def labels_of(environment: Mapping[str, str]) -> dict[str, str]:
    """
    The labels that an image's environment stands for (reference cdi.md 6.4):
    `INSTANCETYPE_KUBEVIRT_IO_DEFAULT_PREFERENCE=fedora` is `instancetype.kubevirt.io/default-preference: fedora`.
    """
    labels = {}
    for variable, value in environment.items():
        if _LABEL_MARK in variable:
            domain, _, name = variable.partition(_LABEL_MARK)
            prefix = domain.lower().rstrip("_").replace("_", ".")
            full = f"{prefix}.kubevirt.io" if prefix else "kubevirt.io"
            labels[f"{full}/{name.lower().replace('_', '-')}"] = value
    return labels


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
    await attempt.workers.drive(clone.copy_tree(origin.data, attempt.complete, attempt.space), attempt.counter(total))
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
    "registry": _registry,
    "blank": _blank,
    "pvc": _clone,
    "upload": _upload,
    **{kind: _refused(kind) for kind in ("s3", "gcs", "imageio", "vddk", "snapshot")},
}
