"""
The OpenAPI documents, served (reference kubernetes-api.md 1.4).

They are made by `solovirt.machinery.schema.openapi`; this is about headers: hashes in the URL that make a document immutable, ETags, and the
protobuf form of v2 that old kubectls cannot do without.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

from aiohttp import web

from solovirt.machinery.errors import NotAcceptable
from solovirt.machinery.http import failures, negotiation, options

if TYPE_CHECKING:
    from solovirt.machinery.http.exchange import Exchange
    from solovirt.machinery.registry import Registry
    from solovirt.machinery.schema.openapi import Hashed, OpenAPI
    from solovirt.machinery.schema.protocol import Schemas

V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
V2_PROTOBUF_SENT = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
"""The same as answers spell it: with a dot."""
_YEAR = timedelta(days=365)


class OpenApiDocuments:
    """Answers /openapi/v2 and /openapi/v3…"""

    def __init__(self, registry: Registry, schemas: Schemas) -> None:
        self._registry = registry
        self._schemas = schemas
        self._made: OpenAPI | None = None
        self._since = datetime.now(UTC)

    @property
    def _documents(self) -> OpenAPI:
        if self._made is None:
            # Not before somebody asks: it brings in much that starting needs not.
            from solovirt.machinery.schema.openapi import OpenAPI

            self._made = OpenAPI(self._registry, self._schemas)
        return self._made

    async def answer(self, request: Exchange, segments: list[str]) -> web.StreamResponse:
        """Answer the path below /openapi. Raises PlainNotFound if it leads nowhere."""
        # Making a document walks all schemas, hence the threads; one that is there already is only handed out.
        if segments == ["v2"]:
            if _wants_protobuf(request.accept):
                made = await asyncio.to_thread(self._documents.v2_protobuf)
                return self._v2(request, made, V2_PROTOBUF_SENT)
            return self._v2(request, await asyncio.to_thread(self._documents.v2_json), negotiation.JSON)
        if segments == ["v3"]:
            index = await asyncio.to_thread(self._documents.v3_index)
            return _conditional(request, index, negotiation.JSON)
        if segments[:1] == ["v3"]:
            path = "/".join(segments[1:])
            document = await asyncio.to_thread(self._documents.v3, path)
            return request.answer(b"", 404) if document is None else _v3(request, path, document)
        raise failures.PlainNotFound

    def _v2(self, request: Exchange, document: Hashed, content_type: str) -> web.Response:
        response = _conditional(request, document, content_type)
        response.headers["Last-Modified"] = format_datetime(self._since, usegmt=True)
        response.headers["Vary"] = "Accept"
        return response


def _conditional(request: Exchange, document: Hashed, content_type: str) -> web.Response:
    etag = f'"{document.hash}"'
    known = request.http.headers.get("If-None-Match") == etag
    response = request.not_modified() if known else request.answer(document.content, 200, content_type)
    response.headers["ETag"] = etag
    return response


def _v3(request: Exchange, path: str, document: Hashed) -> web.Response:
    asked = options.first(request.query, "hash")
    if asked and asked != document.hash:
        response = request.answer(b"", 301)
        response.headers["Location"] = f"/openapi/v3/{path}?hash={document.hash}"
        return response
    response = _conditional(request, document, negotiation.JSON)
    if asked:
        response.headers["Cache-Control"] = "public, immutable"
        response.headers["Expires"] = format_datetime(datetime.now(UTC) + _YEAR, usegmt=True)
    return response


def _wants_protobuf(accept: str) -> bool:
    """Whether v2 is wanted as protobuf. Raises NotAcceptable if neither form will do."""
    if not accept.strip():
        return False
    for clause in negotiation.clauses(accept):
        if clause.media_type == V2_PROTOBUF:
            return True
        if clause.media_type in (negotiation.JSON, "application/*", "*/*"):
            return False
    raise NotAcceptable(f"only the following media types are accepted: {negotiation.JSON}, {V2_PROTOBUF}")
