"""
Files from HTTP servers, streamed to disk.

A download that was interrupted goes on where it was, if the server can tell that the file is the same one (ETag or Last-Modified, in If-Range).
How much is safely on disk is noted beside the file, so this holds after a crash too.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from ssl import SSLContext
from urllib.parse import urljoin, urlsplit

import aiohttp
from yarl import URL

from solovirt.volumes.files.directory import Space, write_durably
from solovirt.volumes.files.failure import CHECKSUM_ERROR, TransferFailed, too_large, unreachable, unusable
from solovirt.volumes.files.limits import CHUNK, MEBIBYTE, Limits
from solovirt.volumes.files.sparse import Hash, SparseFile
from solovirt.volumes.files.workers import Workers

_NOTE_EVERY = 64 * MEBIBYTE
USER_AGENT = "cdi-golang-importer"
"""What CDI calls itself; servers may let just this in."""


@dataclass(frozen=True, slots=True)
class Checksum:
    """`sha256:…` taken apart (reference cdi.md 7.2). Admission has seen that it is well-formed."""

    algorithm: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Checksum:
        algorithm, _, value = text.partition(":")
        return cls(algorithm.lower(), value.lower())

    def new(self) -> Hash:
        return hashlib.new(self.algorithm, usedforsecurity=False)

    def verify(self, digest: Hash) -> None:
        found = digest.hexdigest()
        if found != self.value:
            raise TransferFailed(
                "Unable to process data: checksum validation failed: checksum mismatch: expected"
                f" {self.algorithm}:{self.value}, calculated {self.algorithm}:{found}",
                reason=CHECKSUM_ERROR,
                final=True,
            )


@dataclass(frozen=True, slots=True)
class Order:
    """What to download."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent along redirects too, as CDI does; there are none from https to http."""
    headers_stay: bool = False
    """Headers are for the URL's own host, and not for where it redirects to."""
    is_escaped: bool = False
    """The URL is to be sent as it is, escapes included: it is signed."""
    tls: SSLContext | bool = True
    """As aiohttp's `ssl`."""
    checksum: Checksum | None = None
    """Of the bytes as they are served."""
    largest: int | None = None
    """More is refused as too large for the claim."""
    available: int = 0
    """What that message gives as the claim's size."""
    kind: str = "http"


@dataclass(frozen=True, slots=True)
class _Note:
    """How much of a file is safely here."""

    url: str
    validator: str
    offset: int

    @classmethod
    def read(cls, path: Path) -> _Note | None:
        try:
            return cls(**json.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None


class Download:
    """One file on its way to *target*. *moved* hears (bytes so far, total or None)."""

    def __init__(
        self,
        order: Order,
        target: Path,
        *,
        workers: Workers,
        space: Space,
        limits: Limits,
        moved: Callable[[int, int | None], None],
    ) -> None:
        self._order = order
        self._target = target
        self._note = target.with_name(target.name + ".note")
        self._workers = workers
        self._space = space
        self._limits = limits
        self._moved = moved

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Bring the file; it is complete, on disk and as its checksum says on return. Raises TransferFailed, OSError."""
        order = self._order
        noted = await self._workers.run(self._usable_note)
        digest = order.checksum.new() if order.checksum is not None else None
        try:
            response, offset = await self._open(session, noted)
            async with response:
                if offset and digest is not None:
                    await self._workers.drive(_read_again(self._target, offset, digest))
                await self._stream(response, offset, digest)
        except TimeoutError:
            # First: aiohttp's are connection errors as well, with a text about sockets.
            raise unreachable(order.kind, "timed out: the server sends nothing") from None
        except (aiohttp.ClientConnectionError, aiohttp.InvalidURL, aiohttp.ClientResponseError) as error:
            raise unreachable(order.kind, error) from error
        except aiohttp.ClientPayloadError as error:
            raise unusable(f"unexpected EOF: {error}") from error
        if order.checksum is not None and digest is not None:
            try:
                order.checksum.verify(digest)
            except TransferFailed:
                self._target.unlink()
                raise
        self._note.unlink(missing_ok=True)

    def _usable_note(self) -> _Note | None:
        noted = _Note.read(self._note)
        if noted is None or noted.url != self._order.url or not noted.validator:
            return None
        try:
            return noted if self._target.stat().st_size >= noted.offset > 0 else None
        except FileNotFoundError:
            return None

    async def _open(self, session: aiohttp.ClientSession, noted: _Note | None) -> tuple[aiohttp.ClientResponse, int]:
        """The response, and at which byte its body begins."""
        # Identity: a length and a checksum are of the file, and so is the offset to go on from.
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **self._order.headers}
        if noted is not None:
            ranged = {**headers, "Range": f"bytes={noted.offset}-", "If-Range": noted.validator}
            response = await self._get(session, ranged)
            if response.status == 206 and _begins_at(response) == noted.offset:
                return response, noted.offset
            if response.status == 200:
                return response, 0
            response.release()
        response = await self._get(session, headers)
        if response.status != 200:
            response.release()
            status = f"{response.status} {response.reason}"
            raise unreachable(self._order.kind, f"expected status code 200, got {response.status}. Status: {status}")
        return response, 0

    async def _get(self, session: aiohttp.ClientSession, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        url = self._order.url
        for _ in range(self._limits.redirects + 1):
            sent = headers
            if self._order.headers_stay and urlsplit(url).netloc != urlsplit(self._order.url).netloc:
                sent = {name: value for name, value in headers.items() if name not in self._order.headers}
            address = URL(url, encoded=True) if self._order.is_escaped else URL(url)
            response = await session.get(address, headers=sent, ssl=self._order.tls, allow_redirects=False)
            if response.status not in (301, 302, 303, 307, 308) or "Location" not in response.headers:
                return response
            response.release()
            following = urljoin(url, response.headers["Location"])
            scheme = urlsplit(following).scheme
            if scheme not in ("http", "https") or (urlsplit(url).scheme == "https" and scheme == "http"):
                raise unreachable(self._order.kind, f"redirected from {url} to {following}, which is refused")
            url = following
        raise unreachable(self._order.kind, f"stopped after {self._limits.redirects} redirects")

    async def _stream(self, response: aiohttp.ClientResponse, offset: int, digest: Hash | None) -> None:
        order = self._order
        length = response.content_length
        total = None if length is None else offset + length
        if order.largest is not None and total is not None and total > order.largest:
            raise too_large(total, order.available)
        await self._workers.run(self._space.need, length or 0)
        # A weak ETag promises no equal bytes (RFC 9110 13.1.5).
        etag = response.headers.get("ETag", "")
        validator = etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified", "")
        file = await self._workers.run(SparseFile, self._target, self._space, offset=offset, digest=digest)
        noted = offset
        try:
            while piece := await _piece(response.content):
                await self._workers.run(file.write, piece)
                if order.largest is not None and file.size > order.largest:
                    raise too_large(file.size, order.available)
                self._moved(file.size, total)
                if file.size - noted >= _NOTE_EVERY:
                    noted = file.size
                    await self._workers.run(self._take_note, file, validator)
            # What is made of it is put on stable storage, not this: a crash before that begins anew.
            await self._workers.run(file.close)
        except BaseException:
            # Also when cancelled, because the server stops. Whatever goes wrong here must not hide why.
            await asyncio.shield(self._workers.run(self._take_last_note, file, validator))
            raise
        finally:
            file.close()
        if total is not None and file.size != total:
            raise unusable(f"unexpected EOF: {file.size} of {total} bytes")

    def _take_note(self, file: SparseFile, validator: str) -> None:
        file.sync()
        note = {"url": self._order.url, "validator": validator, "offset": file.size}
        write_durably(self._note, json.dumps(note).encode())

    def _take_last_note(self, file: SparseFile, validator: str) -> None:
        try:
            self._take_note(file, validator)
        except OSError:
            # A full disk, say: then the download begins anew.
            self._note.unlink(missing_ok=True)


async def _piece(content: aiohttp.StreamReader) -> bytes:
    """About `CHUNK` bytes, so that threads are bothered a few times a megabyte; less if the rest is not there yet for long."""
    parts: list[bytes] = []
    size = 0
    while size < CHUNK:
        part = await content.readany()
        if not part:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _begins_at(response: aiohttp.ClientResponse) -> int | None:
    unit, _, of_range = response.headers.get("Content-Range", "").partition(" ")
    first = of_range.partition("-")[0]
    return int(first) if unit == "bytes" and first.isdigit() else None


def _read_again(path: Path, size: int, digest: Hash) -> Generator[int, None, None]:
    """Feed the first *size* bytes to *digest*."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, size, os.POSIX_FADV_SEQUENTIAL)
        while size:
            piece = file.read(min(CHUNK, size))
            if not piece:
                raise unusable("the part that was downloaded before is gone")
            digest.update(piece)
            size -= len(piece)
            yield len(piece)
