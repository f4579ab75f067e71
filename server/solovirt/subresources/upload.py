"""
The upload proxy: bytes of disks by HTTP POST, as virtctl and browsers send them (reference cdi.md 8.3).

It is no part of the API: who has a token for a claim may upload into it, whoever they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from aiohttp import BodyPartReader, StreamReader, web

from solovirt.kinds.cdi import names
from solovirt.machinery.control.protocol import Objects
from solovirt.machinery.resource import Document, ObjectKey
from solovirt.subresources.upload_token import BadUploadToken, ExpiredUploadToken, UploadTokens
from solovirt.volumes.protocol import TransferId, UploadFailed, UploadRefused, Uploads

_READY_SECONDS = 10.0
"""How long an upload waits until its claim is ready for it. Real time: somebody is waiting."""
_LOOK_EVERY = 0.1
_CHUNK = 256 * 1024
_ANYBODY = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
}


class UploadProxy:
    """Takes uploads and hands them to *uploads*; *objects* has the claims."""

    def __init__(self, uploads: Uploads, tokens: UploadTokens, objects: Objects) -> None:
        self._uploads = uploads
        self._tokens = tokens
        self._objects = objects

    def handlers(self) -> Mapping[str, Callable[[web.Request], Awaitable[web.StreamResponse]]]:
        """The handlers by path."""
        made = {}
        for version in ("v1beta1", "v1alpha1"):
            for name, is_form, early in (
                ("upload", False, False),
                ("upload-async", False, True),
                ("upload-form", True, False),
                ("upload-form-async", True, True),
            ):
                made[f"/{version}/{name}"] = self._handler(is_form=is_form, early=early)
        return made

    def _handler(self, *, is_form: bool, early: bool) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            if request.method == "OPTIONS":
                return web.Response(status=204, headers=_ANYBODY)
            try:
                text, code = await self._take(request, is_form=is_form, early=early)
            except UploadRefused as refused:
                text, code = str(refused), 503
            except UploadFailed as failed:
                text, code = f"Saving stream failed: {failed}", 400 if failed.is_too_large else 500
            return web.Response(text=text, status=code, headers=_ANYBODY)

        return handle

    async def _take(self, request: web.Request, *, is_form: bool, early: bool) -> tuple[str, int]:
        """Text and status of the answer."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return "Authorization header is missing or is no bearer token", 400
        try:
            key = await self._tokens.check(token.strip())
        except BadUploadToken as error:
            return str(error), 400
        except ExpiredUploadToken as error:
            return str(error), 401
        claim = await self._ready(key)
        if _annotations(claim).get(names.CONTENT_TYPE) == "archive":
            # CDI takes archives at a path of their own, which knows no HEAD and answers when all is done.
            early = False
        if request.method == "HEAD" and early:
            return "", 200
        if request.method != "POST":
            return "", 404
        body, size = (await _form(request), None) if is_form else (_stream(request.content), request.content_length)
        if body is None:
            return "the form has no file", 400
        await self._uploads.receive(TransferId(claim["metadata"]["uid"]), body, size=size, early=early)
        return "", 200

    async def _ready(self, key: ObjectKey) -> Document:
        """The claim, ready to receive. Raises UploadRefused."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _READY_SECONDS
        while True:
            claim = self._objects.get(names.PERSISTENT_VOLUME_CLAIMS, key)
            if claim is None:
                raise UploadRefused(f"rejecting Upload Request for PVC {key.name} that doesn't exist")
            annotations = _annotations(claim)
            if names.UPLOAD_TARGET not in annotations:
                raise UploadRefused(f"PVC {key.name} is not an upload target")
            if annotations.get(names.POD_PHASE) == "Succeeded":
                raise UploadRefused(f"rejecting Upload Request for PVC {key.name} that already finished uploading")
            if annotations.get(names.POD_READY) == "true":
                return claim
            if loop.time() > until:
                raise UploadRefused(f"timed out waiting for PVC {key.name} to be ready for the upload")
            await asyncio.sleep(_LOOK_EVERY)


async def _stream(content: StreamReader) -> AsyncIterator[bytes]:
    while piece := await content.readany():
        yield piece


async def _form(request: web.Request) -> AsyncIterator[bytes] | None:
    """The part called `file`; None if there is none."""
    if not request.content_type.startswith("multipart/"):
        return None
    async for part in await request.multipart():
        if isinstance(part, BodyPartReader) and part.name == "file":
            return _pieces(part)
    return None


async def _pieces(part: BodyPartReader) -> AsyncIterator[bytes]:
    while piece := await part.read_chunk(_CHUNK):
        yield piece


def _annotations(claim: Document) -> Mapping[str, str]:
    return claim["metadata"].get("annotations") or {}
