"""A whole server over an in-memory store, and a client that shows answers as they are on the wire."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web
from multidict import CIMultiDictProxy

from solovirt.machinery.auth.authoriser import MastersOnly
from solovirt.machinery.auth.identity import User
from solovirt.machinery.auth.tokens import TokenAuthenticator
from solovirt.machinery.clock import ManualClock
from solovirt.machinery.http.app import create_app
from solovirt.machinery.http.health import Health
from solovirt.machinery.registry import Registry
from solovirt.machinery.schema.compiled import SchemaSet
from solovirt.machinery.store.sql import SqlStore
from solovirt.machinery.verbs.api import Verbs
from tests import databases
from tests.machinery.http import kinds

ADMIN = {"Authorization": "Bearer admin-token"}
ALICE = {"Authorization": "Bearer alice-token"}
VERSION = {"major": "1", "minor": "36", "gitVersion": "v1.36.2"}


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


class Client:
    """Asks as the administrator unless told otherwise."""

    def __init__(self, raw):
        self.raw = raw

    async def __call__(self, method, path, body=None, *, headers=None, user=ADMIN, **kwargs):
        data = json.dumps(body).encode() if isinstance(body, dict | list) else body
        given = {**user, **(headers or {})}
        # Nothing is sent that a test does not ask for.
        skip = {"Content-Type", "Accept", "Accept-Encoding"} - set(given)
        async with self.raw.request(
            method, path, data=data, headers=given, skip_auto_headers=skip, allow_redirects=False, **kwargs
        ) as answer:
            return Reply(answer.status, answer.headers, await answer.read())

    async def get(self, path, **kwargs):
        return await self("GET", path, **kwargs)


@pytest.fixture
def registry():
    registry = Registry()
    for resource in kinds.ALL:
        registry.register(resource)
    return registry


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
async def store(registry, clock):
    store = SqlStore(databases.url(), clock=clock, selectable=registry.selectable)
    await store.start()
    yield store
    await store.close()


@pytest.fixture
def health():
    return Health()


@pytest.fixture
def app(registry, store, clock, health) -> web.Application:
    schemas = SchemaSet(registry)
    tokens = {
        "admin-token": User("admin", ("system:masters",)),
        "alice-token": User("alice"),
    }
    return create_app(
        registry=registry,
        api=Verbs(registry, store, schemas, clock),
        store=store,
        schemas=schemas,
        clock=clock,
        authenticator=TokenAuthenticator(tokens),
        authoriser=MastersOnly(),
        health=health,
        version_info=VERSION,
    )


@pytest.fixture
async def http(app, aiohttp_client):
    """A client of a server with no namespaces."""
    return Client(await aiohttp_client(app, auto_decompress=False))


@pytest.fixture
async def client(http):
    """A client of a server that has the namespace `default`."""
    reply = await http("POST", "/api/v1/namespaces", {"metadata": {"name": "default"}})
    assert reply.status == 201, reply.body
    return http
