"""The manager runs controllers level-triggered, one key at a time, and brings them through failures and restarts."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import pytest

from solovirt.machinery.control.protocol import DONE, ObjectRef, Result, Source, TerminalError
from solovirt.machinery.resource import GroupResource, ObjectKey

CONFIG_MAPS = GroupResource("", "configmaps")
EVENTS = GroupResource("", "events")
NAMESPACES = GroupResource("", "namespaces")
SECRETS = GroupResource("", "secrets")


class Recording:
    """A controller that notes what it is asked to reconcile, and does what the test says."""

    name = "recording-controller"
    resource = CONFIG_MAPS

    def __init__(self, *sources, act=None):
        self.sources = sources
        self.seen = []
        self.act = act

    async def reconcile(self, key):
        self.seen.append(key.name)
        return DONE if self.act is None else await self.act(key)

    def taken(self):
        seen, self.seen = self.seen, []
        return sorted(seen)


async def test_everything_that_exists_is_reconciled_at_the_start(world):
    for name in "abc":
        await world.create(CONFIG_MAPS, name)
    controller = Recording()
    await world.running(controller)
    assert controller.taken() == ["a", "b", "c"]


async def test_created_changed_and_deleted_objects_are_reconciled(world):
    controller = Recording()
    manager = await world.running(controller)
    await world.create(CONFIG_MAPS, "a")
    await manager.settle()
    assert controller.taken() == ["a"]
    await world.edit(CONFIG_MAPS, "a", data={"x": "y"})
    await manager.settle()
    assert controller.taken() == ["a"]
    await world.delete(CONFIG_MAPS, "a")
    await manager.settle()
    assert controller.taken() == ["a"]


def config_map_named_in(secret):
    return [ObjectKey("default", name) for name in (secret.get("stringData") or secret["metadata"]["labels"]).values()]


async def test_a_related_object_wakes_what_it_points_to_and_what_it_pointed_to(world):
    controller = Recording(Source(SECRETS, config_map_named_in))
    manager = await world.running(controller)
    secret = await world.create(SECRETS, "s")
    await manager.settle()
    secret["metadata"]["labels"] = {"for": "a"}
    await world.edit(SECRETS, "s", metadata=secret["metadata"])
    await manager.settle()
    assert controller.taken() == ["a"]
    secret["metadata"] = world.find(SECRETS, "s")["metadata"] | {"labels": {"for": "b"}}
    await world.edit(SECRETS, "s", metadata=secret["metadata"])
    await manager.settle()
    assert controller.taken() == ["a", "b"]
    await world.delete(SECRETS, "s")
    await manager.settle()
    assert controller.taken() == ["b"]


async def test_a_mapping_that_fails_is_logged_and_keeps_nobody_else_from_events(world, caplog):
    def fail(document):
        raise KeyError("surprise")

    broken, other = Recording(Source(SECRETS, fail)), Recording(Source(SECRETS))
    other.name = "other-controller"
    manager = await world.running(broken, other)
    with caplog.at_level(logging.ERROR, "solovirt.control"):
        await world.create(SECRETS, "s")
        await manager.settle()
    assert other.taken() == ["s"]
    assert "could not be turned into keys" in caplog.text


async def test_a_failing_reconcile_is_tried_again_with_back_off_and_traced_once(world, caplog):
    async def fail(key):
        raise RuntimeError("no luck")

    controller = Recording(act=fail)
    manager = await world.running(controller)
    with caplog.at_level(logging.WARNING, "solovirt.control"):
        await world.create(CONFIG_MAPS, "a")
        await manager.settle()
        assert controller.taken() == ["a"]
        for milliseconds in (5, 10, 20):
            await world.clock.advance(timedelta(milliseconds=milliseconds - 1))
            await manager.settle()
            assert controller.taken() == []
            await world.clock.advance(timedelta(milliseconds=1))
            await manager.settle()
            assert controller.taken() == ["a"]
    traced = [record for record in caplog.records if record.exc_info]
    assert len(traced) == 1
    assert len(caplog.records) == 4


async def test_success_starts_the_back_off_again(world):
    outcomes = [RuntimeError(), RuntimeError(), None, RuntimeError()]

    async def act(key):
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome
        return DONE

    controller = Recording(act=act)
    manager = await world.running(controller)
    await world.create(CONFIG_MAPS, "a")
    await manager.settle()
    for _ in range(2):
        await world.clock.advance(0.01)
        await manager.settle()
    await world.edit(CONFIG_MAPS, "a", data={"x": "y"})
    await manager.settle()
    outcomes.append(None)
    controller.taken()
    await world.clock.advance(0.005)
    await manager.settle()
    assert controller.taken() == ["a"]


async def test_a_terminal_error_is_not_tried_again_until_something_changes(world, caplog):
    async def give_up(key):
        raise TerminalError("it can't work")

    controller = Recording(act=give_up)
    manager = await world.running(controller)
    with caplog.at_level(logging.ERROR, "solovirt.control"):
        await world.create(CONFIG_MAPS, "a")
        await manager.settle()
        await world.clock.advance(10_000)
        await manager.settle()
    assert controller.taken() == ["a"]
    assert "recording-controller gave up on default/a: it can't work" in caplog.text
    await world.edit(CONFIG_MAPS, "a", data={"x": "y"})
    await manager.settle()
    assert controller.taken() == ["a"]


async def test_a_reconcile_comes_again_when_it_asked_to(world):
    async def act(key):
        return Result(timedelta(minutes=5))

    controller = Recording(act=act)
    manager = await world.running(controller)
    await world.create(CONFIG_MAPS, "a")
    await manager.settle()
    await world.clock.advance(299)
    await manager.settle()
    assert controller.taken() == ["a"]
    await world.clock.advance(1)
    await manager.settle()
    assert controller.taken() == ["a"]


async def test_one_key_is_never_reconciled_twice_at_once(world):
    running = set()

    async def act(key):
        assert key not in running
        running.add(key)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        running.discard(key)
        return DONE

    controller = Recording(act=act)
    manager = await world.running(controller)
    await world.create(CONFIG_MAPS, "a")
    for number in range(20):
        await world.edit(CONFIG_MAPS, "a", data={"n": str(number)})
    await manager.settle()
    assert set(controller.seen) == {"a"}


async def test_a_restarted_manager_finishes_what_was_under_way(world):
    """The first manager is stopped in the middle of a reconcile that waits for ever; the second one finds the work again."""
    never = asyncio.Event()

    async def hang(key):
        await never.wait()

    hanging = Recording(act=hang)
    manager = world.manager(hanging)
    await manager.start()
    await world.create(CONFIG_MAPS, "a")
    while not hanging.seen:
        await asyncio.sleep(0)
    await manager.stop(deadline=0.01)

    async def mark(key):
        await world.edit(CONFIG_MAPS, key.name, data={"done": "yes"})
        return DONE

    await world.running(Recording(act=mark))
    assert world.find(CONFIG_MAPS, "a")["data"] == {"done": "yes"}


async def test_stopping_lets_a_running_reconcile_finish(world):
    started, go_on, finished = asyncio.Event(), asyncio.Event(), []

    async def act(key):
        started.set()
        await go_on.wait()
        finished.append(key)
        return DONE

    manager = world.manager(Recording(act=act))
    await manager.start()
    await world.create(CONFIG_MAPS, "a")
    await started.wait()
    stopping = asyncio.ensure_future(manager.stop())
    await asyncio.sleep(0)
    go_on.set()
    await stopping
    assert finished == [ObjectKey("default", "a")]
    await manager.stop()


async def test_missed_events_make_everything_be_looked_at_again(world, monkeypatch):
    from solovirt.machinery.errors import Expired

    controller = Recording()
    manager = await world.running(controller)
    for name in "ab":
        await world.create(CONFIG_MAPS, name)
    await manager.settle()
    controller.taken()
    cursor = manager._pumps[CONFIG_MAPS]._cursor
    real = type(cursor).pending

    def pending(self):
        if self is cursor:
            raise Expired("too old resource version: 1 (5)")
        return real(self)

    monkeypatch.setattr(type(cursor), "pending", pending)
    await world.create(CONFIG_MAPS, "c")
    await manager.settle()
    assert controller.taken() == ["a", "b", "c"]
    await world.create(CONFIG_MAPS, "d")
    await manager.settle()
    assert controller.taken() == ["d"]


class EveryKind:
    name = "every-kind-controller"

    def __init__(self):
        self.seen = []

    def survey(self):
        return [ObjectRef(NAMESPACES, ObjectKey("", "default"))]

    def wake(self, event):
        return [ObjectRef(event.record.resource, event.record.key)]

    async def reconcile_object(self, ref):
        self.seen.append((ref.resource.plural, ref.key.name))
        return DONE


async def test_a_controller_of_every_kind_sees_all_events_and_resources_that_come_later(world):
    secrets = world.registry.get(SECRETS)
    world.registry.unregister(SECRETS)
    controller = EveryKind()
    manager = await world.running(controller)
    await world.create(CONFIG_MAPS, "a")
    await manager.settle()
    assert controller.seen == [("namespaces", "default"), ("configmaps", "a")]
    world.registry.register(secrets)
    # As with a CustomResourceDefinition, which is written once more (Established) after its kind is served.
    await world.create(CONFIG_MAPS, "b")
    await manager.settle()
    await world.create(SECRETS, "s")
    await manager.settle()
    assert ("secrets", "s") in controller.seen


async def test_a_key_can_be_queued_for_a_reason_outside_of_objects(world):
    controller = Recording()
    manager = await world.running(controller)
    manager.enqueue(controller, ObjectKey("default", "guest"))
    await manager.settle()
    assert controller.taken() == ["guest"]
    manager.enqueue(controller, ObjectKey("default", "guest"), after=timedelta(seconds=3))
    await manager.settle()
    assert controller.taken() == []
    await world.clock.advance(3)
    await manager.settle()
    assert controller.taken() == ["guest"]


async def test_a_failing_background_task_shows_in_health_and_is_started_again(world, caplog):
    class Background:
        name = "weather"
        runs = 0

        async def run(self):
            self.runs += 1
            if self.runs == 1:
                raise RuntimeError("rain")
            await asyncio.Event().wait()

    background = Background()
    manager = world.manager()
    manager.add_background(background)
    assert manager.health() == ["controllers are not running"]
    await manager.start()
    await manager.settle()
    assert manager.health() == ["weather: rain"]
    assert "background task weather failed" in caplog.text
    await world.clock.advance(1)
    await manager.settle()
    assert background.runs == 2
    assert manager.health() == []


async def test_two_controllers_may_share_a_name_but_not_a_resource(world):
    manager = world.manager(Recording())
    other = Recording()
    other.resource = SECRETS
    manager.add(other)
    with pytest.raises(ValueError, match="there is a controller recording-controller of secrets already"):
        manager.add(other)


async def test_writes_carry_the_controllers_name_and_identity(world):
    manager = await world.running()
    tools = manager.tools("some-controller")
    made = await tools.objects.create(
        CONFIG_MAPS, {"metadata": {"namespace": "default", "name": "a"}, "data": {"x": "x"}}
    )
    assert made["kind"] == "ConfigMap"
    assert [one["manager"] for one in made["metadata"]["managedFields"]] == ["some-controller"]
    changed = await tools.objects.edit(CONFIG_MAPS, ObjectKey("default", "a"), lambda obj: obj.update(data={"x": "y"}))
    assert changed["data"] == {"x": "y"}
    assert await tools.objects.edit(CONFIG_MAPS, ObjectKey("default", "no"), lambda obj: None) is None
    assert not await tools.objects.delete(CONFIG_MAPS, ObjectKey("default", "a"), uid="other")
    assert await tools.objects.delete(CONFIG_MAPS, ObjectKey("default", "a"), uid=made["metadata"]["uid"])
    assert not await tools.objects.delete(CONFIG_MAPS, ObjectKey("default", "a"))
