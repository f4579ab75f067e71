"""One whole control plane for each test module, and a client that shows its answers as they are on the wire."""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from multidict import CIMultiDictProxy

from solovirt.control_plane import ControlPlane
from solovirt.settings import Settings
from tests import databases
from tests.conformance import example
from tests.served import Kind, Served, listed

MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


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
        if isinstance(data, bytes) and len(data) > 1 << 20:
            data = io.BytesIO(data)
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

    async def get(self, path: str, **headers: str) -> Any:
        """The document at *path*, which is there."""
        reply = await self("GET", path, **headers)
        assert reply.status == 200, (path, reply.body)
        return reply.json

    async def made(self, path: str, body: Any, **headers: str) -> Any:
        """What a POST to *path* makes; the test fails if it is refused."""
        reply = await self("POST", path, body, **headers)
        assert reply.status == 201, (path, reply.body)
        return reply.json

    async def merged(self, path: str, patch: Any, **headers: str) -> Any:
        """What a merge patch makes of the object at *path*; the test fails if it is refused."""
        reply = await self("PATCH", path, patch, Content_Type=MERGE, **headers)
        assert reply.status == 200, (path, reply.body)
        return reply.json

    async def applied(self, path: str, document: Any, manager: str, query: str = "") -> Reply:
        """The answer to an apply of *document* to *path* by *manager*."""
        return await self("PATCH", f"{path}?fieldManager={manager}{query}", document, Content_Type=APPLY)

    @contextlib.asynccontextmanager
    async def watch(self, path: str, query: str = "", **headers: str) -> AsyncIterator[Stream]:
        """The events at the collection *path*, as they come."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.get(f"{self.url}{path}?watch=1&{query}", headers=given) as answer:
            assert answer.status == 200, await answer.read()
            yield Stream(answer)

    async def until(self, path: str, holds: Callable[[Reply], bool]) -> Reply:
        """The answer at *path* once *holds* is true of it; fails after some seconds."""
        for _ in range(200):
            reply = await self("GET", path)
            if holds(reply):
                return reply
            await asyncio.sleep(0.02)
        raise AssertionError(f"{path} is still {reply.status} {reply.body!r}")

    async def gone(self, path: str) -> None:
        await self.until(path, lambda reply: reply.status == 404)


class Stream:
    """A watch that is under way."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.headers = answer.headers
        self._lines = answer.content

    async def line(self, seconds: float = 5.0) -> bytes:
        """The next line; empty at the end of the stream. Raises TimeoutError."""
        return await asyncio.wait_for(self._lines.readline(), seconds)

    async def next(self, seconds: float = 5.0) -> Any:
        """The next event."""
        line = await self.line(seconds)
        assert line.endswith(b"\n"), line
        return json.loads(line)

    async def take(self, count: int) -> list[Any]:
        return [await self.next() for _ in range(count)]

    async def told(self, count: int) -> list[tuple[str, str]]:
        """Type and name of the next *count* events."""
        return [(one["type"], one["object"]["metadata"].get("name", "")) for one in await self.take(count)]


@dataclass(frozen=True)
class Space:
    """A namespace of the test's own."""

    name: str

    def core(self, plural: str) -> str:
        return f"/api/v1/namespaces/{self.name}/{plural}"

    def of(self, group: str, plural: str, version: str = "v1") -> str:
        return f"/apis/{group}/{version}/namespaces/{self.name}/{plural}"

    @property
    def maps(self) -> str:
        return self.core("configmaps")

    @property
    def vms(self) -> str:
        """Objects of the example's kind; ask for the fixture *examples* to have it."""
        return self.of(example.GROUP, "vms")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    control_plane = ControlPlane(
        Settings(
            data_dir=tmp_path_factory.mktemp("control-plane"),
            database_url=databases.url(),
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


_numbers = itertools.count(1)


@pytest_asyncio.fixture(loop_scope="module")
async def space(client: Client) -> Space:
    name = f"space-{next(_numbers)}"
    await client.made("/api/v1/namespaces", {"metadata": {"name": name}})
    return Space(name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def examples(client: Client) -> None:
    """The kind VM of example.com is served."""
    await client.made(example.DEFINITIONS, example.DEFINITION)

    def established(reply: Reply) -> bool:
        conditions = reply.json.get("status", {}).get("conditions") or ()
        return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)

    await client.until(f"{example.DEFINITIONS}/vms.example.com", established)
