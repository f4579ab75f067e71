"""
Server CPU of a GET, a create and the lists of 10,000 VirtualMachines, over plain HTTP, without controllers.

The server runs in a process of its own, which is what is measured; this one is the load. Run it as
`python benchmarks/http_get.py [--tls] [--objects N]`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TOKEN = "benchmark-token"  # noqa: S105 - of a server that lives for a minute
VMS = "/apis/kubevirt.io/v1/namespaces/default/virtualmachines"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
VM: dict[str, Any] = {
    "apiVersion": "kubevirt.io/v1",
    "kind": "VirtualMachine",
    "metadata": {
        "labels": {"app": "benchmark", "tier": "db", "kubevirt.io/os": "linux"},
        "annotations": {"description": "a machine of an ordinary size " * 8, "owner": "somebody@example.com"},
    },
    "spec": {
        "runStrategy": "Halted",
        "template": {
            "metadata": {"labels": {"app": "benchmark", "kubevirt.io/domain": "benchmark"}},
            "spec": {
                "domain": {
                    "cpu": {"cores": 2, "sockets": 1, "threads": 1},
                    "memory": {"guest": "2Gi"},
                    "devices": {
                        "disks": [
                            {"name": f"disk{number}", "disk": {"bus": "virtio"}, "bootOrder": number + 1}
                            for number in range(4)
                        ],
                        "interfaces": [{"name": "default", "masquerade": {}}, {"name": "second", "bridge": {}}],
                        "rng": {},
                    },
                    "machine": {"type": "q35"},
                    "resources": {"requests": {"memory": "2Gi", "cpu": "1"}},
                },
                "networks": [{"name": "default", "pod": {}}, {"name": "second", "multus": {"networkName": "br1"}}],
                "terminationGracePeriodSeconds": 30,
                "volumes": [
                    {"name": f"disk{number}", "persistentVolumeClaim": {"claimName": f"claim-{number}"}}
                    for number in range(3)
                ]
                + [{"name": "disk3", "cloudInitNoCloud": {"userData": "#cloud-config\npassword: fedora\n" * 16}}],
            },
        },
    },
}


async def serve(directory: Path, *, tls: bool) -> None:
    """Serve the built-in kinds on a free port until SIGTERM; the port is printed."""
    from aiohttp import web

    from solovirt import kinds, pki
    from solovirt.machinery.auth.authoriser import MastersOnly
    from solovirt.machinery.auth.identity import User
    from solovirt.machinery.auth.tokens import TokenAuthenticator
    from solovirt.machinery.clock import SystemClock
    from solovirt.machinery.http.app import create_app
    from solovirt.machinery.http.health import Health
    from solovirt.machinery.registry import Registry
    from solovirt.machinery.schema.compiled import SchemaSet
    from solovirt.machinery.store import migrate
    from solovirt.machinery.store.sql import SqlStore
    from solovirt.machinery.verbs.api import Verbs

    registry, clock = Registry(), SystemClock()
    for resource in kinds.builtin():
        registry.register(resource)
    url = f"sqlite+aiosqlite:///{directory}/benchmark.db"
    await migrate.upgrade(url)
    store = SqlStore(url, clock=clock, selectable=registry.selectable)
    await store.start()
    schemas = SchemaSet(registry)
    app = create_app(
        registry=registry,
        api=Verbs(registry, store, schemas, clock),
        store=store,
        schemas=schemas,
        clock=clock,
        authenticator=TokenAuthenticator({TOKEN: User("benchmark", ("system:masters",))}),
        authoriser=MastersOnly(),
        health=Health(),
        version_info={},
    )
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1)
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0))
    context = pki.ensure_keys(directory / "pki", names=("127.0.0.1",)).server_context() if tls else None
    await web.SockSite(runner, listener, ssl_context=context).start()
    print(listener.getsockname()[1], flush=True)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
    await runner.cleanup()
    await store.close()


class Connection:
    """One keep-alive connection."""

    def __init__(self, port: int, *, tls: bool) -> None:
        raw = socket.create_connection(("127.0.0.1", port))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            raw = context.wrap_socket(raw)
        self._socket = raw
        self._file = raw.makefile("rb")

    def ask(self, method: str, path: str, body: bytes = b"", accept: str = "application/json") -> tuple[int, bytes]:
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\nUser-Agent: benchmark/1\r\n"
            f"Accept: {accept}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._socket.sendall(head.encode() + body)
        status = int(self._file.readline().split()[1])
        headers = {}
        while line := self._file.readline().strip():
            key, _, value = line.partition(b":")
            headers[key.lower()] = value.strip()
        if b"content-length" in headers:
            return status, self._file.read(int(headers[b"content-length"]))
        out = b""
        while size := int(self._file.readline(), 16):
            out += self._file.read(size)
            self._file.readline()
        self._file.readline()
        return status, out


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(title: str, pid: int, count: int, work: Callable[[int], None]) -> None:
    before, started = cpu_seconds(pid), time.perf_counter()
    for number in range(count):
        work(number)
    wall = time.perf_counter() - started
    print(f"{title:28} {(cpu_seconds(pid) - before) / count * 1000:9.3f} ms CPU {wall / count * 1000:9.3f} ms wall")


def load(port: int, pid: int, *, tls: bool, objects: int) -> None:
    connection = Connection(port, tls=tls)
    status, answer = connection.ask("POST", "/api/v1/namespaces", b'{"metadata":{"name":"default"}}')
    assert status in (201, 409), answer

    def create(number: int) -> None:
        document = {**VM, "metadata": {**VM["metadata"], "name": f"vm-{number:05}"}}
        status, answer = connection.ask("POST", VMS, json.dumps(document, separators=(",", ":")).encode())
        assert status == 201, answer

    def get(number: int) -> None:
        status, answer = connection.ask("GET", f"{VMS}/vm-{number % objects:05}")
        assert status == 200, answer

    def listed(query: str, accept: str, count: int) -> Callable[[int], None]:
        def work(_: int) -> None:
            status, answer = connection.ask("GET", VMS + query, accept=accept)
            assert status == 200, answer[:300]
            document = json.loads(answer)
            assert len(document.get("items", document.get("rows"))) == count

        return work

    create_one = json.dumps({**VM, "metadata": {**VM["metadata"], "name": "vm-00000"}}, separators=(",", ":"))
    print(f"a VM of {len(create_one)} bytes, {objects} of them, {'TLS' if tls else 'plain HTTP'}")
    measure("create", pid, objects, create)
    measure("get", pid, 10000, get)
    measure("list, full", pid, 5, listed("", "application/json", objects))
    measure("list, table", pid, 5, listed("", TABLE, objects))
    measure("list, by label, none", pid, 20, listed("?labelSelector=a%3Db", "application/json", 0))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--tls", action="store_true")
    arguments.add_argument("--objects", type=int, default=10000)
    arguments.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.serve:
        asyncio.run(serve(given.serve, tls=given.tls))
        return
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, __file__, "--serve", directory, *(["--tls"] if given.tls else [])]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None
                load(int(server.stdout.readline()), server.pid, tls=given.tls, objects=given.objects)
            finally:
                server.terminate()


if __name__ == "__main__":
    main()
