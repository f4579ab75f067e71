"""A small container registry on loopback, and images for it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests.volumes.files.conftest import Site

OCI = "application/vnd.oci.image"
HERE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def layer(files: dict[str, bytes], pack: Callable[[bytes], bytes] = gzip.compress) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            if name.endswith("/"):
                info.type = tarfile.DIRTYPE
            archive.addfile(info, io.BytesIO(content))
    return pack(out.getvalue())


class Registry:
    """What registries do, with token authentication if *password* is set."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self.password: str | None = None
        self.tokens_given = 0
        self.blobs_served = 0
        router = site.application.router
        router.add_get("/token", self._token)
        router.add_get("/v2/{name:.+}/manifests/{reference}", self._manifest)
        router.add_get("/v2/{name:.+}/blobs/{digest}", self._blob)
        router.add_get("/cdn/{digest}", self._cdn)

    def blob(self, content: bytes) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.blobs[digest] = content
        return {"digest": digest, "size": len(content)}

    def manifest(self, reference: str, kind: str, document: dict[str, Any]) -> str:
        content = json.dumps(document).encode()
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.manifests[digest] = self.manifests[reference] = (kind, content)
        return digest

    def image(self, reference: str, *layers: bytes, architecture: str = HERE, env: list[str] | None = None) -> str:
        config = self.blob(json.dumps({"architecture": architecture, "config": {"Env": env or []}}).encode())
        document = {"schemaVersion": 2, "config": config, "layers": [self.blob(one) for one in layers]}
        return self.manifest(reference, f"{OCI}.manifest.v1+json", document)

    def _authenticate(self, request: web.Request) -> None:
        if self.password is not None and request.headers.get("Authorization") != "Bearer opensesame":
            challenge = f'Bearer realm="{self.site.url}/token",service="test",scope="repository:vm/disk:pull"'
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": challenge})

    async def _token(self, request: web.Request) -> web.Response:
        basic = base64.b64encode(f"jane:{self.password}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {basic}":
            raise web.HTTPUnauthorized
        assert dict(request.query) == {"service": "test", "scope": "repository:vm/disk:pull"}
        self.tokens_given += 1
        return web.json_response({"token": "opensesame"})

    async def _manifest(self, request: web.Request) -> web.Response:
        self._authenticate(request)
        found = self.manifests.get(request.match_info["reference"])
        if found is None:
            raise web.HTTPNotFound
        return web.Response(body=found[1], content_type=found[0])

    async def _blob(self, request: web.Request) -> web.Response:
        self._authenticate(request)
        # As large registries do: the bytes are elsewhere, under another name of this machine.
        host = self.site.host.replace("127.0.0.1", "localhost")
        raise web.HTTPTemporaryRedirect(f"http://{host}/cdn/{request.match_info['digest']}")

    async def _cdn(self, request: web.Request) -> web.Response:
        assert "Authorization" not in request.headers
        self.blobs_served += 1
        return web.Response(body=self.blobs[request.match_info["digest"]])
