"""The API server as an aiohttp application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from aiohttp import web

from solovirt.machinery.http import connection_log
from solovirt.machinery.http.decoding import BODY_LIMIT
from solovirt.machinery.http.server import ApiServer, StaticDocument

if TYPE_CHECKING:
    from solovirt.machinery.auth.identity import Authenticator, Authoriser
    from solovirt.machinery.clock import Clock
    from solovirt.machinery.exposition import Inventory
    from solovirt.machinery.http.health import Health
    from solovirt.machinery.http.metrics import Collector
    from solovirt.machinery.registry import Registry
    from solovirt.machinery.resource import Document
    from solovirt.machinery.schema.protocol import Schemas
    from solovirt.machinery.store.protocol import Store
    from solovirt.machinery.verbs.protocol import Api

HEADER_LIMIT = 1 << 20
"""How long a request line and each header may be, in bytes: what Go allows for all of them together. Selectors can be long."""

SERVER = web.AppKey("SERVER", ApiServer)


def create_app(
    *,
    registry: Registry,
    api: Api,
    store: Store,
    schemas: Schemas,
    clock: Clock,
    authenticator: Authenticator,
    authoriser: Authoriser,
    health: Health,
    version_info: Document,
    collectors: Sequence[Collector] = (),
    inventories: Sequence[Inventory] = (),
    documents: Mapping[str, StaticDocument] | None = None,
    handlers: Mapping[str, Callable[[web.Request], Awaitable[web.StreamResponse]]] | None = None,
) -> web.Application:
    """
    Put the server together. Whoever runs the application starts and closes the store.

    *version_info* is the body of /version. What *collectors* and *inventories* give shows on /metrics too; *documents* are served by their path. What is
    at the paths of *handlers* is no part of the API: they see to everything themselves, to who is asking too. When the application
    shuts down, watches end cleanly before connections are closed.
    """
    server = ApiServer(
        registry=registry,
        api=api,
        store=store,
        schemas=schemas,
        clock=clock,
        authenticator=authenticator,
        authoriser=authoriser,
        health=health,
        version_info=version_info,
        collectors=collectors,
        inventories=inventories,
        documents=documents,
    )
    application = web.Application(
        client_max_size=BODY_LIMIT,
        # A watcher that goes away is only noticed so; aiohttp lets handlers run on otherwise.
        handler_args={
            "handler_cancellation": True,
            # As in Kubernetes a body is what it is, whatever its Content-Encoding says.
            "auto_decompress": False,
            "logger": connection_log.logger,
            "max_line_size": HEADER_LIMIT,
            "max_field_size": HEADER_LIMIT,
        },
    )
    application[SERVER] = server
    route = application.router.add_route("*", "/{path:.*}", server.handle)

    others = {path: application.router.add_route("*", path, handler) for path, handler in (handlers or {}).items()}

    async def resolve(request: web.Request) -> web.UrlMappingMatchInfo:
        return web.UrlMappingMatchInfo({}, others.get(request.path, route))

    # There is one route for nearly everything, and aiohttp would look for it segment by segment, a tenth of what a GET costs.
    application.router.resolve = resolve  # type: ignore[method-assign]  # set on the one router, so there is no self
    application.on_shutdown.append(server.stop)
    return application
