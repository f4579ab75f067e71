"""
Requests that the server itself makes: webhooks.

One `WebhookClient` serves all webhooks of a control plane. What goes wrong is told as Go's HTTP client tells it, because that is what ends up in the
answers to users (reference: k8s.io/apiserver, pkg/util/webhook).
"""

from __future__ import annotations

import asyncio
import base64
import errno
import hashlib
import math
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import orjson

from solovirt.machinery.resource import Document

_MOST_BYTES = 8 << 20
_JSON = {
    "Content-Type": "application/json",
    "Accept": "application/json, */*",
    "User-Agent": "kube-apiserver-admission",
}
_SHOWN_BYTES = 2048
_ERRNO = {
    errno.ECONNREFUSED: "connect: connection refused",
    errno.EHOSTUNREACH: "connect: no route to host",
    errno.ENETUNREACH: "connect: network is unreachable",
    errno.ECONNRESET: "read: connection reset by peer",
}


class WebhookUnreachable(Exception):
    """The webhook was not reached, or what it answered is no answer. The text is Go's, as near as can be told."""


@dataclass(frozen=True, slots=True)
class WebhookConfig:
    """Where a webhook is: the `clientConfig` of its configuration."""

    url: str = ""
    service: tuple[str, str, str, int] | None = None
    """Namespace, name, path and port, if it is a Service's."""
    authority_pem: str = ""
    """Who signs its certificate; without, whom the system trusts."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> WebhookConfig:
        """Read a clientConfig, of an admission or a conversion webhook."""
        service = document.get("service")
        where = None
        if service:
            path, port = service.get("path") or "", service.get("port") or 443
            where = (service.get("namespace", ""), service.get("name", ""), path, port)
        authority = base64.b64decode(document.get("caBundle") or "").decode(errors="replace").strip()
        return cls(document.get("url") or "", where, authority)


Resolve = Callable[[str, str, int], tuple[str, int]]
"""Finds host and port of a Service by its namespace, name and port. Raises WebhookUnreachable."""


class WebhookClient:
    """Posts to webhooks. *resolve* finds Services."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._session: aiohttp.ClientSession | None = None
        self._contexts: dict[str, ssl.SSLContext] = {}

    async def close(self) -> None:
        """Close what connections there are. It may be used again afterwards."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def post(self, config: WebhookConfig, document: Document, *, seconds: float) -> Document:
        """
        Send *document*, and return what comes back as JSON.

        Raises WebhookUnreachable if nothing comes within *seconds*, or nothing that can be read.
        """
        url = self._url(config, seconds)
        try:
            async with asyncio.timeout(seconds):
                status, body = await self._exchange(config, url, orjson.dumps(document))
        except TimeoutError:
            raise WebhookUnreachable(_posting(url, "context deadline exceeded")) from None
        except aiohttp.ClientError as error:
            raise WebhookUnreachable(_posting(url, _in_go(error))) from None
        except (OSError, ssl.SSLError, ValueError) as error:
            raise WebhookUnreachable(_posting(url, str(error))) from None
        if not 200 <= status < 300:
            raise WebhookUnreachable(_refused(status, body))
        return _decoded(body)

    def _url(self, config: WebhookConfig, seconds: float) -> str:
        timeout = f"timeout={math.ceil(seconds)}s"
        if config.service is not None:
            namespace, name, path, port = config.service
            return f"https://{name}.{namespace}.svc:{port}/{path.lstrip('/')}?{timeout}"
        parts = urlsplit(config.url)
        return urlunsplit((parts.scheme, parts.netloc, parts.path, timeout, ""))

    async def _exchange(self, config: WebhookConfig, url: str, body: bytes) -> tuple[int, bytes]:
        where, server_name = url, None
        if config.service is not None:
            namespace, name, _, port = config.service
            try:
                host, port = self._resolve(namespace, name, port)
            except WebhookUnreachable as error:
                raise aiohttp.ClientError(str(error)) from None
            server_name = f"{name}.{namespace}.svc"
            where = urlunsplit(urlsplit(url)._replace(netloc=f"{host}:{port}"))
        if self._session is None:
            # Answers are for one request each; cookies of one webhook are no other's business.
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=True)
        async with self._session.post(
            where,
            data=body,
            headers=_JSON,
            allow_redirects=False,
            ssl=await self._context(config.authority_pem) if where.startswith("https:") else False,
            server_hostname=server_name,
            timeout=aiohttp.ClientTimeout(total=None),
        ) as answer:
            content = await answer.content.read(_MOST_BYTES + 1)
            while len(content) <= _MOST_BYTES and not answer.content.at_eof():
                content += await answer.content.read(_MOST_BYTES + 1 - len(content))
            if len(content) > _MOST_BYTES:
                raise aiohttp.ClientError(f"the answer has more than {_MOST_BYTES} bytes")
            return answer.status, content

    async def _context(self, authority_pem: str) -> ssl.SSLContext:
        key = hashlib.sha256(authority_pem.encode()).hexdigest()
        context = self._contexts.get(key)
        if context is None:
            # Reading the system's certificates takes its time.
            made = await asyncio.to_thread(ssl.create_default_context, cadata=authority_pem or None)
            context = self._contexts.setdefault(key, made)
        return context


def _posting(url: str, problem: str) -> str:
    return f'Post "{url}": {problem}'


def _in_go(error: aiohttp.ClientError) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"tls: failed to verify certificate: x509: {_certificate(str(error.certificate_error))}"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"dial tcp: lookup {error.host}: no such host"
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return f"tls: {error.os_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        known = _ERRNO.get(error.os_error.errno or 0, f"connect: {error.os_error.strerror}")
        return f"dial tcp {error.host}:{error.port}: {known}"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "EOF"
    return str(error) or type(error).__name__


def _certificate(text: str) -> str:
    if "self-signed" in text or "self signed" in text or "issuer" in text:
        return "certificate signed by unknown authority"
    if "expired" in text:
        return "certificate has expired or is not yet valid"
    _, _, reason = text.partition("certificate verify failed: ")
    return (reason or text).partition(" (_ssl")[0]


def _refused(status: int, body: bytes) -> str:
    """What Go's REST client makes of an answer that is no success: the Status in it, or a text of its own."""
    try:
        document = orjson.loads(body)
    except ValueError:
        document = None
    if isinstance(document, dict) and document.get("kind") == "Status" and document.get("message"):
        return str(document["message"])
    if status == 404:
        return "the server could not find the requested resource"
    text = body[:_SHOWN_BYTES].decode(errors="replace").strip().replace('"', '\\"') or "unknown"
    if status >= 500:
        return f'an error on the server ("{text}") has prevented the request from succeeding'
    return f'the server responded with the status code {status} but did not return more information ("{text}")'


def _decoded(body: bytes) -> Document:
    try:
        document = orjson.loads(body)
    except ValueError as error:
        raise WebhookUnreachable(f"couldn't get version/kind; json parse error: {error}") from None
    if not isinstance(document, dict):
        raise WebhookUnreachable("couldn't get version/kind; json parse error: no object")
    if not document.get("kind"):
        shown = body[:_SHOWN_BYTES].decode(errors="replace").strip()
        raise WebhookUnreachable(f"Object 'Kind' is missing in '{shown}'")
    return document
