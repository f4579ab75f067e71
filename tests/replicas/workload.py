"""Clients that write, read and watch through whichever replica answers, and note everything."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from typing import Any

import aiohttp

from tests.replicas.history import MAPS, OPERATION, History, Operation, Sight

_TIMEOUT = aiohttp.ClientTimeout(total=40, connect=5)
_COUNTERS = [f"counter-{number}" for number in range(6)]
_LOST = (aiohttp.ClientError, ConnectionError, TimeoutError)


class Clients:
    """Talks to the replicas whose addresses *urls* gives at the time."""

    def __init__(self, session: aiohttp.ClientSession, urls: Callable[[], list[str]], history: History) -> None:
        self._session = session
        self._urls = urls
        self.history = history
        self.stopping = False
        self.unavailable = 0
        """How often a replica said that it can't at present: 503 with Retry-After."""

    async def _url(self) -> str:
        while not (urls := self._urls()):
            await asyncio.sleep(0.05)
        return random.choice(urls)

    # --- writing

    async def write(self) -> None:
        """Write until told to stop."""
        while not self.stopping:
            try:
                await random.choice([self._create, self._count, self._count, self._count, self._patch, self._replace])()
            except _LOST:
                await asyncio.sleep(0.05)

    async def _send(self, operation: Operation, method: str, path: str, body: Any, **headers: str) -> bool:
        """Send it, and note how it ended; whether it was done."""
        url = await self._url()
        operation.began = time.monotonic()
        try:
            async with self._session.request(
                method, url + path, json=body, headers=headers, timeout=_TIMEOUT
            ) as answer:
                status, text = answer.status, await answer.read()
                retry_after = answer.headers.get("Retry-After")
        except _LOST:
            return False
        operation.ended = time.monotonic()
        if status in (200, 201):
            operation.outcome = "done"
            document = json.loads(text)
            if document.get("kind") != "Status":
                operation.version = int(document["metadata"]["resourceVersion"])
                self._see(document, 0.0)
            return True
        if status == 504:
            # Nobody could find out.
            return False
        reason = json.loads(text)["reason"]
        assert (status, reason) in (
            (409, "Conflict"),
            (409, "AlreadyExists"),
            (404, "NotFound"),
            (503, "ServiceUnavailable"),
        ), text
        operation.outcome = "refused"
        if status == 503:
            assert retry_after == "1", text
            self.unavailable += 1
            await asyncio.sleep(0.1)
        return False

    def _see(self, document: dict[str, Any], began: float) -> None:
        metadata = document["metadata"]
        data = document.get("data") or {}
        self.history.sights.append(
            Sight(metadata["name"], int(metadata["resourceVersion"]), data.get(OPERATION, ""), began)
        )

    async def _create(self) -> None:
        name = f"map-{random.randrange(10**9)}"
        await self._make(name)

    async def _make(self, name: str) -> None:
        operation = self.history.begin(name, "create")
        await self._send(
            operation, "POST", MAPS, {"metadata": {"name": name}, "data": {OPERATION: operation.id, "count": "0"}}
        )

    async def read(self, name: str) -> dict[str, Any] | None:
        """The object as a replica shows it; None if it is not there, or nobody can say."""
        url = await self._url()
        began = time.monotonic()
        async with self._session.get(f"{url}{MAPS}/{name}", timeout=_TIMEOUT) as answer:
            document = await answer.json()
            if answer.status == 200:
                self._see(document, began)
                return dict(document)
            assert answer.status in (404, 503), document
            if answer.status == 503:
                assert answer.headers["Retry-After"] == "1"
                self.unavailable += 1
                await asyncio.sleep(0.1)
                return None
        await self._make(name)
        return None

    async def _count(self) -> None:
        """Read, add one, and put it back insisting on what was read: the test of optimistic concurrency."""
        name = random.choice(_COUNTERS)
        document = await self.read(name)
        if document is None:
            return
        operation = self.history.begin(name, "update", int(document["metadata"]["resourceVersion"]))
        count = int(document["data"]["count"]) + 1
        document["data"] = {OPERATION: operation.id, "count": str(count)}
        await self._send(operation, "PUT", f"{MAPS}/{name}", document)

    async def _patch(self) -> None:
        name = random.choice(_COUNTERS)
        operation = self.history.begin(name, "patch")
        headers = {"Content-Type": "application/merge-patch+json"}
        await self._send(operation, "PATCH", f"{MAPS}/{name}", {"data": {OPERATION: operation.id}}, **headers)

    async def _replace(self) -> None:
        """Delete a version, now and then."""
        name = random.choice(_COUNTERS)
        if random.random() > 0.2 or (document := await self.read(name)) is None:
            return
        version = document["metadata"]["resourceVersion"]
        operation = self.history.begin(name, "delete", int(version))
        await self._send(operation, "DELETE", f"{MAPS}/{name}", {"preconditions": {"resourceVersion": version}})

    # --- watching

    async def watch(self, until: Callable[[], int]) -> None:
        """Watch, going on at another replica whenever a stream ends, until version *until()* has passed (0: not known yet)."""
        seen: list[Sight] = []
        reached = await self._start()
        self.history.began_at.append(reached)
        self.history.watched.append(seen)
        while not (end := until()) or reached < end:
            try:
                reached = await self._follow(seen, reached, until)
            except _LOST:
                await asyncio.sleep(0.1)
            reached = max([reached, *(sight.version for sight in seen[-1:])])

    async def _start(self) -> int:
        while True:
            try:
                async with self._session.get(await self._url() + MAPS, timeout=_TIMEOUT) as answer:
                    if answer.status == 200:
                        return int((await answer.json())["metadata"]["resourceVersion"])
            except _LOST:
                pass
            await asyncio.sleep(0.1)

    async def _follow(self, seen: list[Sight], since: int, until: Callable[[], int]) -> int:
        parameters = {"watch": "1", "resourceVersion": str(since), "allowWatchBookmarks": "true", "timeoutSeconds": "7"}
        url = await self._url()
        reached = since
        timeout = aiohttp.ClientTimeout(total=None, connect=5, sock_read=15)
        async with self._session.get(url + MAPS, params=parameters, timeout=timeout) as answer:
            if answer.status != 200:
                assert answer.status == 503, await answer.text()
                await asyncio.sleep(0.2)
                return reached
            async for line in answer.content:
                event = json.loads(line)
                metadata = event["object"].get("metadata", {})
                assert event["type"] != "ERROR", event
                reached = int(metadata["resourceVersion"])
                if event["type"] != "BOOKMARK":
                    operation = (event["object"].get("data") or {}).get(OPERATION, "")
                    seen.append(Sight(metadata["name"], reached, operation))
                if (end := until()) and reached >= end:
                    break
        return reached
