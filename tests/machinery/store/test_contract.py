"""What every store promises, on every database."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from solovirt.machinery.errors import AlreadyExists, Conflict, ServiceUnavailable, Timeout
from solovirt.machinery.resource import ObjectKey
from solovirt.machinery.store.protocol import EventType, Keep, Outcome, Put, Record, View
from solovirt.machinery.store.sql import SqlStore
from tests.machinery.store.conftest import Stores
from tests.machinery.store.objects import (
    PODS,
    VMS,
    adding,
    creating,
    document,
    key,
    parsed,
    putting,
    removing,
    told,
    value_of,
)


async def test_what_is_written_is_read_with_its_resource_version_in_place(store: SqlStore) -> None:
    written = await store.write(VMS, key("a"), putting(document(key("a"), 7)))
    record = store.now.get(VMS, key("a"))
    assert record is not None
    assert record is written.after
    assert written.before is None
    assert written.changed
    assert parsed(record) == {
        "metadata": {"name": "a", "namespace": "default", "resourceVersion": str(record.revision), "uid": "uid-a"},
        "spec": {"value": 7},
    }
    assert record.revision == store.now.revision


async def test_a_list_of_nothing_has_a_resource_version_that_is_not_zero(store: SqlStore) -> None:
    """Reference kubernetes-api.md 2.3: never "0" or ""."""
    assert store.now.revision > 1
    assert list(store.now.list(VMS)) == []


async def test_revisions_rise_by_commit_and_across_resources(store: SqlStore) -> None:
    revisions = []
    for number in range(6):
        resource = (VMS, PODS)[number % 2]
        written = await store.write(resource, key(f"n{number}"), putting(document(key(f"n{number}"))))
        assert written.after is not None
        revisions.append(written.after.revision)
    assert revisions == sorted(set(revisions))


async def test_lists_are_in_key_order_and_by_namespace(store: SqlStore) -> None:
    names = [("b", "x"), ("a", "y"), ("a-b", "x"), ("a", "x"), ("", "cluster")]
    for namespace, name in names:
        await store.write(VMS, key(name, namespace), putting(document(key(name, namespace))))
    assert [tuple(record.key) for record in store.now.list(VMS)] == sorted(names)
    assert [tuple(record.key) for record in store.now.list(VMS, "a")] == [("a", "x"), ("a", "y")]
    assert list(store.now.list(VMS, "absent")) == []
    assert store.now.count(VMS) == len(names)
    assert store.now.count(PODS) == 0


async def test_a_list_that_is_being_read_does_not_change(store: SqlStore) -> None:
    for name in "abc":
        await store.write(VMS, key(name), putting(document(key(name))))
    reading = store.now.list(VMS)
    first = next(reading)
    await store.write(VMS, key("b"), removing)
    await store.write(VMS, key("aa"), putting(document(key("aa"))))
    assert [first.key.name, *(record.key.name for record in reading)] == ["a", "b", "c"]


async def test_a_change_that_raises_fails_its_caller_alone_and_gets_no_revision(store: SqlStore) -> None:
    before = store.now.revision
    results = await asyncio.gather(
        *(store.write(VMS, key("same"), creating(VMS, document(key("same"), number))) for number in range(3)),
        store.write(VMS, key("other"), putting(document(key("other")))),
        return_exceptions=True,
    )
    assert [type(result).__name__ for result in results] == ["Written", "AlreadyExists", "AlreadyExists", "Written"]
    assert isinstance(results[1], AlreadyExists)
    assert value_of(store.now.get(VMS, key("same"))) == 0
    assert store.now.revision == before + 2


async def test_a_refusal_is_gone_as_soon_as_nobody_holds_it(store: SqlStore) -> None:
    """Conflicts come by the thousand; they are not to wait, with all that their frames hold, for the garbage collector."""

    def refuse(*_: object) -> Outcome:
        raise Conflict.of(VMS, "a")

    async def refused() -> weakref.ref[Conflict]:
        try:
            await store.write(VMS, key("a"), refuse)
        except Conflict as error:
            return weakref.ref(error)
        raise AssertionError("not refused")

    await refused()
    gc.disable()
    try:
        held = await refused()
        await asyncio.sleep(0)
        assert held() is None
    finally:
        gc.enable()


async def test_writers_of_one_object_see_each_other_without_retrying(store: SqlStore) -> None:
    await store.write(VMS, key("hot"), putting(document(key("hot"), 0)))
    await asyncio.gather(*(store.write(VMS, key("hot"), adding()) for _ in range(100)))
    assert value_of(store.now.get(VMS, key("hot"))) == 100


async def test_keep_writes_nothing_and_answers_with_what_is_there(store: SqlStore) -> None:
    await store.write(VMS, key("a"), putting(document(key("a"))))
    before = store.now.revision
    written = await store.write(VMS, key("a"), lambda current, view: Keep())
    assert written.before is written.after is store.now.get(VMS, key("a"))
    assert not written.changed
    missing = await store.write(VMS, key("b"), lambda current, view: Keep())
    assert missing.before is missing.after is None
    assert not missing.changed
    assert store.now.revision == before


async def test_a_removal_has_a_revision_of_its_own(store: SqlStore) -> None:
    created = (await store.write(VMS, key("a"), putting(document(key("a"), 5)))).after
    cursor = store.watch(VMS)
    written = await store.write(VMS, key("a"), removing)
    assert created is not None
    assert written.removed is not None
    assert written.before is created
    assert written.after is None
    assert written.changed
    assert written.removed.revision > created.revision
    assert parsed(written.removed)["metadata"]["resourceVersion"] == str(written.removed.revision)
    assert store.now.get(VMS, key("a")) is None
    (event,) = await cursor.next()
    assert event.type is EventType.REMOVE
    assert event.record is written.removed
    assert event.previous is created


async def test_removing_what_is_not_there_is_a_mistake_of_the_change(store: SqlStore) -> None:
    from solovirt.machinery.store.encoding import encode
    from solovirt.machinery.store.index import index_of
    from solovirt.machinery.store.protocol import Remove

    doc = document(key("a"))
    with pytest.raises(RuntimeError, match="isn't there"):
        await store.write(VMS, key("a"), lambda current, view: Remove(encode(doc), index_of(doc, ())))


async def test_a_change_sees_the_batch_that_it_is_in(store: SqlStore) -> None:
    for name in ("a", "c"):
        await store.write(VMS, key(name), putting(document(key(name), owners=("owner",))))
    seen: dict[str, object] = {}

    def look(current: Record | None, view: View) -> Outcome:
        seen["names"] = [record.key.name for record in view.list(VMS)]
        seen["in namespace"] = [record.key.name for record in view.list(VMS, "default")]
        seen["elsewhere"] = [record.key.name for record in view.list(VMS, "elsewhere")]
        seen["count"] = view.count(VMS)
        seen["owned"] = sorted(str(record.key) for record in view.owned_by("owner"))
        seen["gone"] = view.get(VMS, key("a"))
        seen["new"] = value_of(view.get(VMS, key("b")))
        seen["revision"] = view.revision
        return Keep()

    before = store.now.revision
    await asyncio.gather(
        store.write(VMS, key("b"), putting(document(key("b"), 1, owners=("owner",)))),
        store.write(VMS, key("a"), removing),
        store.write(VMS, key("d", "elsewhere"), putting(document(key("d", "elsewhere")))),
        store.write(PODS, key("p"), look),
    )
    assert seen == {
        "names": ["b", "c", "d"],
        "in namespace": ["b", "c"],
        "elsewhere": ["d"],
        "count": 3,
        "owned": ["default/b", "default/c"],
        "gone": None,
        "new": 1,
        "revision": before + 3,
    }


async def test_objects_are_found_by_their_owner_whatever_their_resource(store: SqlStore) -> None:
    await store.write(VMS, key("a"), putting(document(key("a"), owners=("u1", "u2"))))
    await store.write(PODS, key("p"), putting(document(key("p"), owners=("u1",))))

    def owned(uid: str) -> list[str]:
        return sorted(f"{record.resource.plural}/{record.key.name}" for record in store.now.owned_by(uid))

    assert owned("u1") == ["pods/p", "virtualmachines/a"]
    assert owned("u2") == ["virtualmachines/a"]
    await store.write(VMS, key("a"), putting(document(key("a"), owners=("u2",))))
    assert owned("u1") == ["pods/p"]
    await store.write(VMS, key("a"), removing)
    assert owned("u2") == []
    (pod,) = store.now.owned_by("u1")
    assert pod is store.now.get(PODS, key("p"))


async def test_a_cancelled_caller_does_not_disturb_the_others(store: SqlStore) -> None:
    tasks = [
        asyncio.create_task(store.write(VMS, key(f"n{number}"), putting(document(key(f"n{number}")))))
        for number in range(20)
    ]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results[::2])
    for number in range(1, 20, 2):
        assert store.now.get(VMS, key(f"n{number}")) is not None
    assert (await store.write(VMS, key("after"), putting(document(key("after"))))).changed


async def test_callers_cancelled_at_any_moment_do_not_stop_the_writer(store: SqlStore) -> None:
    for turns in range(12):
        task = asyncio.create_task(store.write(VMS, key("a"), putting(document(key("a"), turns))))
        other = asyncio.create_task(store.write(VMS, key("b"), putting(document(key("b"), turns))))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        assert (await other).changed
        assert value_of(store.now.get(VMS, key("b"))) == turns


async def test_a_watch_from_a_version_gets_everything_after_it_once(store: SqlStore) -> None:
    await store.write(VMS, key("a"), putting(document(key("a"), 1)))
    since = store.now.revision
    await store.write(VMS, key("a"), adding())
    await store.write(PODS, key("p"), putting(document(key("p"))))
    cursor = store.watch(VMS, since)
    assert cursor.revision < store.now.revision
    await store.write(VMS, key("b"), putting(document(key("b"), 9)))
    assert told(list(cursor.pending())) == [("put", "a", 1, 2), ("put", "b", None, 9)]
    assert cursor.revision == store.now.revision
    assert cursor.pending() == ()
    await store.write(VMS, key("a"), removing)
    assert told(list(await cursor.next())) == [("remove", "a", 2, 2)]


async def test_a_watch_from_now_waits_for_what_comes(store: SqlStore) -> None:
    await store.write(VMS, key("a"), putting(document(key("a"))))
    cursor = store.watch(VMS)
    waiting = asyncio.create_task(cursor.next())
    await asyncio.sleep(0)
    await store.write(PODS, key("p"), putting(document(key("p"))))
    await store.write(VMS, key("b"), putting(document(key("b"), 3)))
    assert told(list(await waiting)) == [("put", "b", None, 3)]


async def test_a_watch_from_the_future_waits_for_it(store: SqlStore) -> None:
    """Reference kubernetes-api.md 2.3: future rv on watch: 200, waits silently."""
    cursor = store.watch(VMS, store.now.revision + 2)
    assert cursor.revision == store.now.revision + 2
    for number in range(4):
        await store.write(VMS, key(f"n{number}"), putting(document(key(f"n{number}"))))
    assert [event.record.key.name for event in await cursor.next()] == ["n2", "n3"]


async def test_next_ends_empty_when_its_time_is_up(store: SqlStore) -> None:
    cursor = store.watch(VMS)
    assert list(await cursor.next(timeout=0.01)) == []
    assert list(await cursor.next(timeout=0)) == []


async def test_a_closed_cursor_ends_the_one_who_waits(store: SqlStore) -> None:
    cursor = store.watch(VMS)
    waiting = asyncio.create_task(cursor.next())
    await asyncio.sleep(0)
    cursor.close()
    cursor.close()
    assert list(await waiting) == []
    await store.write(VMS, key("a"), putting(document(key("a"))))
    assert list(await cursor.next()) == []


async def test_watchers_share_one_event(store: SqlStore) -> None:
    first, second = store.watch(VMS), store.watch(VMS)
    await store.write(VMS, key("a"), putting(document(key("a"))))
    (event,) = await first.next()
    event.encoded["json"] = b"line"
    (same,) = await second.next()
    assert same is event
    assert event.record is store.now.get(VMS, key("a"))


async def test_the_state_at_an_earlier_revision_is_exact(store: SqlStore) -> None:
    states: dict[int, dict[str, object]] = {store.now.revision: {}}
    current: dict[str, object] = {}
    for step, (name, remove) in enumerate([("a", 0), ("b", 0), ("a", 0), ("a", 1), ("c", 0), ("a", 0), ("b", 1)]):
        await store.write(VMS, key(name), removing if remove else putting(document(key(name), step)))
        current = {other: value for other, value in current.items() if other != name}
        if not remove:
            current[name] = step
        states[store.now.revision] = current
        await store.write(PODS, key(name), putting(document(key(name), step)))
        states[store.now.revision] = current
    for revision, state in states.items():
        records = await store.at(VMS, revision)
        assert {record.key.name: value_of(record) for record in records} == state
        assert [record.key for record in records] == sorted(record.key for record in records)


async def test_the_state_at_a_revision_to_come_is_refused(store: SqlStore) -> None:
    """Reference kubernetes-api.md 2.3: future rv on list."""
    asked = store.now.revision + 5
    with pytest.raises(Timeout, match=f"Too large resource version: {asked}, current: {store.now.revision}"):
        await store.at(VMS, asked)


async def test_waiting_for_a_revision_ends_when_it_is_reached(store: SqlStore) -> None:
    target = store.now.revision + 2
    waiting = asyncio.create_task(store.wait_for(target, timeout=30))
    assert not await store.wait_for(target, timeout=0.01)
    for name in "ab":
        await store.write(VMS, key(name), putting(document(key(name))))
    assert await waiting
    assert await store.wait_for(target, timeout=0)


async def test_a_fresh_view_has_every_acknowledged_write(store: SqlStore) -> None:
    await store.write(VMS, key("a"), putting(document(key("a"))))
    view = await store.fresh()
    assert view.get(VMS, key("a")) is not None


async def test_closing_commits_what_is_queued_and_refuses_what_comes(stores: Stores) -> None:
    store = await stores.open()
    cursor = store.watch(VMS)
    watching = asyncio.create_task(cursor.next())
    writes = [
        asyncio.create_task(store.write(VMS, key(f"n{number}"), putting(document(key(f"n{number}")))))
        for number in range(10)
    ]
    await asyncio.sleep(0)
    await stores.close(store)
    assert all(written.changed for written in await asyncio.gather(*writes))
    assert len(await watching) > 0
    with pytest.raises(ServiceUnavailable):
        await store.write(VMS, key("late"), putting(document(key("late"))))
    await cursor.next()  # the rest, if any
    assert list(await cursor.next()) == []


async def test_a_store_whose_tasks_were_cancelled_can_be_closed(stores: Stores) -> None:
    """As `asyncio.run` does to everything when its main task has ended."""
    store = await stores.open()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    writing = asyncio.create_task(store.write(VMS, key("a"), putting(document(key("a")))))
    await asyncio.sleep(0)
    for task in others:
        task.cancel()
    with pytest.raises(ServiceUnavailable):
        await writing
    with pytest.raises(ServiceUnavailable):
        await store.write(VMS, key("b"), putting(document(key("b"))))
    await stores.close(store)
    await store.close()


async def test_a_write_before_the_start_is_refused(stores: Stores) -> None:
    from tests.machinery.store.objects import selectable

    store = SqlStore(stores.url, clock=stores.clock, selectable=selectable)
    with pytest.raises(ServiceUnavailable):
        await store.write(VMS, key("a"), putting(document(key("a"))))


async def test_text_comes_back_as_it_went_in(store: SqlStore) -> None:
    value = 'ünïcödé \u0000 \u2028 "quoted" \\ 😀'
    await store.write(VMS, key("a"), putting(document(key("a"), value)))
    assert value_of(store.now.get(VMS, key("a"))) == value


async def test_many_writes_at_once_all_arrive(store: SqlStore) -> None:
    count = 700  # more than one transaction takes
    cursor = store.watch(VMS)
    results = await asyncio.gather(
        *(store.write(VMS, key(f"n{number}"), putting(document(key(f"n{number}"), number))) for number in range(count))
    )
    revisions = [result.after.revision for result in results if result.after is not None]
    assert len(set(revisions)) == count
    assert store.now.count(VMS) == count
    events = list(cursor.pending())
    assert [event.record.revision for event in events] == sorted(revisions)


async def test_a_change_may_look_at_any_resource_of_the_view(store: SqlStore) -> None:
    await store.write(PODS, key("p"), putting(document(key("p"), 4)))

    def copy(current: Record | None, view: View) -> Outcome:
        source = view.get(PODS, ObjectKey("default", "p"))
        assert source is not None
        change = putting(document(key("copy"), value_of(source)))
        outcome = change(current, view)
        assert isinstance(outcome, Put)
        return outcome

    await store.write(VMS, key("copy"), copy)
    assert value_of(store.now.get(VMS, key("copy"))) == 4
