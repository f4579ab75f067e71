"""
Disks out of container images: the source `registry` (reference cdi.md 7.2).

Images come from a registry (`docker://`), or from an archive on this machine (`oci-archive:`): an OCI layout or what `docker save` writes, which an administrator
has put into the directory `archives` beside the volumes. Whoever may create a DataVolume can read what is there, and nothing else of this machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from solovirt.volumes.files import container_disk, disk, tls
from solovirt.volumes.files.attempt import Attempt, Lookups
from solovirt.volumes.files.failure import IMAGE_PULL_FAILED, TransferFailed, unusable
from solovirt.volumes.files.image_archive import ImageArchive
from solovirt.volumes.files.limits import Limits
from solovirt.volumes.files.pull import Puller
from solovirt.volumes.files.registry import Reference, Registry, RegistryFailed, this_architecture
from solovirt.volumes.files.session import session
from solovirt.volumes.files.sparse import SparseFile
from solovirt.volumes.protocol import Cluster

_LABEL_MARK = "KUBEVIRT_IO_"
_ARCHIVE = "oci-archive:"
_NO_DISK = "Failed to find VM disk image file in the container image"


async def fill(attempt: Attempt, fields: Mapping[str, Any]) -> None:
    """Put the image's disk into `complete`. Raises TransferFailed, OSError, LookupError."""
    url = str(fields.get("url") or "")
    try:
        if url.startswith(_ARCHIVE):
            await _unpack(attempt, fields, url.removeprefix(_ARCHIVE))
        else:
            await _pull(attempt, fields, _name(fields))
    except (RegistryFailed, aiohttp.ClientError, TimeoutError) as error:
        said = _said(error)
        if fields.get("pullMethod") == "node":
            raise TransferFailed(f"failed to pull image: {said}", reason=IMAGE_PULL_FAILED) from error
        raise unusable(f"Failed to read registry image: {said}") from error
    await disk.finish(attempt, attempt.work / "disk")


async def digest(cluster: Cluster, namespace: str, fields: Mapping[str, Any], limits: Limits) -> str:
    """What the image is now, without fetching it. Raises TransferFailed."""
    try:
        reference = Reference.parse(_name(fields))
        async with session(limits) as client:
            return await _registry(client, reference, Lookups(cluster, namespace), fields).digest()
    except (RegistryFailed, aiohttp.ClientError, TimeoutError, LookupError) as error:
        raise TransferFailed(f"Failed to read registry image: {_said(error)}") from error


def _name(fields: Mapping[str, Any]) -> str:
    scheme, _, name = str(fields.get("url") or "").partition("://")
    if scheme != "docker":
        # An image stream is OpenShift's.
        raise unusable("Failed to read registry image: only docker:// images are supported here")
    return name


def _said(error: Exception) -> str:
    return str(error) or "timed out: the registry sends nothing"


def _registry(
    client: aiohttp.ClientSession, reference: Reference, lookups: Lookups, fields: Mapping[str, Any]
) -> Registry:
    return Registry(
        client,
        reference,
        tls=tls.context(lookups.certificates(fields.get("certConfigMap")), insecure=False),
        insecure=lookups.cluster.insecure_registries(),
        credentials=lookups.credentials(fields.get("secretRef")),
    )


async def _pull(attempt: Attempt, fields: Mapping[str, Any], name: str) -> None:
    reference = Reference.parse(name)
    async with session(attempt.limits) as client:
        registry = _registry(client, reference, attempt.lookups, fields)
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
            if await _extract(attempt):
                return
    raise RegistryFailed(_NO_DISK)


async def _unpack(attempt: Attempt, fields: Mapping[str, Any], name: str) -> None:
    """The same from an archive."""
    path = await attempt.workers.run(_archive, attempt.archives, name)
    asked = (fields.get("platform") or {}).get("architecture")
    archive = await attempt.workers.run(ImageArchive(path).__enter__)
    try:
        image = await attempt.workers.run(archive.image, asked or this_architecture(), is_asked_for=asked is not None)
        attempt.labels.update(labels_of(image.environment))
        for layer in image.layers:
            with SparseFile(attempt.source, attempt.space) as target:
                await attempt.workers.drive(archive.copy(layer, target))
            if await _extract(attempt):
                return
    finally:
        await attempt.workers.run(archive.__exit__)
    raise RegistryFailed(_NO_DISK)


async def _extract(attempt: Attempt) -> bool:
    """Look for the disk in the layer that was fetched, and use that up."""
    with SparseFile(attempt.work / "disk", attempt.space) as target:
        steps = container_disk.extract(attempt.source, target, largest=attempt.largest, available=attempt.available)
        is_found = await attempt.workers.drive(steps)
    await attempt.workers.run(attempt.source.unlink)
    return is_found


def _archive(root: Path, name: str) -> Path:
    """The archive's path. Blocks. Raises RegistryFailed for what is not there, or not below *root*."""
    path = (root / name.lstrip("/")).resolve()
    if not path.is_relative_to(root.resolve()) or not path.exists():
        raise RegistryFailed(f"there is no archive {name} in {root}")
    return path


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
