"""
Container registries (OCI distribution and Docker Registry v2), as far as fetching images needs them.

Everything is checked against the digest by which it was asked for, so it does not matter who serves it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import platform
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any

import aiohttp

from solovirt.volumes.files.failure import TransferFailed, unusable

_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_LARGEST_DOCUMENT = 4 << 20
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_DIGEST = re.compile(r"^sha256:[0-9a-f]{64}$")
_REFERENCE = re.compile(
    r"^(?P<name>[a-zA-Z0-9][a-zA-Z0-9._\-:\[\]]*(?:/[a-z0-9][a-z0-9._\-]*)*?)(?::(?P<tag>[\w][\w.\-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?$"
)
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def this_architecture() -> str:
    """This machine's, as Go names it."""
    return _ARCHITECTURES.get(platform.machine(), platform.machine())


class RegistryFailed(Exception):
    """A registry can't give what it was asked for; the text says why."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Where an image is."""

    host: str
    repository: str
    tag: str
    digest: str

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read `host/repository:tag@digest`, as docker does; no tag is `latest`. Raises RegistryFailed."""
        found = _REFERENCE.match(text)
        if found is None:
            raise RegistryFailed(f"invalid reference format: {text}")
        first, slash, rest = found["name"].partition("/")
        if slash and ("." in first or ":" in first or first == "localhost"):
            host, repository = first, rest
        else:
            host, repository = "docker.io", found["name"]
        if host == "docker.io":
            host = "registry-1.docker.io"
            if "/" not in repository:
                repository = f"library/{repository}"
        digest = found["digest"] or ""
        return cls(host, repository, found["tag"] or ("" if digest else "latest"), digest)


@dataclass(frozen=True, slots=True)
class Layer:
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Image:
    """An image for one architecture."""

    digest: str
    """Of its manifest."""
    layers: tuple[Layer, ...]
    """From the lowest on."""
    environment: Mapping[str, str]


class Registry:
    """One registry, for one repository. *insecure* names hosts that are spoken to without TLS."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        reference: Reference,
        *,
        tls: SSLContext | bool,
        insecure: Collection[str] = (),
        credentials: tuple[str, str] | None = None,
    ) -> None:
        self._session = session
        self._reference = reference
        self.tls = tls
        scheme = "http" if reference.host in insecure else "https"
        self._base = f"{scheme}://{reference.host}/v2/{reference.repository}"
        self._basic = None
        if credentials is not None:
            self._basic = "Basic " + base64.b64encode(":".join(credentials).encode()).decode()
        self._authorization: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What lets one fetch blobs, after `image`."""
        return {"Authorization": self._authorization} if self._authorization else {}

    def blob_url(self, digest: str) -> str:
        return f"{self._base}/blobs/{digest}"

    async def digest(self) -> str:
        """The digest of what the reference names: an image's, or an index's. Raises as `image` does."""
        digest, _ = await self._manifest(self._reference.digest or self._reference.tag)
        return digest

    async def image(self, architecture: str | None = None) -> Image:
        """
        Look the image up, for *architecture* (as Go names it) or this machine's.

        Raises RegistryFailed, aiohttp.ClientError, TimeoutError, and TransferFailed if there is none for the architecture.
        """
        wanted = architecture or this_architecture()
        digest, manifest = await self._manifest(self._reference.digest or self._reference.tag)
        if "manifests" in manifest:
            digest, manifest = await self._manifest(of_architecture(manifest["manifests"], wanted))
        try:
            layers = tuple(Layer(_digest(one["digest"]), int(one["size"])) for one in manifest["layers"])
            config = json.loads(await self._document(f"/blobs/{_digest(manifest['config']['digest'])}"))
        except (KeyError, TypeError, ValueError) as error:
            raise RegistryFailed(f"the manifest {digest} is of no kind that is known") from error
        found = config.get("architecture")
        if architecture is not None and found and found != architecture:
            raise unusable(
                f'manifest image architecture: "{found}" doesn\'t match requested architecture: "{architecture}"'
            )
        return Image(digest, layers, environment_of(config))

    async def _manifest(self, name: str) -> tuple[str, dict[str, Any]]:
        body = await self._document(f"/manifests/{name}")
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        try:
            manifest = json.loads(body)
        except ValueError as error:
            raise RegistryFailed(f"the manifest {name} is no JSON") from error
        if not isinstance(manifest, dict):
            raise RegistryFailed(f"the manifest {name} is of no kind that is known")
        return digest, manifest

    async def _document(self, path: str) -> bytes:
        """A manifest or a configuration, checked if its name is a digest."""
        response = await self._get(path)
        async with response:
            if response.status != 200:
                raise RegistryFailed(f"{response.url}: {response.status} {response.reason}")
            body = await _body(response)
        digest = path.rpartition("/")[2]
        if _DIGEST.match(digest) and f"sha256:{hashlib.sha256(body).hexdigest()}" != digest:
            raise RegistryFailed(f"{response.url} is not what its digest says")
        return body

    async def _get(self, path: str) -> aiohttp.ClientResponse:
        url = self._base + path
        accept = {"Accept": ", ".join(_MANIFESTS)} if path.startswith("/manifests/") else {}
        # aiohttp itself keeps the authorization from other hosts that blobs are redirected to.
        response = await self._session.get(url, headers={**self.headers, **accept}, ssl=self.tls)
        if response.status != 401 or self._authorization is not None:
            return response
        challenge = response.headers.get("WWW-Authenticate", "")
        response.release()
        self._authorization = await self._authorize(challenge)
        return await self._session.get(url, headers={**self.headers, **accept}, ssl=self.tls)

    async def _authorize(self, challenge: str) -> str:
        """The Authorization that a registry's challenge asks for."""
        scheme, _, rest = challenge.partition(" ")
        asked = dict(_CHALLENGE.findall(rest))
        if scheme.lower() == "basic" and self._basic is not None:
            return self._basic
        if scheme.lower() != "bearer" or "realm" not in asked:
            raise RegistryFailed("authentication required")
        query = {"scope": asked.get("scope") or f"repository:{self._reference.repository}:pull"}
        if "service" in asked:
            query["service"] = asked["service"]
        headers = {"Authorization": self._basic} if self._basic is not None else {}
        async with self._session.get(asked["realm"], params=query, headers=headers, ssl=self.tls) as response:
            if response.status != 200:
                raise RegistryFailed(f"authentication failed: {response.status} {response.reason}")
            body = await _body(response)
        try:
            answer = json.loads(body)
            token = answer.get("token") or answer["access_token"]
        except (ValueError, AttributeError, KeyError) as error:
            raise RegistryFailed("authentication failed: the answer has no token") from error
        return f"Bearer {token}"


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > _LARGEST_DOCUMENT:
            raise RegistryFailed(f"{response.url} is larger than {_LARGEST_DOCUMENT} bytes")
    return bytes(body)


def _digest(text: str) -> str:
    if not _DIGEST.match(text):
        raise ValueError(f"no digest: {text}")
    return text


def environment_of(config: Mapping[str, Any]) -> dict[str, str]:
    """The variables of an image's configuration."""
    variables = ((config.get("config") or {}).get("Env")) or ()
    return dict(one.split("=", 1) for one in variables if "=" in one)


def of_architecture(manifests: list[dict[str, Any]], wanted: str) -> str:
    """The digest of the first manifest of an index for *wanted*."""
    for one in manifests:
        of_image = one.get("platform") or {}
        if of_image.get("architecture") == wanted and of_image.get("os", "linux") == "linux":
            return _digest(one["digest"])
    raise TransferFailed(f"Unable to process data: no image found in image index for architecture {wanted}")
