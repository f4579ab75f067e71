"""One whole control plane for each test module, and a client that shows its answers as they are on the wire."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from multidict import CIMultiDictProxy

from solovirt.control_plane import ControlPlane
from solovirt.settings import Settings
from tests.served import Kind, Served, listed


@dataclass
class Reply:
    """An answer, read to its end."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        message: str = self.json["message"]
        return message

    @property
    def warnings(self) -> list[str]:
        """The texts of the Warning headers."""
        found = self.headers.getall("Warning", [])
        return [json.loads(one.removeprefix("299 - ")) for one in found]


class Client:
    """Asks the control plane, sending nothing that the test does not ask for."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """*body* is sent as JSON unless it is bytes or a stream; *headers* are written with underscores for dashes."""
        data = json.dumps(body).encode() if isinstance(body, dict | list) else body
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(
            method,
            self.url + path,
            data=data,
            headers=given,
            skip_auto_headers={"Content-Type", "Accept", "Accept-Encoding", "User-Agent"} - set(given),
            allow_redirects=False,
        ) as answer:
            return Reply(answer.status, answer.headers, await answer.read())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    control_plane = ControlPlane(
        Settings(
            data_dir=tmp_path_factory.mktemp("control-plane"),
            database_url="sqlite+aiosqlite://",
            listen="127.0.0.1:0",
            insecure_http=True,
        )
    )
    await control_plane.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield Client(session, control_plane.url)
    finally:
        await control_plane.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(client: Client) -> Served:
    """What the running server publishes."""
    index = (await client("GET", "/openapi/v3")).json["paths"]
    return Served({path: (await client("GET", one["serverRelativeURL"])).json for path, one in index.items()})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kinds(client: Client) -> dict[tuple[str, str], Kind]:
    """Every kind that discovery lists, by apiVersion and plural."""
    groups = (await client("GET", "/apis")).json["groups"]
    versions = [("", "v1"), *((group["name"], one["version"]) for group in groups for one in group["versions"])]
    out = {}
    for group, version in versions:
        path = f"/apis/{group}/{version}" if group else f"/api/{version}"
        for kind in listed(group, version, (await client("GET", path)).json["resources"]):
            out[kind.api_version, kind.plural] = kind
    return out
