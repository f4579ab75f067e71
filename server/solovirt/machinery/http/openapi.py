"""
The OpenAPI documents, served (reference kubernetes-api.md 1.4).

They are made by `solovirt.machinery.schema.openapi`; this is about headers: hashes in the URL that make a document immutable, ETags, and the
protobuf form of v2 that old kubectls cannot do without.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from solovirt.machinery.errors import NotAcceptable
from solovirt.machinery.http import failures, negotiation, options

if TYPE_CHECKING:
    from solovirt.machinery.http.exchange import Exchange
    from solovirt.machinery.registry import Registry
    from solovirt.machinery.schema.protocol import Schemas

V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
V2_PROTOBUF_SENT = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_YEAR = timedelta(days=365)


class OpenApiDocuments:
    """Answers /openapi/v2 and /openapi/v3…"""

    def __init__(self, registry: Registry, schemas: Schemas) -> None:
        self._registry = registry
        self._schemas = schemas
        self._made: Any = None
        self._since = datetime.now(UTC)
        self._making = asyncio.Lock()

    @property
    def _documents(self) -> Any:
        if self._made is None:
            from solovirt.machinery.schema.openapi import OpenAPI

            self._made = OpenAPI(self._registry, self._schemas)
        return self._made

    async def _make(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run *function* in a thread, one at a time: the first call for a document walks all schemas."""
        async with self._making:
            return await asyncio.to_thread(function, *arguments)

    async def answer(self, request: Exchange, segments: list[str]) -> web.StreamResponse:
        """Answer the path below /openapi. Raises PlainNotFound if it leads nowhere."""
        if segments == ["v2"]:
            return await self._v2(request)
        if segments == ["v3"]:
            index = await self._make(self._documents.v3_index)
            return request.answer(index if isinstance(index, bytes) else orjson.dumps(index))
        if segments[:1] == ["v3"]:
            return await self._v3(request, "/".join(segments[1:]))
        raise failures.PlainNotFound

    async def _v2(self, request: Exchange) -> web.StreamResponse:
        protobuf = _v2_form(request.accept)
        documents = self._documents
        body = await self._make(documents.v2_protobuf if protobuf else documents.v2_json)
        etag = f'"{await self._make(_sha512, body)}"'
        if request.http.headers.get("If-None-Match") == etag:
            response = request.answer(b"", 304)
        else:
            response = request.answer(body, 200, V2_PROTOBUF_SENT if protobuf else negotiation.JSON)
        response.headers["ETag"] = etag
        response.headers["Last-Modified"] = format_datetime(self._since, usegmt=True)
        response.headers["Vary"] = "Accept"
        return response

    async def _v3(self, request: Exchange, path: str) -> web.StreamResponse:
        try:
            body = await self._make(self._documents.v3, path)
        except KeyError:
            body = None
        if body is None:
            return request.answer(b"", 404)
        asked = options.first(request.query, "hash")
        current = await self._make(self._hash, path, body)
        if asked and asked != current:
            response = request.answer(b"", 301)
            response.headers["Location"] = f"/openapi/v3/{path}?hash={current}"
            return response
        etag = f'"{current}"'
        if request.http.headers.get("If-None-Match") == etag:
            response = request.answer(b"", 304)
        else:
            response = request.answer(body)
        response.headers["ETag"] = etag
        if asked:
            response.headers["Cache-Control"] = "public, immutable"
            response.headers["Expires"] = format_datetime(datetime.now(UTC) + _YEAR, usegmt=True)
        return response

    def _hash(self, path: str, _: bytes) -> str:
        """The hash under which the index lists *path*."""
        index = self._documents.v3_index()
        document = index if isinstance(index, dict) else orjson.loads(index)
        url: str = document["paths"][path]["serverRelativeURL"]
        return url.rpartition("hash=")[2]


def _sha512(body: bytes) -> str:
    import hashlib

    return hashlib.sha512(body).hexdigest().upper()


def _v2_form(accept: str) -> bool:
    """Whether protobuf is wanted. Raises NotAcceptable if neither form is."""
    if not accept.strip():
        return False
    for clause in negotiation.clauses(accept):
        if clause.media_type == V2_PROTOBUF:
            return True
        if clause.media_type in (negotiation.JSON, "application/*", "*/*"):
            return False
    raise NotAcceptable(f"only the following media types are accepted: {negotiation.JSON}, {V2_PROTOBUF}")
