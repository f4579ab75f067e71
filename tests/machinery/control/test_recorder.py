"""Events are written and aggregated as client-go's recorder does."""

from __future__ import annotations

import re

import pytest

from solovirt.machinery.resource import GroupResource

CONFIG_MAPS = GroupResource("", "configmaps")
EVENTS = GroupResource("", "events")
NAMESPACES = GroupResource("", "namespaces")


@pytest.fixture
async def manager(world):
    return await world.running()


@pytest.fixture
def recorder(manager):
    return manager.tools("some-controller").recorder


async def test_an_event_says_what_happened_to_which_object(world, manager, recorder):
    about = await world.create(CONFIG_MAPS, "a")
    recorder.event(about, "Normal", "SuccessfulCreate", "Created it")
    await manager.settle()
    (event,) = world.all(EVENTS)
    assert re.fullmatch(r"a\.[0-9a-f]{16}", event["metadata"]["name"])
    assert event["metadata"]["namespace"] == "default"
    assert event["involvedObject"] == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "namespace": "default",
        "name": "a",
        "uid": about["metadata"]["uid"],
        "resourceVersion": about["metadata"]["resourceVersion"],
    }
    assert {field: event[field] for field in ("type", "reason", "message", "count")} == {
        "type": "Normal",
        "reason": "SuccessfulCreate",
        "message": "Created it",
        "count": 1,
    }
    assert event["source"] == {"component": "some-controller"}
    assert event["reportingComponent"] == "some-controller"
    assert event["firstTimestamp"] == event["lastTimestamp"] == "2026-01-01T00:00:00Z"


async def test_an_event_about_a_cluster_scoped_object_is_in_default(world, manager, recorder):
    recorder.event(world.find(NAMESPACES, "default"), "Normal", "Seen", "It is there")
    await manager.settle()
    (event,) = world.all(EVENTS)
    assert event["metadata"]["namespace"] == "default"
    assert "namespace" not in event["involvedObject"]


async def test_a_repetition_raises_the_count_of_the_same_event(world, manager, recorder):
    about = await world.create(CONFIG_MAPS, "a")
    for _ in range(3):
        recorder.event(about, "Warning", "Failed", "no luck")
        await world.clock.advance(10)
    await manager.settle()
    (event,) = world.all(EVENTS)
    assert event["count"] == 3
    assert event["firstTimestamp"] == "2026-01-01T00:00:00Z"
    assert event["lastTimestamp"] == "2026-01-01T00:00:20Z"


async def test_another_message_is_another_event(world, manager, recorder):
    about = await world.create(CONFIG_MAPS, "a")
    recorder.event(about, "Normal", "Tried", "one")
    recorder.event(about, "Normal", "Tried", "two")
    await manager.settle()
    assert [event["message"] for event in world.all(EVENTS)] == ["one", "two"]


async def test_many_similar_messages_become_one_event(world, manager, recorder):
    """The tenth different message within ten minutes is combined with those that follow."""
    about = await world.create(CONFIG_MAPS, "a")
    for number in range(12):
        recorder.event(about, "Warning", "Failed", f"attempt {number}")
    await manager.settle()
    events = world.all(EVENTS)
    assert len(events) == 10
    combined = [event for event in events if event["message"].startswith("(combined from similar events): ")]
    assert [(event["message"], event["count"]) for event in combined] == [
        ("(combined from similar events): attempt 11", 3)
    ]


async def test_an_object_that_too_much_is_said_about_is_left_alone_for_a_while(world, manager, recorder):
    about = await world.create(CONFIG_MAPS, "a")
    for _ in range(40):
        recorder.event(about, "Warning", "Failed", "no luck")
    await manager.settle()
    (event,) = world.all(EVENTS)
    assert event["count"] == 25
    await world.clock.advance(300)
    recorder.event(about, "Warning", "Failed", "no luck")
    await manager.settle()
    (event,) = world.all(EVENTS)
    assert event["count"] == 41


async def test_an_event_that_was_deleted_is_written_again_and_goes_on_counting(world, manager, recorder):
    about = await world.create(CONFIG_MAPS, "a")
    recorder.event(about, "Warning", "Failed", "no luck")
    await manager.settle()
    (event,) = world.all(EVENTS)
    await world.delete(EVENTS, event["metadata"]["name"])
    recorder.event(about, "Warning", "Failed", "no luck")
    await manager.settle()
    (event,) = world.all(EVENTS)
    assert event["count"] == 2


async def test_events_at_one_frozen_moment_have_names_of_their_own_also_after_a_restart(world, manager, recorder):
    about = await world.create(CONFIG_MAPS, "a")
    recorder.event(about, "Normal", "One", "one")
    await manager.stop()
    second = await world.running()
    second.tools("some-controller").recorder.event(about, "Normal", "Two", "two")
    await second.settle()
    assert len({event["metadata"]["name"] for event in world.all(EVENTS)}) == 2


async def test_events_of_one_object_are_written_in_order(world, manager, recorder):
    about = await world.create(CONFIG_MAPS, "a")
    for number in range(9):
        recorder.event(about, "Normal", f"Reason{number}", "x")
    await manager.settle()
    by_version = sorted(world.all(EVENTS), key=lambda event: int(event["metadata"]["resourceVersion"]))
    assert [event["reason"] for event in by_version] == [f"Reason{number}" for number in range(9)]


async def test_stopping_writes_what_was_recorded(world, manager, recorder):
    about = await world.create(CONFIG_MAPS, "a")
    recorder.event(about, "Normal", "Last", "words")
    await manager.stop()
    assert [event["reason"] for event in world.all(EVENTS)] == ["Last"]


async def test_an_event_that_can_not_be_written_is_logged(world, manager, recorder, caplog):
    about = await world.create(CONFIG_MAPS, "a")
    about["metadata"]["namespace"] = "nowhere"
    recorder.event(about, "Normal", "Lost", "x")
    await manager.settle()
    assert world.all(EVENTS) == []
    assert "event Lost about a refused" in caplog.text
