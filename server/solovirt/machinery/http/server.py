"""
The one handler behind every path.

Who is asking, may they, what is there, which verb: plain function calls in that order, with every failure rendered at one place. aiohttp's router and
middleware chain are left out: they cost as much as the rest of a GET, and the paths are not known beforehand anyway.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from solovirt.machinery.auth import impersonation
from solovirt.machinery.auth.identity import Attributes, Authenticator, Authoriser, Credentials, User
from solovirt.machinery.errors import (
    BadRequest,
    InternalError,
    MethodNotAllowed,
    NotFound,
    StatusError,
    Timeout,
    TooManyRequests,
    Unauthorized,
)
from solovirt.machinery.http import (
    decoding,
    exchange,
    failures,
    negotiation,
    options,
    paths,
    reading,
    scaling,
    subresources,
    warning_headers,
    watching,
    writing,
)
from solovirt.machinery.http.discovery import Discovery
from solovirt.machinery.http.endpoints import Endpoint, Endpoints
from solovirt.machinery.http.exchange import Exchange
from solovirt.machinery.http.health import Health
from solovirt.machinery.http.metrics import Collector, Metrics
from solovirt.machinery.http.openapi import OpenApiDocuments

if TYPE_CHECKING:
    from solovirt.machinery.clock import Clock
    from solovirt.machinery.exposition import Inventory
    from solovirt.machinery.registry import Registry
    from solovirt.machinery.resource import Document
    from solovirt.machinery.schema.protocol import Schemas
    from solovirt.machinery.store.protocol import Store
    from solovirt.machinery.verbs.protocol import Api

logger = logging.getLogger("solovirt.http")

WRITE_SECONDS = 34.0
"""How long a write may take before it is answered 504 (reference kubernetes-api.md 9)."""
_CLIENT_CLOSED_REQUEST = 499
"""What is counted for a client that left; nginx's code, for there is no standard one."""
_READING = ("GET", "HEAD")
_BEARER_PROTOCOL = "base64url.bearer.authorization.k8s.io."
_IMPERSONATE = "impersonate-"


@dataclass(frozen=True, slots=True)
class StaticDocument:
    """A document below no API group, such as the keys that tokens are signed with; who may read it is the authoriser's to say."""

    body: Callable[[], Awaitable[Document]]
    content_type: str


class ApiServer:
    """Everything that a request may need, and the handler."""

    def __init__(
        self,
        *,
        registry: Registry,
        api: Api,
        store: Store,
        schemas: Schemas,
        clock: Clock,
        authenticator: Authenticator,
        authoriser: Authoriser,
        health: Health,
        version_info: Document,
        collectors: Sequence[Collector] = (),
        inventories: Sequence[Inventory] = (),
        documents: Mapping[str, StaticDocument] | None = None,
    ) -> None:
        self.registry = registry
        self.schemas = schemas
        self.api = api
        self.store = store
        self.clock = clock
        self.health = health
        self.endpoints = Endpoints(registry)
        self.metrics = Metrics(collectors, inventories)
        self.watches = watching.Watches()
        registry.farewells.append(self.watches.end)
        self._authenticator = authenticator
        self._authoriser = authoriser
        self._documents = documents or {}
        self._discovery = Discovery(registry, version_info, paths=tuple(self._documents))
        self._openapi = OpenApiDocuments(registry, schemas)
        self._stopping = False

    async def handle(self, http: web.Request) -> web.StreamResponse:
        """Answer any request. Only cancellation (the client went away) gets out."""
        started = time.perf_counter()
        request = Exchange(http)
        response: web.StreamResponse
        try:
            response = await self._answer(request)
        except StatusError as failure:
            response = self._refusal(request, failure)
        except failures.PlainNotFound:
            response = request.text(failures.PAGE_NOT_FOUND, 404)
        except web.HTTPRequestEntityTooLarge:
            response = self._refusal(request, decoding.too_large())
        except ConnectionError:
            # The client left while it was being answered. Nobody is there to be told, and it is no error of ours: aiohttp would log one.
            response = request.text("", _CLIENT_CLOSED_REQUEST)
        except Exception as error:
            if failures.is_too_deep(error):
                # Decoding refuses most of it; the rest are documents that a write would make deeper than what can be stored.
                logger.warning("%s %s: nested too deep", request.method, request.path, extra={"request_id": request.id})
                response = self._refusal(request, BadRequest(failures.TOO_DEEP))
            else:
                logger.exception("%s %s failed", request.method, request.path, extra={"request_id": request.id})
                response = self._refusal(request, InternalError.of(f"{type(error).__name__}: {error}"))
        if not response.prepared:
            if request.warnings:
                for value in warning_headers.encode(request.warnings):
                    response.headers.add("Warning", value)
            if isinstance(response, web.Response):
                await self._compress(request, response)
        seconds = time.perf_counter() - started
        self.metrics.observe(request, response.status, seconds)
        if logger.isEnabledFor(logging.DEBUG):
            told = {"request_id": request.id, "user": request.user.name, "milliseconds": round(seconds * 1000, 3)}
            logger.debug("%s %s %s", request.method, request.path, response.status, extra=told)
        return response

    def _refusal(self, request: Exchange, failure: StatusError) -> web.Response:
        wanted = negotiation.of_error(request.accept)
        response = request.shaped(failures.encode_status(failure), wanted, failure.code)
        seconds = failure.retry_after or (failure.details or {}).get("retryAfterSeconds")
        if seconds:
            response.headers["Retry-After"] = str(seconds)
        return response

    async def _compress(self, request: Exchange, response: web.Response) -> None:
        body = response.body
        if not isinstance(body, bytes) or len(body) <= exchange.GZIP_ABOVE or not request.accepts_gzip:
            return
        response.body = await asyncio.to_thread(exchange.compress, body)
        response.headers["Content-Encoding"] = "gzip"
        response.headers.add("Vary", "Accept-Encoding")

    async def _answer(self, request: Exchange) -> web.StreamResponse:
        request.user = self._impersonated(request, self._authenticate(request))
        segments = paths.split(request.path)
        path = paths.resource_path(segments) if segments is not None else None
        if path is None:
            request.verb = request.method.lower()
            self._authorise(request.user, Attributes(request.verb, path=request.path))
            if segments is None:
                raise failures.PlainNotFound
            return await self._non_resource(request, segments)
        request.resource = path
        request.verb = path.verb(request.method, watching=request.watching)
        self._authorise(
            request.user,
            Attributes(
                request.verb,
                path.group,
                path.version,
                path.plural,
                # What comes after the first segment is for whoever handles the subresource to interpret.
                path.subresource.partition("/")[0],
                path.namespace,
                path.name or _selected_name(request),
            ),
        )
        if self._stopping:
            raise TooManyRequests("the server is shutting down, please try again later", details={}, retry_after=5)
        endpoint = self._endpoint(path)
        request.known = True
        if endpoint.deprecation is not None:
            request.warnings.append(endpoint.deprecation)
        if (prepare := self.registry.preparation(endpoint.resource.group_resource)) is not None:
            await prepare(request.verb, path.name)
        if request.verb == "watch":
            if "watch" not in endpoint.verbs or path.subresource:
                raise MethodNotAllowed
            return await watching.watch(self, request, endpoint, path)
        verb = self._verb(endpoint, path, request)
        if path.subresource and path.subresource not in ("status", "scale"):
            return await verb(self, request, endpoint, path)
        if request.method in _READING:
            # Memory answers, and what may take long, sending it, has a limit of its own.
            return await verb(self, request, endpoint, path)
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                return await verb(self, request, endpoint, path)
        except TimeoutError:
            raise Timeout(
                "Timeout: request did not complete within the allotted time", details={}, retry_after=1
            ) from None

    def _authenticate(self, request: Exchange) -> User:
        http = request.http
        header = http.headers.get("Authorization")
        token = None
        if header is not None:
            scheme, _, token = header.partition(" ")
            token = token.strip() if scheme.lower() == "bearer" else None
        elif "Sec-WebSocket-Protocol" in http.headers:
            token = _websocket_token(http.headers["Sec-WebSocket-Protocol"])
        user = self._authenticator.authenticate(Credentials(token or None, *_certificate(http)))
        return user if user is not None else request.user

    def _impersonated(self, request: Exchange, user: User) -> User:
        """Who *user* acts as: themselves, or another whom they may impersonate. Raises BadRequest or Forbidden."""
        headers = request.http.headers
        # Of every request there is, hardly one has such a header: the first letter rules out most others.
        if not any(name[0] in "Ii" and name.lower().startswith(_IMPERSONATE) for name in headers):
            return user
        wanted = impersonation.wanted(headers)
        if wanted is None:
            return user
        for attributes in impersonation.claims(wanted):
            self._authorise(user, attributes)
        return impersonation.become(wanted)

    def allows(self, user: User, attributes: Attributes) -> tuple[bool, str]:
        """Whether *user* may, and why or why not, as far as it is known."""
        return self._authoriser.allows(user, attributes)

    def _authorise(self, user: User, attributes: Attributes) -> None:
        allowed, why = self._authoriser.allows(user, attributes)
        if not allowed:
            raise failures.forbidden(user, attributes, why)

    def _endpoint(self, path: paths.ResourcePath) -> Endpoint:
        endpoint = self.endpoints.find(path.group, path.version, path.plural)
        if endpoint is not None:
            # A namespaced object is only found below its namespace, and a cluster's never below one (but a namespace is its own).
            missing = bool(path.name) and not path.namespace
            misplaced = bool(path.namespace) and not (path.plural == "namespaces" and not path.group)
            if not (missing if endpoint.resource.namespaced else misplaced):
                return endpoint
        if self.endpoints.is_built_in(path.group, path.version):
            raise NotFound.path()
        raise failures.PlainNotFound

    def _verb(self, endpoint: Endpoint, path: paths.ResourcePath, request: Exchange) -> Verb:
        """Which function answers. Raises MethodNotAllowed, or as for a path that is not there."""
        if path.watch:
            raise MethodNotAllowed
        if path.subresource:
            return self._subresource_verb(endpoint, path, request)
        if endpoint.resource.virtual:
            if endpoint.resource.namespaced and not path.namespace:
                raise NotFound.path()
            if request.verb not in endpoint.verbs or path.name:
                raise MethodNotAllowed
            return subresources.answer_virtual
        name = request.verb
        if name not in endpoint.verbs and not (name == "create" and path.name):
            raise MethodNotAllowed
        if endpoint.resource.namespaced and not path.namespace and name != "list":
            # All namespaces at once can only be read.
            raise MethodNotAllowed
        verb = _VERBS.get(name)
        if verb is None or (path.name and name == "create" and endpoint.built_in):
            raise MethodNotAllowed
        return verb

    def _subresource_verb(self, endpoint: Endpoint, path: paths.ResourcePath, request: Exchange) -> Verb:
        if path.subresource == "status" and endpoint.has_status:
            verb = {"get": reading.get, "update": writing.update, "patch": writing.patch}.get(request.verb)
            if verb is None:
                raise MethodNotAllowed
            request.subresource = "status"
            return verb
        if path.subresource == "scale" and "scale" in endpoint.subresources:
            verb = {"get": scaling.get, "update": scaling.update, "patch": scaling.patch}.get(request.verb)
            if verb is None:
                raise MethodNotAllowed
            request.subresource = "scale"
            return verb
        subresource = subresources.declared(endpoint, path.subresource)
        if subresource is None:
            if endpoint.built_in:
                raise NotFound.path()
            raise failures.PlainNotFound
        request.subresource = subresource.name
        return subresources.answer

    async def _non_resource(self, request: Exchange, segments: list[str]) -> web.StreamResponse:
        first = segments[0] if segments else ""
        if first in ("healthz", "livez", "readyz"):
            return self.health.answer(request, first, segments[1:])
        if request.method not in _READING:
            if first in ("", "api", "apis", "version", "openapi", "metrics"):
                raise MethodNotAllowed
            raise failures.PlainNotFound
        if first == "metrics" and len(segments) == 1:
            self.metrics.watches = len(self.watches)
            return request.answer(*await self.metrics.scrape())
        if first == "openapi":
            return await self._openapi.answer(request, segments[1:])
        document = self._documents.get(request.path)
        if document is not None:
            body = await document.body()
            response = request.answer(orjson.dumps(body), 200, document.content_type)
            response.headers["Cache-Control"] = "public, max-age=3600"
            return response
        return self._discovery.answer(request, segments)

    async def stop(self, _: object = None) -> None:
        """Refuse new requests and end all watches."""
        self._stopping = True
        self.health.shut_down()
        self.watches.close()


def _selected_name(request: Exchange) -> str:
    """The one object that a list or watch is about by its field selector."""
    if not request.query or request.verb not in ("list", "watch"):
        return ""
    return paths.selected_name(options.first(request.query, "fieldSelector"))


Verb = Callable[[ApiServer, Exchange, Endpoint, paths.ResourcePath], Awaitable[web.StreamResponse]]

_VERBS: dict[str, Verb] = {
    "get": reading.get,
    "list": reading.list_,
    "create": writing.create,
    "update": writing.update,
    "patch": writing.patch,
    "delete": writing.delete,
    "deletecollection": writing.delete_collection,
}


def _certificate(http: web.Request) -> tuple[str | None, tuple[str, ...], str]:
    """Common name, organisations and digest of the client's certificate; the TLS layer has verified it."""
    transport = http.transport
    certificate = transport.get_extra_info("peercert") if transport is not None else None
    if transport is None or not certificate:
        return None, (), ""
    subject = [pair for relative in certificate.get("subject", ()) for pair in relative]
    name = next((value for key, value in subject if key == "commonName"), None)
    whole = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
    organisations = tuple(value for key, value in subject if key == "organizationName")
    return name, organisations, hashlib.sha256(whole or b"").hexdigest()


def _websocket_token(protocols: str) -> str | None:
    """The bearer token that browsers send as a websocket subprotocol, as they can set no headers. Raises Unauthorized if it is garbled."""
    for protocol in protocols.split(","):
        name = protocol.strip()
        if name.startswith(_BEARER_PROTOCOL):
            encoded = name[len(_BEARER_PROTOCOL) :]
            padded = encoded + "=" * (-len(encoded) % 4)
            try:
                return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
            except (binascii.Error, ValueError):
                raise Unauthorized from None
    return None
