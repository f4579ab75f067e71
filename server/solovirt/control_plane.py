"""
The parts of a control plane, put together and run.

Starting goes upwards (listener, keys, database, kinds, runtime, controllers, HTTP) and stopping the same way down, so that nothing
runs on top of what is gone already. Everything a control plane keeps is in its data directory and its database; several can run in one
process.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from solovirt import kubeconfig
from solovirt.machinery.auth.identity import Authenticator, Credentials, User
from solovirt.machinery.clock import Clock, SystemClock
from solovirt.machinery.registry import Registry
from solovirt.version import version_info

if TYPE_CHECKING:
    from solovirt.controllers.custom_resources import ServedDefinitions
    from solovirt.kinds.access import Access
    from solovirt.machinery.control.election import Elector
    from solovirt.machinery.control.manager import Manager
    from solovirt.machinery.http.metrics import Collector
    from solovirt.machinery.store.sql import SqlStore
    from solovirt.machinery.verbs.api import Verbs
    from solovirt.runtime.protocol import Runtime
    from solovirt.settings import Settings
    from solovirt.volumes.protocol import TransferId, Volumes

logger = logging.getLogger("solovirt")

ADMIN = User("solovirt-admin", ("system:masters", "system:authenticated"))
"""Whoever holds the administrator's token, or a plain HTTP connection to a control plane that asks for nothing."""


class StartError(Exception):
    """The control plane can't start; the text says why and what to do, for a person."""


class EveryoneIsAdmin:
    """The authenticator of a plain HTTP control plane, which listens on loopback only."""

    def authenticate(self, credentials: Credentials) -> User | None:
        return ADMIN


class ControlPlane:
    """
    One control plane: `start` it, use `url` and `kubeconfig_path` (or `api`, from the same loop), `stop` it.

    With *prepare* the database is created or migrated first; without, an outdated one is refused. *clock* is real time unless
    a test brings its own. A control plane that could not start, or was stopped, may be started again; `stop` is safe at any time.
    """

    registry: Registry
    store: SqlStore
    api: Verbs
    manager: Manager
    runtime: Runtime
    volumes: Volumes
    access: Access
    _definitions: ServedDefinitions

    def __init__(self, settings: Settings, *, clock: Clock | None = None, prepare: bool = True) -> None:
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self.url = ""
        self.admin_token: str | None = None
        self.authority_pem: bytes | None = None
        self.elector: Elector | None = None
        """Of a control plane that shares its database: who leads."""
        self._tls: ssl.SSLContext | None = None
        self._led = False
        self._prepare = prepare
        self._stack = AsyncExitStack()

    @property
    def kubeconfig_path(self) -> Path:
        return self.settings.kubeconfig_path.absolute()

    async def start(self) -> None:
        """Start everything; returns when clients can connect. Raises StartError, and then leaves nothing running."""
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop everything in the reverse order; returns when all of it is down."""
        stack, self._stack = self._stack, AsyncExitStack()
        await stack.aclose()

    async def _start(self) -> None:
        settings = self.settings
        try:
            settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StartError(f"the data directory {settings.data_dir} can't be made: {error.strerror}") from error
        # Bound first: a taken port is the commonest failure, and should be told before anything is opened. Nobody is
        # answered before `listen`.
        listener = self._bind()
        self._stack.callback(listener.close)
        await self._start_store()
        await self._load_keys()
        self.access = self._open_access()
        await self._start_serving()
        await self._start_controllers()
        await self._start_http(listener)
        kubeconfig.write(
            self.kubeconfig_path,
            kubeconfig.render(self.public_url, authority_pem=self.authority_pem, token=self.admin_token),
        )

    @property
    def public_url(self) -> str:
        """Where clients find this control plane: a load balancer, if the settings name one."""
        return self.settings.public_url or self.url

    async def _load_keys(self) -> None:
        if self.settings.insecure_http:
            return
        # Imported here: a plain HTTP control plane, as tests start by the hundred, needs no cryptography.
        from solovirt import pki

        settings = self.settings
        if self.store.shared and settings.pki_dir is None:
            # Every replica must have the same authority, administrator and signing key.
            own = await asyncio.to_thread(pki.export_keys, settings.pki_path)
            shared = await self.store.facts.put_new("pki", "keys", own)
            await asyncio.to_thread(pki.import_keys, settings.pki_path, shared)
        keys = pki.ensure_keys(settings.pki_path, names=(settings.host, *settings.tls_names))
        self.authority_pem, self.admin_token = keys.authority_pem, keys.admin_token
        self._tls = keys.server_context()

    def _bind(self) -> socket.socket:
        settings = self.settings
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            listener.close()
            raise StartError(f"{settings.listen} can't be listened on: {error.strerror}") from error
        # A wildcard address is none that a client on this machine could name.
        reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - compared, not bound
        host = f"[{reachable}]" if ":" in reachable else reachable
        self.url = f"{'http' if settings.insecure_http else 'https'}://{host}:{listener.getsockname()[1]}"
        return listener

    async def _start_store(self) -> None:
        from solovirt.machinery.schema.compiled import SchemaSet
        from solovirt.machinery.store import migrate
        from solovirt.machinery.store.dialect import DatabaseFailed, DatabaseInUse, DatabaseUnavailable
        from solovirt.machinery.store.sql import SqlStore
        from solovirt.machinery.verbs.api import Verbs

        self.registry = registry = Registry()
        self._register_kinds(registry)
        try:
            self.store = SqlStore(self.settings.store_url, clock=self.clock, selectable=registry.selectable)
        except ValueError as error:
            raise StartError(str(error)) from error
        try:
            if self._prepare:
                await migrate.upgrade(self.settings.store_url)
            await self.store.start()
            self._stack.push_async_callback(self.store.close)
            if self._prepare:
                await self.store.show(registry)
        except migrate.SchemaNotCurrent as error:
            raise StartError(f"{error}: `solovirt migrate` does it, and `solovirt up` before it serves") from error
        except (DatabaseInUse, DatabaseUnavailable, DatabaseFailed) as error:
            raise StartError(str(error)) from error
        self.schemas = SchemaSet(registry)
        self.api = Verbs(registry, self.store, self.schemas, self.clock)

    def _start_webhooks(self) -> None:
        """Have users' webhooks admit what is written from now on: nothing that the server itself starts from waits for them."""
        from solovirt.kinds.admissionregistration.reviewer import WebhookReviewer

        reviewer = WebhookReviewer(self.store)
        self._stack.push_async_callback(reviewer.close)
        self.api.reviewed_by(reviewer)

    def _open_access(self) -> Access:
        from solovirt.kinds.access import Access
        from solovirt.machinery.auth.jwt import KeyHolder

        directory = self.settings.pki_path

        def load() -> bytes | None:
            from solovirt import pki

            return pki.read_signing_key(directory)

        def save(pem: bytes) -> None:
            from solovirt import pki

            pki.write_signing_key(directory, pem)

        users = {self.admin_token: ADMIN} if self.admin_token is not None else {}
        return Access(self.store, self.clock, users=users, keys=KeyHolder(load=load, save=save))

    def _register_kinds(self, registry: Registry) -> None:
        from solovirt import kinds

        for resource in kinds.builtin():
            registry.register(resource)

    async def _start_serving(self) -> None:
        """What every replica runs: it answers requests, and takes no decisions."""
        from solovirt import controllers, subresources
        from solovirt.controllers.metrics.transitions import PhaseTransitions
        from solovirt.machinery.control.metrics import WorkQueueMetrics
        from solovirt.runtime.registry import RuntimeContext, RuntimeLoadError, RuntimeUnavailable, load_runtime
        from solovirt.subresources.guest_access import GuestAccess
        from solovirt.subresources.upload_token import UploadTokens

        settings = self.settings
        context = RuntimeContext(
            clock=self.clock,
            facts=self.store.facts,
            data_dir=settings.data_dir,
            nodes=settings.nodes,
            instant=settings.instant,
            shared=self.store.shared,
            options={
                "libvirt_uri": settings.libvirt_uri,
                "libvirt_domain_type": settings.libvirt_domain_type,
                "node_guests": settings.node_guests,
            },
        )
        try:
            self.runtime = load_runtime(settings.runtime, context)
            await self.runtime.start()
        except (RuntimeLoadError, RuntimeUnavailable) as error:
            raise StartError(str(error)) from error
        self._stack.push_async_callback(self.runtime.close)
        self._queues = WorkQueueMetrics()
        self._transitions = PhaseTransitions()
        self._upload_tokens = UploadTokens(self.store.facts, self.clock)
        subresources.install(
            self.registry,
            self.api,
            self.store,
            clock=self.clock,
            access=self.access,
            upload_tokens=self._upload_tokens,
        )
        self._guests = GuestAccess(
            self.runtime,
            self.store,
            self.store.facts,
            self.clock,
            # The manager is another one whenever this process begins or ceases to lead.
            lambda name, *, user: self.manager.tools(name, user=user),
        )
        self._guests.install(self.registry, kubernetes_version=version_info())
        self._definitions = controllers.serve_custom_resources(
            self.registry, self.store, self.clock, changed=self._registry_changed
        )
        self.manager = self._new_manager()
        self._definitions.load()
        if missing := self.registry.unhandled():
            raise StartError(f"declared, but handled by nobody: {', '.join(missing)}")
        await controllers.bootstrap(self.manager, registry=self.registry)
        self._start_webhooks()

    def _new_manager(self, epoch: int | None = None) -> Manager:
        """A manager that follows the stored definitions, and nothing else yet."""
        from solovirt.machinery.control.manager import Manager

        manager = Manager(
            registry=self.registry,
            store=self.store,
            api=self.api,
            clock=self.clock,
            metrics=self._queues,
            epoch=epoch,
        )
        manager.add_background(self._definitions)
        return manager

    async def _start_controllers(self) -> None:
        """Run the controllers, or stand for election to it where others may run them."""
        self.volumes = self._new_volumes()
        if not self.store.shared:
            await self._stack.enter_async_context(self._leading(None))
            return
        from solovirt.controllers import LEADER_LEASE
        from solovirt.machinery.control.election import Elector, identity

        self.elector = elector = Elector(self.store, LEADER_LEASE, name=identity(), seconds=self.settings.lease_seconds)
        started = asyncio.Event()

        async def lead(epoch: int) -> None:
            await self.manager.stop()
            try:
                async with self._leading(epoch):
                    started.set()
                    await asyncio.get_running_loop().create_future()
            finally:
                await self._follow()

        await self._follow()
        self._stack.push_async_callback(self._stop_manager)
        election = asyncio.create_task(elector.run(lead), name="election")
        self._stack.push_async_callback(_cancel, election)
        waiting = [asyncio.ensure_future(elector.decided()), asyncio.ensure_future(started.wait())]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()

    async def _follow(self) -> None:
        self.manager = self._new_manager()
        await self.manager.start()

    # Which manager it is changes with each term.

    def _registry_changed(self) -> None:
        self.manager.follow_registry()

    async def _stop_manager(self) -> None:
        await self.manager.stop()

    @asynccontextmanager
    async def _leading(self, epoch: int | None) -> AsyncIterator[None]:
        """
        The controllers, while the block lasts; *epoch* is what their writes are fenced by, None if nobody else can write.

        Raises StartError.
        """
        from solovirt import controllers
        from solovirt.controllers.compaction import Compaction
        from solovirt.volumes.protocol import Uploads, VolumesUnavailable

        settings = self.settings
        async with AsyncExitStack() as stack:
            if epoch is not None and self._led:
                # What the last term left in its controllers and volumes is not what others have made of it since.
                self.volumes = self._new_volumes()
            self._led = True
            self.manager = manager = self._new_manager(epoch)
            controllers.install(
                manager,
                runtime=self.runtime,
                registry=self.registry,
                launcher_pods=settings.launcher_pods,
                root_certificate=(self.authority_pem or b"").decode(),
                tokens=self.access.accounts,
                volumes=self.volumes,
                transitions=self._transitions,
            )
            controllers.install_definitions(manager, self.store, self._definitions)
            manager.add_background(
                Compaction(
                    self.store,
                    self.clock,
                    keep_revisions=settings.history_revisions,
                    keep_seconds=settings.history_seconds,
                )
            )
            stack.push_async_callback(self.volumes.close)
            try:
                await controllers.start_volumes(manager, self.volumes)
            except VolumesUnavailable as error:
                raise StartError(str(error)) from error
            if isinstance(self.volumes, Uploads):
                await controllers.announce_upload_proxy(manager, self.public_url)
            await manager.start()
            stack.push_async_callback(manager.stop)
            yield

    def _new_volumes(self) -> Volumes:
        """Volumes that have not begun. Raises StartError."""
        from solovirt import controllers
        from solovirt.volumes.protocol import VolumesUnavailable
        from solovirt.volumes.registry import VolumesContext, load_volumes

        settings = self.settings
        context = VolumesContext(
            clock=self.clock,
            cluster=controllers.cluster_of(self.manager),
            data_dir=settings.data_dir,
            quota=settings.volumes_quota,
            instant=settings.instant,
        )
        try:
            return load_volumes(settings.volumes, context)
        except VolumesUnavailable as error:
            raise StartError(str(error)) from error

    def _upload_handlers(self) -> Mapping[str, Callable[[web.Request], Awaitable[web.StreamResponse]]]:
        """The upload proxy's handlers, by path; none if the volumes take no uploads."""
        from solovirt.volumes.protocol import Uploads

        if not isinstance(self.volumes, Uploads):
            return {}
        from solovirt.subresources.upload import UploadProxy

        objects = self.manager.tools("cdi-uploadproxy").objects
        return UploadProxy(_LeadersUploads(self), self._upload_tokens, objects).handlers()

    def _collectors(self) -> list[Collector]:
        from solovirt.controllers import LEADER_LEASE
        from solovirt.machinery.control.metrics import ElectionMetrics
        from solovirt.machinery.store.metrics import StoreMetrics

        elector = self.elector
        leads = ElectionMetrics(LEADER_LEASE.name, lambda: elector is None or elector.epoch is not None)
        return [self._queues, StoreMetrics(self.store, self.registry), leads]

    async def _start_http(self, listener: socket.socket) -> None:
        from solovirt.controllers.metrics import KubeVirtMetrics
        from solovirt.controllers.metrics.volumes import VolumeMetrics
        from solovirt.kinds.authentication import service_accounts
        from solovirt.machinery.http.app import create_app
        from solovirt.machinery.http.connections import Runner
        from solovirt.machinery.http.health import Health
        from solovirt.machinery.http.server import StaticDocument

        settings, access = self.settings, self.access
        authenticator: Authenticator = EveryoneIsAdmin() if settings.insecure_http else access.authenticator
        health = Health()
        health.add("database", self.store.trouble, ready_only=True)
        health.add("controllers", lambda: "; ".join(self.manager.health()) or None, ready_only=True)
        app = create_app(
            registry=self.registry,
            api=self.api,
            store=self.store,
            schemas=self.schemas,
            clock=self.clock,
            authenticator=authenticator,
            authoriser=access.authoriser,
            health=health,
            version_info=version_info(),
            collectors=self._collectors(),
            inventories=(
                KubeVirtMetrics(self.registry, self.store, self._transitions),
                VolumeMetrics(self.registry, self.store, lambda: self.volumes),
            ),
            documents={
                service_accounts.CONFIGURATION_PATH: StaticDocument(
                    lambda: access.accounts.configuration(self.url), "application/json"
                ),
                service_accounts.KEYS_PATH: StaticDocument(access.accounts.key_set, "application/jwk-set+json"),
            },
            handlers=self._upload_handlers(),
        )
        app.on_shutdown.append(self._guests.stop)
        self._guests.start()
        self._stack.push_async_callback(self._guests.stop)
        runner = Runner(app, access_log=None, handle_signals=False, shutdown_timeout=settings.shutdown_seconds)
        await runner.setup()
        self._stack.push_async_callback(runner.end)
        site = web.SockSite(runner, listener, ssl_context=self._tls, backlog=1024)
        await site.start()
        self._stack.callback(health.shut_down)


class _LeadersUploads:
    """Uploads into the volumes of the present term; refused where none have begun."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self._control_plane = control_plane

    async def receive(self, transfer: TransferId, body: AsyncIterator[bytes], *, size: int | None, early: bool) -> None:
        from solovirt.volumes.protocol import UploadRefused, Uploads

        plane = self._control_plane
        volumes = plane.volumes
        if plane.elector is not None and plane.elector.epoch is None:
            raise UploadRefused(
                f"uploads are taken by the replica that leads, which is {plane.elector.leader or 'none'}"
            )
        assert isinstance(volumes, Uploads), "or there would be no upload proxy"
        await volumes.receive(transfer, body, size=size, early=early)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
