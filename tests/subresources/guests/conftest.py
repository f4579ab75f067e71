"""One control plane with simulated guests for all tests of a module; each has an instance of its own."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import aiohttp
import pytest

from solovirt.kinds.kubevirt import names
from solovirt.machinery.resource import Document, ObjectKey
from solovirt.runtime.fake import FakeRuntime
from solovirt.runtime.protocol import GuestId
from solovirt.testing import BackgroundControlPlane
from tests import databases

PATIENCE = 10
_INSTANCES = "/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def plane() -> Iterator[BackgroundControlPlane]:
    """Its clock stands still; nothing takes time."""
    settings = {"insecure_http": True, "instant": True, "database_url": databases.url()}
    with BackgroundControlPlane(frozen=True, **settings) as plane:
        yield plane


class Instance:
    """A VirtualMachineInstance, and what can be asked of it."""

    def __init__(self, plane: BackgroundControlPlane, session: aiohttp.ClientSession, name: str) -> None:
        self.plane = plane
        self.session = session
        self.name = name

    def path(self, subresource: str, *, version: str = "v1", plural: str = "virtualmachineinstances") -> str:
        return f"/apis/subresources.kubevirt.io/{version}/namespaces/default/{plural}/{self.name}/{subresource}"

    async def put(self, subresource: str, body: Any = None, **options: str) -> tuple[int, Any]:
        """Status and body, decoded if it is a Status object."""
        async with self.session.put(self.path(subresource, **options), json=body) as answer:
            decoded = await answer.json() if answer.content_type == "application/json" and await answer.read() else ""
            return answer.status, decoded or await answer.text()

    async def get(self, subresource: str) -> tuple[int, str, bytes]:
        async with self.session.get(self.path(subresource)) as answer:
            return answer.status, answer.content_type, await answer.read()

    async def connect(self, subresource: str, **options: Any) -> aiohttp.ClientWebSocketResponse:
        path = self.path(subresource, **options)
        return await self.session.ws_connect(path, protocols=("plain.kubevirt.io",), max_msg_size=0)

    async def refusal(self, subresource: str, **options: Any) -> tuple[int, str]:
        """What a client that wants a stream is told instead."""
        headers = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        async with self.session.get(self.path(subresource, **options), headers=headers) as answer:
            status = await answer.json()
            assert status["kind"] == "Status"
            assert status["code"] == answer.status
            return answer.status, status["message"]

    # -- the instance itself

    @property
    def document(self) -> Document:
        found: Document | None = self._objects.get(names.VIRTUAL_MACHINE_INSTANCES, ObjectKey("default", self.name))
        assert found is not None
        return found

    @property
    def status(self) -> Document:
        status: Document = self.document["status"]
        return status

    def edit(self, change: Callable[[Document], Any]) -> None:
        """Write it as the node's agent would."""

        def write(document: Document) -> None:
            change(document)

        key = ObjectKey("default", self.name)
        self.plane.call(self._handler.edit(names.VIRTUAL_MACHINE_INSTANCES, key, write))

    @property
    def guest(self) -> GuestId:
        return GuestId(self.document["metadata"]["uid"])

    @property
    def runtime(self) -> FakeRuntime:
        runtime = self.plane.control_plane.runtime
        assert isinstance(runtime, FakeRuntime)
        return runtime

    @property
    def _objects(self) -> Any:
        return self.plane.control_plane.manager.tools("tester").objects

    @property
    def _handler(self) -> Any:
        from solovirt.subresources import guest_access

        return self.plane.control_plane.manager.tools("virt-controller", user=guest_access._CONTROLLER).objects

    def condition(self, type: str) -> Document | None:
        return next((one for one in self.status["conditions"] if one["type"] == type), None)


@pytest.fixture
async def session(plane: BackgroundControlPlane) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(plane.url, timeout=aiohttp.ClientTimeout(PATIENCE)) as session:
        yield session


@pytest.fixture
def start(plane: BackgroundControlPlane, session: aiohttp.ClientSession) -> Any:
    """Makes an instance, running unless it can't: `await start(annotations={...}, domain={...})`."""

    async def start(
        *, annotations: dict[str, str] | None = None, devices: Document | None = None, **spec: Any
    ) -> Instance:
        name = f"vmi-{next(_numbers)}"
        interfaces = {"interfaces": [{"name": "default", "masquerade": {}}]}
        document = {
            "apiVersion": "kubevirt.io/v1",
            "kind": "VirtualMachineInstance",
            "metadata": {
                "name": name,
                "annotations": {f"fake.solovirt.io/{key}": value for key, value in (annotations or {}).items()},
            },
            "spec": {
                "domain": {
                    "memory": {"guest": "64Mi"},
                    "devices": {**interfaces, **(devices or {})},
                    **spec.pop("domain", {}),
                },
                "networks": [{"name": "default", "pod": {}}],
                **spec,
            },
        }
        async with session.post(_INSTANCES, json=document) as answer:
            assert answer.status == 201, await answer.text()
        await asyncio.to_thread(plane.settle)
        return Instance(plane, session, name)

    return start


@pytest.fixture
async def instance(start: Any) -> Instance:
    """One that runs, with an agent that answers."""
    made: Instance = await start()
    assert made.status["phase"] == "Running"
    return made


async def read_until(socket: aiohttp.ClientWebSocketResponse, mark: bytes) -> bytes:
    """What comes up to *mark*; every frame has to be a binary one."""
    found = bytearray()
    async with asyncio.timeout(PATIENCE):
        while mark not in found:
            message = await socket.receive()
            assert message.type is aiohttp.WSMsgType.BINARY, (message, bytes(found))
            found += message.data
    return bytes(found)


async def read_to_end(socket: aiohttp.ClientWebSocketResponse) -> bytes:
    """What comes until the server closes."""
    found = bytearray()
    async with asyncio.timeout(PATIENCE):
        async for message in socket:
            assert message.type is aiohttp.WSMsgType.BINARY
            found += message.data
    return bytes(found)
