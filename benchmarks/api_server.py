"""Serve the built-in kinds without controllers until SIGTERM: `python -m benchmarks.api_server DIRECTORY`. Prints its URL and token."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from pathlib import Path

from aiohttp import web

from solovirt import garbage, kinds, pki
from solovirt.control_plane import ADMIN
from solovirt.machinery.auth.authoriser import MastersOnly
from solovirt.machinery.auth.tokens import TokenAuthenticator
from solovirt.machinery.clock import SystemClock
from solovirt.machinery.http.app import create_app
from solovirt.machinery.http.health import Health
from solovirt.machinery.registry import Registry
from solovirt.machinery.schema.compiled import SchemaSet
from solovirt.machinery.store import migrate
from solovirt.machinery.store.sql import SqlStore
from solovirt.machinery.verbs.api import Verbs
from solovirt.version import version_info


async def serve(directory: Path) -> None:
    registry, clock = Registry(), SystemClock()
    for resource in kinds.builtin():
        registry.register(resource)
    url = f"sqlite+aiosqlite:///{directory}/solovirt.db"
    await migrate.upgrade(url)
    store = SqlStore(url, clock=clock, selectable=registry.selectable)
    await store.start()
    schemas = SchemaSet(registry)
    keys = pki.ensure_keys(directory / "pki", names=("127.0.0.1",))
    app = create_app(
        registry=registry,
        api=Verbs(registry, store, schemas, clock),
        store=store,
        schemas=schemas,
        clock=clock,
        authenticator=TokenAuthenticator({keys.admin_token: ADMIN}),
        authoriser=MastersOnly(),
        health=Health(),
        version_info=version_info(),
    )
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1)
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listener, ssl_context=keys.server_context(), backlog=1024).start()
    garbage.settle()
    print(f"https://127.0.0.1:{listener.getsockname()[1]}", keys.admin_token, flush=True)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
    await runner.cleanup()
    await store.close()


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(Path(sys.argv[1])))
