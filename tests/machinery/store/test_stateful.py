"""The store against a dictionary, under operations that Hypothesis makes up."""

from __future__ import annotations

import asyncio
import tempfile
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from solovirt.machinery.clock import ManualClock
from solovirt.machinery.errors import Expired
from solovirt.machinery.resource import GroupResource, ObjectKey
from solovirt.machinery.store import migrate
from solovirt.machinery.store.protocol import Cursor, Event, EventType
from solovirt.machinery.store.sql import SqlStore
from tests.machinery.store.objects import PODS, VMS, creating, document, putting, removing, selectable, value_of

KEYS = st.builds(ObjectKey, st.sampled_from(["", "a", "a-b", "b"]), st.sampled_from(["x", "y", "z"]))
RESOURCES = st.sampled_from([VMS, PODS])
WRITES = st.lists(st.tuples(RESOURCES, KEYS, st.sampled_from(["put", "create", "remove"])), min_size=1, max_size=8)

State = dict[GroupResource, dict[ObjectKey, int]]


class StoreMachine(RuleBasedStateMachine):
    """Runs each operation on the store and on dictionaries: one of the current state, one of the states by revision."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = ManualClock()
        self.state: State = {VMS: {}, PODS: {}}
        self.states: dict[int, State] = {}
        self.cursors: list[tuple[GroupResource, Cursor, dict[ObjectKey, int]]] = []
        self.value = 0
        self.store: SqlStore

    def run(self, awaitable: Any) -> Any:
        return self.runner.run(awaitable)

    @initialize()
    def start(self) -> None:
        url = f"sqlite:///{self.folder.name}/store.db"

        async def start() -> SqlStore:
            await migrate.upgrade(url)
            store = SqlStore(url, clock=self.clock, selectable=selectable, window_bytes=12_000)
            await store.start()
            return store

        self.store = self.run(start())
        self.states.setdefault(self.store.now.revision, {VMS: {}, PODS: {}})

    @rule(writes=WRITES)
    def write_at_once(self, writes: list[tuple[GroupResource, ObjectKey, str]]) -> None:
        """All of them are queued in one turn of the loop, so they are one batch."""
        changes = []
        expected: State = {resource: dict(objects) for resource, objects in self.state.items()}
        for resource, key, operation in writes:
            self.value += 1
            objects = expected[resource]
            if operation == "put":
                changes.append((resource, key, putting(document(key, self.value))))
                objects[key] = self.value
            elif operation == "create":
                changes.append((resource, key, creating(resource, document(key, self.value))))
                objects.setdefault(key, self.value)
            else:
                changes.append((resource, key, removing))
                objects.pop(key, None)

        async def write() -> list[Any]:
            return await asyncio.gather(*(self.store.write(*change) for change in changes), return_exceptions=True)

        results = self.run(write())
        revisions = [
            (result.removed or result.after).revision
            for result in results
            if not isinstance(result, BaseException) and result.changed
        ]
        assert revisions == sorted(set(revisions))
        self.state = expected
        self.states[self.store.now.revision] = expected

    @rule(resource=RESOURCES)
    def watch(self, resource: GroupResource) -> None:
        self.cursors.append((resource, self.store.watch(resource), dict(self.state[resource])))

    @precondition(lambda self: self.cursors)
    @rule()
    def read_the_watches(self) -> None:
        kept = []
        for resource, cursor, replica in self.cursors:
            try:
                events = cursor.pending()
            except Expired:
                continue
            fold(replica, events)
            assert replica == self.state[resource]
            kept.append((resource, cursor, replica))
        self.cursors = kept

    @rule(keep=st.integers(0, 10))
    def compact(self, keep: int) -> None:
        self.run(self.store.compact(keep_revisions=keep, keep_seconds=0))

    @rule()
    def restart(self) -> None:
        self.run(self.store.close())
        self.cursors = []
        self.start()

    @invariant()
    def the_state_is_the_dictionaries(self) -> None:
        if not hasattr(self, "store"):
            return
        for resource, objects in self.state.items():
            listed = {record.key: value_of(record) for record in self.store.now.list(resource)}
            assert listed == objects
            assert list(listed) == sorted(objects)
            assert self.store.now.count(resource) == len(objects)

    @rule(data=st.data())
    def the_past_is_exact_or_expired(self, data: st.DataObject) -> None:
        revision = data.draw(st.sampled_from(sorted(self.states)))
        for resource, objects in self.states[revision].items():
            try:
                records = self.run(self.store.at(resource, revision))
            except Expired:
                assert revision < self.store.horizon
                continue
            assert {record.key: value_of(record) for record in records} == objects
            cursor = self.store.watch(resource, revision)
            replica = dict(objects)
            while cursor.revision < self.store.now.revision:
                fold(replica, self.run(cursor.next(timeout=0)))
            assert replica == self.state[resource]

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.run(self.store.close())
        self.runner.close()
        self.folder.cleanup()


def fold(replica: dict[ObjectKey, int], events: Any) -> None:
    """Apply *events*, checking that each finds what it says was there."""
    event: Event
    for event in events:
        assert value_of(event.previous) == replica.get(event.record.key)
        if event.type is EventType.PUT:
            value = value_of(event.record)
            assert isinstance(value, int)
            replica[event.record.key] = value
        else:
            del replica[event.record.key]


TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=10, stateful_step_count=30, deadline=None)
