"""
qemu-img, let loose on images that anybody may have made.

An image can name other files: backing files, external data files, extents. Opening such an image would read this machine's files into the
disk of whoever made it, so headers are looked at first, here, without qemu; qemu-img is told the format and never guesses; and it runs with limits on
time, memory and what it writes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from solovirt.volumes.files.failure import TransferFailed, unusable
from solovirt.volumes.files.formats import Format
from solovirt.volumes.files.limits import MEBIBYTE, Limits

_CONVERTED = (Format.RAW, Format.QCOW2, Format.VMDK, Format.VDI, Format.VPC, Format.VHDX)
_CHECKED = (Format.QCOW2, Format.VMDK, Format.VHDX)
"""Formats that `qemu-img check` knows well enough to find a part that is missing. It reads that as zeros otherwise."""
_LEAKS = 3
"""The exit status of a check that found nothing worse than unused clusters."""
_PROGRESS = re.compile(rb"\((\d+(?:\.\d+)?)/100%\)")
_MOST_OUTPUT = 4 * MEBIBYTE

_EXTERNAL_DATA = 1 << 2
_LARGEST_DESCRIPTOR = MEBIBYTE


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What qemu-img says of an image."""

    format: Format
    virtual_size: int


def refuse_references(path: Path, kind: Format) -> None:
    """Raises TransferFailed for an image that needs other files, or that is shorter than it says. Blocks."""
    size = path.stat().st_size
    with path.open("rb") as file:
        header = file.read(1024)
        match kind:
            case Format.QCOW2:
                _check_qcow2(path, header, file)
            case Format.VMDK:
                _check_vmdk(path, header, file)
            case Format.VDI:
                _check_vdi(header, size)


def _check_qcow2(path: Path, header: bytes, file: Any) -> None:
    if len(header) < 72:
        raise unusable(f"Image {path.name} is invalid: its header is cut off")
    version, backing_offset, backing_size = struct.unpack_from(">IQI", header, 4)
    (encryption,) = struct.unpack_from(">I", header, 32)
    if version not in (2, 3):
        raise unusable(f"Invalid format qcow for image {path.name}")
    if backing_offset:
        file.seek(backing_offset)
        name = file.read(min(backing_size, 1023)).decode(errors="replace")
        raise unusable(f"Image {path.name} is invalid because it has invalid backing file {name}")
    if encryption:
        raise unusable(f"Image {path.name} is invalid because it is encrypted")
    if version == 3 and len(header) >= 80:
        (features,) = struct.unpack_from(">Q", header, 72)
        if features & _EXTERNAL_DATA:
            raise unusable(f"Image {path.name} is invalid because it has an external data file")


def _check_vmdk(path: Path, header: bytes, file: Any) -> None:
    if len(header) < 512:
        raise unusable(f"Image {path.name} is invalid: its header is cut off")
    capacity, _, offset, sectors = struct.unpack_from("<QQQQ", header, 12)
    if capacity == 0:
        # qemu would take the embedded description for the image, and open the extents that it names.
        raise unusable(f"Image {path.name} is invalid because its content is in other files")
    if offset:
        file.seek(offset * 512)
        description = file.read(min(sectors * 512, _LARGEST_DESCRIPTOR))
        if found := re.search(rb'^\s*parentFileNameHint\s*=\s*"?([^"\r\n]*)', description, re.MULTILINE):
            name = found.group(1).decode(errors="replace")
            raise unusable(f"Image {path.name} is invalid because it has invalid backing file {name}")


def _check_vdi(header: bytes, size: int) -> None:
    if len(header) < 0x188:
        raise unusable("the vdi image is cut off")
    (data_offset,) = struct.unpack_from("<I", header, 0x158)
    (block_size,) = struct.unpack_from("<I", header, 0x178)
    (allocated,) = struct.unpack_from("<I", header, 0x184)
    # qemu-img finds nothing wrong with this, and reads zeros.
    if data_offset + allocated * block_size > size:
        raise unusable("the vdi image is cut off")


class QemuImg:
    """Runs qemu-img. Raises TransferFailed with what it said when it fails, takes too long or is not there."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._conversions = asyncio.Semaphore(limits.conversions)

    async def info(self, path: Path, kind: Format) -> ImageInfo:
        """What the image is. It must have passed `refuse_references`."""
        limits = self._limits
        arguments = ("info", "--output=json", "-f", str(kind), str(path))
        status, output, said = await self._run(
            arguments, cpu=limits.inspect_cpu_seconds, seconds=limits.inspect_seconds, largest_file=0
        )
        if status != 0:
            raise unusable(f"qemu-img: {said}")
        document = json.loads(output)
        if document.get("format") not in _CONVERTED:
            raise unusable(f"Invalid format {document.get('format')} for image {path.name}")
        if backing := document.get("backing-filename") or document.get("full-backing-filename"):
            raise unusable(f"Image {path.name} is invalid because it has invalid backing file {backing}")
        of_format = (document.get("format-specific") or {}).get("data") or {}
        extents = [extent.get("filename") for extent in of_format.get("extents") or ()]
        if of_format.get("data-file") or any(name != str(path) for name in extents):
            raise unusable(f"Image {path.name} is invalid because its content is in other files")
        return ImageInfo(kind, int(document["virtual-size"]))

    async def check(self, path: Path, kind: Format) -> None:
        """See that nothing is missing."""
        if kind not in _CHECKED:
            return
        limits = self._limits
        status, _, said = await self._run(
            ("check", "-q", "-f", str(kind), str(path)),
            cpu=limits.inspect_cpu_seconds * 4,
            seconds=limits.inspect_seconds,
            largest_file=0,
        )
        if status not in (0, _LEAKS):
            raise unusable(f"Image {path.name} is damaged: {said.splitlines()[0] if said else 'qemu-img check failed'}")

    async def convert(
        self, source: ImageInfo, path: Path, target: Path, *, moved: Callable[[float], None], watch: Callable[[], None]
    ) -> None:
        """
        Write *path* as a raw disk to *target*, and tell *moved* how much is done, in percent.

        *watch* is called about once a second and may raise to stop it.
        """
        limits = self._limits
        arguments = ("convert", "-p", "-t", "writeback", "-f", str(source.format), "-O", "raw", str(path), str(target))

        def heard(output: bytes) -> None:
            if found := _PROGRESS.findall(output):
                moved(float(found[-1]))

        async with self._conversions:
            status, _, said = await self._run(
                arguments,
                cpu=limits.convert_cpu_seconds,
                seconds=limits.convert_seconds,
                largest_file=source.virtual_size + MEBIBYTE,
                heard=heard,
                watch=watch,
            )
        if status != 0:
            raise unusable(f"qemu-img: {said or f'exit status {status}'}")

    async def _run(
        self,
        arguments: tuple[str, ...],
        *,
        cpu: int,
        seconds: float,
        largest_file: int,
        heard: Callable[[bytes], None] | None = None,
        watch: Callable[[], None] | None = None,
    ) -> tuple[int, bytes, str]:
        """Exit status, output, and what it said in one line."""
        if shutil.which("qemu-img") is None:
            raise TransferFailed(
                "Unable to process data: qemu-img is not installed on this machine; it is in the package qemu-utils of Debian and Ubuntu"
            )
        command = _limited(arguments, memory=self._limits.qemu_img_memory, cpu=cpu, largest_file=largest_file)
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        )
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            async with asyncio.timeout(seconds):
                output, errors, _ = await asyncio.gather(
                    _read(process.stdout, heard), _read(process.stderr, None), _watched(process, watch)
                )
                status = await process.wait()
        except TimeoutError:
            raise unusable(f"qemu-img {arguments[0]} took longer than {seconds:.0f} seconds") from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        return status, output, errors.decode(errors="replace").strip().removeprefix("qemu-img: ")


def _limited(arguments: tuple[str, ...], *, memory: int, cpu: int, largest_file: int) -> list[str]:
    """The command line, with limits set by the shell: between fork and exec of a process with threads Python can't."""
    script = 'ulimit -c 0; ulimit -v "$1" && ulimit -t "$2" && ulimit -f "$3" && shift 3 && exec "$@"'
    command = ["/bin/sh", "-c", script, "sh", str(memory // 1024), str(cpu), str(-(-largest_file // 512))]
    # It must not outlive a server that is killed; and people who wait for the API go before it.
    if shutil.which("setpriv"):
        command += ["setpriv", "--pdeathsig", "KILL"]
    if shutil.which("nice"):
        command += ["nice", "-n", "10"]
    return [*command, "qemu-img", *arguments]


async def _read(stream: asyncio.StreamReader, heard: Callable[[bytes], None] | None) -> bytes:
    """Everything, or, if somebody listens, nothing; more than is sensible is read and forgotten."""
    kept = bytearray()
    while piece := await stream.read(65536):
        if heard is not None:
            heard(piece)
        elif len(kept) < _MOST_OUTPUT:
            kept += piece
    return bytes(kept)


async def _watched(process: asyncio.subprocess.Process, watch: Callable[[], None] | None) -> None:
    if watch is None:
        return
    ended = asyncio.ensure_future(process.wait())
    try:
        while not ended.done():
            await asyncio.wait([ended], timeout=1.0)
            watch()
    finally:
        ended.cancel()
