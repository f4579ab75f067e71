"""
Makes what a guest's disks show and nobody else keeps: overlays, empty disks, and discs of files.

Everything is made once, when the guest is defined, and goes with the guest's directory. Nothing that is there already is written over: a disk of
the host belongs to its owner, and what a guest has written outlives a server that is killed while it defines it again.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from solovirt.runtime.libvirt.domain import Image, images
from solovirt.runtime.libvirt.places import GuestPlaces
from solovirt.runtime.protocol import GuestError, GuestSpec

_SECONDS = 60.0
_PART = ".part"


async def make(spec: GuestSpec, places: GuestPlaces) -> None:
    """Make what *spec*'s volumes need. Raises GuestError (Unsupported) for what can't be made."""
    wanted = images(spec, places)
    sizes = {image.volume: image.size_bytes for image in spec.disks}
    if any(image.is_disc for image in wanted.values()):
        await asyncio.to_thread(_make_discs, spec, places)
    for volume, image in wanted.items():
        path = Path(image.path)
        if image.is_disc or await asyncio.to_thread(path.exists):
            continue
        if image.base is not None:
            await _qemu_img(path, "-b", image.base.path, "-F", image.base.format)
        elif image.size_bytes is not None:
            await _make_empty(path, image)
        elif size := sizes.get(volume):
            # A claim that nobody has filled: KubeVirt, too, makes its disk when it is first used.
            await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True, mode=0o700)
            await asyncio.to_thread(_make_sparse, path, size)
        else:
            raise GuestError(f"volume {volume}: {path} does not exist")


async def _make_empty(path: Path, image: Image) -> None:
    if image.format == "raw":
        await asyncio.to_thread(_make_sparse, path, image.size_bytes or 0)
    else:
        await _qemu_img(path, size=image.size_bytes)


def _make_sparse(path: Path, size: int) -> None:
    try:
        with path.open("xb") as file:
            file.truncate(size)
    except OSError as error:
        raise GuestError(f"{path} can't be made: {error.strerror}") from error


def _make_discs(spec: GuestSpec, places: GuestPlaces) -> None:
    # Imported here: discs need a library that guests without them do not.
    from solovirt.runtime.libvirt import discs

    try:
        discs.write(spec, places)
    except OSError as error:
        raise GuestError(f"a disc of files can't be made: {error}") from error


async def _qemu_img(path: Path, *options: str, size: int | None = None) -> None:
    """Make a qcow2 image: whole, or not at all."""
    part = path.with_name(path.name + _PART)
    arguments = ["create", "-q", "-f", "qcow2", *options, str(part), *([] if size is None else [str(size)])]
    try:
        process = await asyncio.create_subprocess_exec(
            "qemu-img",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        raise GuestError(f"qemu-img can't be run: {error.strerror}") from error
    try:
        async with asyncio.timeout(_SECONDS):
            _, said = await process.communicate()
    except BaseException as error:
        if process.returncode is None:
            process.kill()
            await process.wait()
        if isinstance(error, TimeoutError):
            raise GuestError(f"qemu-img took more than {_SECONDS:.0f} s for {path}") from error
        raise
    if process.returncode:
        raise GuestError(f"{path} can't be made: {said.decode(errors='replace').strip()}")
    await asyncio.to_thread(part.replace, path)
