"""Single-object requests: create, get, merge patch, apply, update, status patch, delete at several concurrencies."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import aiohttp

from benchmarks.machines import VMS, prepare, virtual_machine
from benchmarks.measure import Figure, Report, load
from benchmarks.target import Target, api_server, expect, quiet

MERGE = {"Content-Type": "application/merge-patch+json"}
APPLY = {"Content-Type": "application/apply-patch+yaml"}

BUDGETS = {"create": 0.5, "get": 0.15, "merge patch": 0.6, "apply": 1.0}
PEER = {
    "create": "5-10",
    "get": "1.2-4",
    "merge patch": "8-13",
    "update": "8-13",
    "status patch": "8-12",
    "apply": "12-16",
    "delete": "5-13",
}

default = api_server


async def run(target: Target, scale: float, report: Report) -> None:
    count = max(64, int(2000 * scale))
    report.section(f"requests: {count} of each, a manifest of {len(json.dumps(virtual_machine('vm-0')))} bytes")
    async with target.session() as client:
        await prepare(client)
        work = operations(client)
        # Schemas are compiled and code is specialised at first use.
        for _, operation in work:
            await load(target, operation, count=300, clients=8)
        for clients in (1, 16, 64):
            for name, operation in work:
                await quiet(target)
                done = await load(target, operation, count=count, clients=clients)
                report.add(
                    Figure(
                        f"{name}, {clients} clients",
                        done.cpu_ms,
                        "ms CPU",
                        BUDGETS.get(name),
                        PEER[name],
                        done.detail(),
                    )
                )


def operations(client: aiohttp.ClientSession) -> list[tuple[str, Callable[[int], Awaitable[None]]]]:
    """The requests, in an order in which each finds what the ones before it made."""

    async def create(number: int) -> None:
        async with client.post(VMS, json=virtual_machine(f"vm-{number}")) as answer:
            await expect(answer, 201)

    async def get(number: int) -> None:
        async with client.get(f"{VMS}/vm-{number}") as answer:
            await expect(answer, 200)

    async def merge_patch(number: int) -> None:
        body = {"metadata": {"labels": {"tier": f"t{number}"}}}
        async with client.patch(f"{VMS}/vm-{number}", json=body, headers=MERGE) as answer:
            await expect(answer, 200)

    async def status_patch(number: int) -> None:
        body = {"status": {"ready": False, "desiredGeneration": number + 1}}
        async with client.patch(f"{VMS}/vm-{number}/status", json=body, headers=MERGE) as answer:
            await expect(answer, 200)

    async def update(number: int) -> None:
        # Without a resourceVersion an update of a custom resource is unconditional only for some servers: read it first.
        async with client.get(f"{VMS}/vm-{number}") as answer:
            document = json.loads(await expect(answer, 200))
        document["metadata"]["labels"]["updated"] = f"u{number}"
        async with client.put(f"{VMS}/vm-{number}", json=document) as answer:
            await expect(answer, 200)

    async def apply(number: int) -> None:
        body = {
            "apiVersion": "kubevirt.io/v1",
            "kind": "VirtualMachine",
            "metadata": {"name": f"vm-{number}", "labels": {"applied": "yes"}},
        }
        parameters = {"fieldManager": "bench", "force": "true"}
        async with client.patch(f"{VMS}/vm-{number}", json=body, headers=APPLY, params=parameters) as answer:
            await expect(answer, 200)

    async def delete(number: int) -> None:
        async with client.delete(f"{VMS}/vm-{number}") as answer:
            await expect(answer, 200)

    return [
        ("create", create),
        ("get", get),
        ("merge patch", merge_patch),
        ("status patch", status_patch),
        ("apply", apply),
        ("update", update),
        ("delete", delete),
    ]
