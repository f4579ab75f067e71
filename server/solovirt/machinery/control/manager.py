"""
The manager: runs every control loop of a control plane.

For each resource that somebody watches there is one pump, a task with a cursor in the store's event log. It turns events
into keys and puts them into the work queues of the loops concerned. Each queue has a bounded number of workers that call `reconcile`.
At the start, and whenever a pump fell out of the log's window, everything that exists is queued anew: a loop that was killed in
the middle of its work finds it again that way.

A reconcile that raises is logged and comes again with back-off; one that raises TerminalError is logged and waits for the next event.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from solovirt.machinery.auth.identity import User
from solovirt.machinery.clock import Clock
from solovirt.machinery.control.objects import ApiObjects
from solovirt.machinery.control.protocol import (
    Background,
    Controller,
    EveryKindController,
    Result,
    Source,
    TerminalError,
    Tools,
)
from solovirt.machinery.control.pump import Pump, Subscription
from solovirt.machinery.control.queue import NO_METRICS, Backoff, QueueClosed, QueueMetrics, WorkQueue
from solovirt.machinery.control.recorder import EventWriter
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import GroupResource, ObjectKey
from solovirt.machinery.store.protocol import Store
from solovirt.machinery.verbs.protocol import Api, Caller, FieldValidation

logger = logging.getLogger("solovirt.control")

DEFAULT_WORKERS = 16
"""Reconciles of one controller at once. They share one CPU; more of them only make the store's commits larger."""


class Metrics(Protocol):
    """Where queues report to (`metrics.WorkQueueMetrics`)."""

    def of(self, queue: str) -> QueueMetrics: ...


def service_account(namespace: str, name: str) -> User:
    """The identity of a ServiceAccount, as its token would prove it."""
    return User(
        f"system:serviceaccount:{namespace}:{name}",
        ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"),
    )


@dataclass(slots=True)
class _Loop:
    """One controller at work."""

    name: str
    queue: WorkQueue[Any]
    reconcile: Callable[[Any], Awaitable[Result]]
    workers: int
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


@dataclass(slots=True)
class _Behind:
    """A background task and how it fares."""

    background: Background
    task: asyncio.Task[None] | None = None
    error: str | None = None


class Manager:
    """
    Controllers and background tasks under one roof: `add` them, `start`, `stop`. A manager runs once; the next run is another's.

    *identify* gives the user on whose behalf the controller of a name writes, unless `tools` is told another. Writes are refused once the
    controllers' epoch is not *epoch*; None for a store that nobody shares.
    """

    def __init__(
        self,
        *,
        registry: Registry,
        store: Store,
        api: Api,
        clock: Clock,
        metrics: Metrics | None = None,
        identify: Callable[[str], User] | None = None,
        epoch: int | None = None,
    ) -> None:
        self.registry = registry
        self.store = store
        self.api = api
        self.clock = clock
        self._metrics = metrics
        self._epoch = epoch
        self._identify = identify or (lambda name: service_account("kube-system", name))
        # Set whenever something finished, for `settle` to look again.
        self._changed = asyncio.Event()
        self._events = EventWriter(registry=registry, api=api, clock=clock, changed=self._changed.set)
        self._event_tasks: list[asyncio.Task[None]] = []
        self._loops: dict[str, _Loop] = {}
        self._queues: dict[int, WorkQueue[Any]] = {}
        self._subscriptions: dict[GroupResource, list[Subscription]] = {}
        self._reconciled: list[tuple[GroupResource, str]] = []
        self._every_kind: list[tuple[EveryKindController, WorkQueue[Any]]] = []
        self._pumps: dict[GroupResource, Pump] = {}
        self._backgrounds: list[_Behind] = []
        self._registry_generation = -1
        self._running = False

    # -- putting together

    def tools(self, name: str, *, user: User | None = None, field_manager: str | None = None) -> Tools:
        """What the controller called *name* works with. Its events come from *name*; so do its writes, unless *field_manager* says otherwise."""
        user = user or self._identify(name)
        manager = field_manager or name
        caller = Caller(user, field_manager=manager, field_validation=FieldValidation.IGNORE, epoch=self._epoch)
        objects = ApiObjects(
            registry=self.registry, store=self.store, api=self.api, user=user, field_manager=manager, epoch=self._epoch
        )
        return Tools(objects, self._events.recorder(name, caller), self.clock)

    def add(self, controller: Controller | EveryKindController, *, workers: int = DEFAULT_WORKERS) -> None:
        """Run *controller* from the start on. Its queue has its name, and its resource's if another has that name already."""
        if self._running:
            raise RuntimeError("controllers are added before the manager starts")
        if isinstance(controller, EveryKindController):
            queue = self._add_loop(controller, controller.name, "every kind", controller.reconcile_object, workers)
            self._every_kind.append((controller, queue))
            return
        queue = self._add_loop(controller, controller.name, str(controller.resource), controller.reconcile, workers)
        self._reconciled.append((controller.resource, controller.name))
        for source in (Source(controller.resource), *controller.sources):
            self._subscriptions.setdefault(source.resource, []).append(Subscription(queue, source.keys))

    def reconciled(self) -> dict[GroupResource, list[str]]:
        """The names of the loops that work on objects of each resource; those that work on every kind are left out."""
        out: dict[GroupResource, list[str]] = {}
        for resource, name in self._reconciled:
            out.setdefault(resource, []).append(name)
        return out

    def add_background(self, background: Background) -> None:
        """Run *background* from the start on, and again, after a while, whenever it raises."""
        if self._running:
            raise RuntimeError("background tasks are added before the manager starts")
        self._backgrounds.append(_Behind(background))

    def enqueue(self, controller: Controller, key: ObjectKey, *, after: timedelta | None = None) -> None:
        """Have *controller* reconcile *key* for a reason that is in no object (a guest's event). It must have been added."""
        queue = self._queues[id(controller)]
        if after is None:
            queue.add(key)
        else:
            queue.add_after(key, after)

    def _add_loop(
        self,
        controller: object,
        name: str,
        resource: str,
        reconcile: Callable[[Any], Awaitable[Result]],
        workers: int,
    ) -> WorkQueue[Any]:
        queue_name = name if name not in self._loops else f"{name}/{resource}"
        if queue_name in self._loops:
            raise ValueError(f"there is a controller {name} of {resource} already")
        metrics = NO_METRICS if self._metrics is None else self._metrics.of(queue_name)
        queue: WorkQueue[Any] = WorkQueue(clock=self.clock, metrics=metrics, changed=self._changed.set)
        self._loops[queue_name] = _Loop(queue_name, queue, reconcile, workers)
        self._queues[id(controller)] = queue
        return queue

    # -- running

    async def start(self) -> None:
        """Start everything; returns at once, existing objects are queued in the background. The store must be open."""
        self._running = True
        loop = asyncio.get_running_loop()
        self._event_tasks = [
            loop.create_task(self._events.run_one(), name="event writer") for _ in range(self._events.writers)
        ]
        for one in self._loops.values():
            one.queue.start()
            one.tasks = [loop.create_task(self._work(one), name=f"controller {one.name}") for _ in range(one.workers)]
        self._watch_what_is_served()
        for controller, queue in self._every_kind:
            _add_all(queue, controller.survey())
        for behind in self._backgrounds:
            behind.task = loop.create_task(self._stay_behind(behind), name=f"background {behind.background.name}")

    async def stop(self, *, deadline: float = 10.0) -> None:
        """
        Stop everything. Reconciles that run may finish, and events be written, for *deadline* seconds of real time; what
        takes longer is cancelled, and what was queued is found again at the next start. Safe to call twice.
        """
        if not self._running:
            return
        self._running = False
        for behind in self._backgrounds:
            await _cancel(behind.task)
            behind.task = None
        await asyncio.gather(*(pump.stop() for pump in self._pumps.values()))
        self._pumps.clear()
        self._registry_generation = -1
        for one in self._loops.values():
            await one.queue.close()
        workers = [task for one in self._loops.values() for task in one.tasks]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline):
                if workers:
                    await asyncio.wait(workers)
                while not self._events.idle:
                    self._changed.clear()
                    await self._changed.wait()
        await self._events.close()
        for task in (*workers, *self._event_tasks):
            await _cancel(task)
        for one in self._loops.values():
            one.tasks.clear()

    async def settle(self) -> None:
        """
        Wait until everything is at rest: all events seen, no key queued or worked on, no event unwritten. Delays that end in the
        future don't count. For tests; with a controller that never rests it waits for ever.
        """
        quiet = 0
        # Quiet once may be the moment between two tasks; the loop has to have gone round a few times with nothing to do.
        while quiet < _QUIET_TURNS:
            self._changed.clear()
            for pump in self._pumps.values():
                pump.drain()
            if self._at_rest():
                quiet += 1
                await asyncio.sleep(0)
                continue
            quiet = 0
            # The time-out covers what tells nobody: a listing pump, a busy background.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.02):
                    await self._changed.wait()

    def health(self) -> list[str]:
        """What does not work, in words for a health check; empty if all is well."""
        if not self._running:
            return ["controllers are not running"]
        troubles = [f"{behind.background.name}: {behind.error}" for behind in self._backgrounds if behind.error]
        for resource, pump in self._pumps.items():
            if pump.error is not None:
                troubles.append(f"events of {resource}: {pump.error}")
        return troubles

    def _at_rest(self) -> bool:
        return (
            all(one.queue.idle for one in self._loops.values())
            and self._events.idle
            and not any(pump.busy for pump in self._pumps.values())
            and not any(getattr(behind.background, "busy", False) for behind in self._backgrounds)
        )

    # -- the event log

    def _watch_what_is_served(self) -> None:
        """Have a pump for each resource that is watched and served. Called again when CustomResourceDefinitions came or went."""
        self._registry_generation = self.registry.generation
        served = {one.group_resource for one in self.registry if not one.virtual}
        for resource in served:
            if resource not in self._pumps and (self._every_kind or resource in self._subscriptions):
                pump = Pump(
                    resource,
                    registry=self.registry,
                    store=self.store,
                    subscriptions=self._subscriptions.get(resource, ()),
                    every_kind=self._every_kind,
                    after_batch=self._follow_registry,
                    missed=self._survey_again,
                )
                self._pumps[resource] = pump
                pump.start()
        for resource in set(self._pumps) - served:
            # Its last events are the removals of its objects; whoever waits for them must see them.
            self._pumps[resource].drain()
            self._pumps.pop(resource).abandon()

    def follow_registry(self) -> None:
        """Look after kinds that came or went; whoever changes the registry without an event says so by this."""
        self._follow_registry()

    def _follow_registry(self) -> None:
        if self._running and self.registry.generation != self._registry_generation:
            self._watch_what_is_served()
        self._changed.set()

    def _survey_again(self) -> None:
        for controller, queue in self._every_kind:
            _add_all(queue, controller.survey())

    # -- work

    async def _work(self, loop: _Loop) -> None:
        queue = loop.queue
        while True:
            try:
                key = await queue.get()
            except QueueClosed:
                return
            try:
                result = await loop.reconcile(key)
            except TerminalError as error:
                logger.error("%s gave up on %s: %s", loop.name, _named(key), error)  # noqa: TRY400 - no mishap to trace
                queue.forget(key)
            except Exception as error:  # noqa: BLE001 - whatever a reconcile raises is logged, and it comes again
                self._report(loop, key, error)
                queue.retry(key)
            else:
                queue.forget(key)
                if result.again_after is not None:
                    queue.add_after(key, result.again_after)
            finally:
                queue.done(key)

    def _report(self, loop: _Loop, key: Any, error: Exception) -> None:
        failures = loop.queue.failures(key)
        if failures == 0:
            logger.error("%s failed at %s; it will be tried again", loop.name, _named(key), exc_info=error)
        else:
            # The trace was printed the first time; a key that keeps failing shall not fill the log with it.
            logger.warning("%s failed again (%d) at %s: %s", loop.name, failures + 1, _named(key), error)

    async def _stay_behind(self, behind: _Behind) -> None:
        backoff: Backoff[None] = Backoff(timedelta(milliseconds=100), timedelta(seconds=30))
        name = behind.background.name
        while True:
            started = self.clock.now()
            try:
                await behind.background.run()
            except Exception as error:
                behind.error = str(error) or type(error).__name__
                logger.exception("background task %s failed; it will be started again", name)
            else:
                behind.error = "ended"
                logger.error("background task %s ended; it will be started again", name)
            if self.clock.now() - started > timedelta(minutes=1):
                backoff.forget(None)
            await self.clock.sleep_until(self.clock.now() + backoff.next(None))
            behind.error = None


_QUIET_TURNS = 5


def _named(key: Any) -> str:
    return (
        " ".join(str(part) for part in key) if isinstance(key, tuple) and not isinstance(key, ObjectKey) else str(key)
    )


def _add_all(queue: WorkQueue[Any], keys: Iterable[Any]) -> None:
    for key in keys:
        queue.add(key)


async def _cancel(task: asyncio.Task[Any] | None) -> None:
    if task is None:
        return
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
