"""
Connections whose requests do not get as far as a handler.

The HTTP library knows a closed set of methods and answers any other with a text of its own. A real API server takes every token for a method, and
finds that no path has it: 405 with a Status (reference kubernetes-api.md 4).
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMethod

from solovirt.machinery.errors import MethodNotAllowed
from solovirt.machinery.http.failures import encode_status
from solovirt.machinery.http.negotiation import JSON

if TYPE_CHECKING:
    from aiohttp.web_server import Server

# A request line as the library quotes it: a token, a path and the version.
_REQUEST_LINE = re.compile(r"b['\"][!#$%&'*+.^_`|~0-9A-Za-z-]+ /\S* HTTP/1\.[01]['\"]")


class Connection(web.RequestHandler):
    """One client's connection."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what could not be parsed, and close."""
        answer = super().handle_error(request, status, exc, message)
        if isinstance(exc, BadHttpMethod) and _REQUEST_LINE.search(message or ""):
            refusal = MethodNotAllowed()
            answer = web.Response(body=encode_status(refusal), status=refusal.code, content_type=JSON)
            answer.force_close()
        return answer


class Runner(web.AppRunner):
    """Serves an application over `Connection`s."""

    async def _make_server(self) -> Server:
        server = await super()._make_server()
        # The library has no other way to say what a server makes its connections of.
        server.__class__ = _Server
        return server

    async def end(self) -> None:
        """
        Close the listener and the connections, at once.

        A polite end of TLS waits for the client's part in it. One that keeps an idle connection open has no reason to answer, and this loop
        may be gone before it would.
        """
        connections = list(self.server.connections) if self.server is not None else []
        transports = [connection.transport for connection in connections]
        await self.cleanup()
        for transport in transports:
            if transport is not None:
                transport.abort()
        await asyncio.sleep(0)  # their ends are told to the loop now, not when somebody collects garbage


class _Server(web.Server):
    def __call__(self) -> Connection:
        return Connection(self, loop=self._loop, **self._kwargs)
