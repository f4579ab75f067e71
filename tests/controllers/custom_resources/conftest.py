"""A control plane over HTTP in the test's own process, and a short way to ask it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from solovirt.control_plane import ControlPlane
from solovirt.settings import Settings

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "/apis/example.com/v1/namespaces/default/widgets"


@dataclass
class Answer:
    status: int
    body: Any
    warnings: list[str]


class Server:
    """One control plane, which can be started again on the same data."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.plane: ControlPlane
        self._session: aiohttp.ClientSession

    async def start(self) -> None:
        settings = Settings(data_dir=self._directory, listen="127.0.0.1:0", insecure_http=True, instant=True)
        self.plane = ControlPlane(settings)
        await self.plane.start()
        self._session = aiohttp.ClientSession(self.plane.url)

    async def stop(self) -> None:
        await self._session.close()
        await self.plane.stop()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def settle(self) -> None:
        await self.plane.manager.settle()

    async def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            given.setdefault(
                "Content-Type", "application/merge-patch+json" if method == "PATCH" else "application/json"
            )
        async with self._session.request(method, path, data=data, headers=given) as answer:
            content = await answer.read()
            try:
                decoded = json.loads(content)
            except ValueError:
                decoded = content.decode()
            return Answer(answer.status, decoded, answer.headers.getall("Warning", []))

    async def get(self, path: str, **headers: str) -> Any:
        answer = await self("GET", path, **headers)
        assert answer.status == 200, answer.body
        return answer.body

    async def define(self, definition: Any) -> Any:
        """Post a definition and wait until it is established."""
        answer = await self("POST", DEFINITIONS, definition)
        assert answer.status == 201, answer.body
        await self.settle()
        return await self.get(f"{DEFINITIONS}/{definition['metadata']['name']}")

    def watch(self, path: str) -> Any:
        return self._session.get(path, params={"watch": "true"})


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    made = Server(tmp_path / "data")
    await made.start()
    yield made
    await made.stop()


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["size"],
            "properties": {
                "size": {"type": "integer", "minimum": 1},
                "limit": {"type": "integer", "default": 10},
                "colour": {"type": "string", "enum": ["red", "blue"]},
                "replicas": {"type": "integer"},
            },
            "x-kubernetes-validations": [{"rule": "self.size <= self.limit", "message": "size is over the limit"}],
        },
        "status": {
            "type": "object",
            "properties": {
                "replicas": {"type": "integer"},
                "selector": {"type": "string"},
                "phase": {"type": "string"},
            },
        },
    },
}


def a_version(name: str = "v1", schema: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": SCHEMA if schema is None else schema},
        **more,
    }


def a_definition(*versions: dict[str, Any], **names: Any) -> dict[str, Any]:
    declared = {"plural": "widgets", "kind": "Widget", **names}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{declared['plural']}.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": declared,
            "versions": list(versions) or [a_version()],
        },
    }


def a_widget(name: str = "a", version: str = "v1", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": f"example.com/{version}",
        "kind": "Widget",
        "metadata": {"name": name},
        "spec": {"size": 1, **spec},
    }
