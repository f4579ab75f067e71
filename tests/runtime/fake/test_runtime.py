import asyncio

import pytest

from solovirt.runtime.fake import Scenario, Stage
from solovirt.runtime.protocol import GuestError, GuestState
from solovirt.runtime.registry import RuntimeContext, RuntimeLoadError, load_runtime
from tests.runtime.contract import RuntimeContract, guest_spec


class TestFakeKeepsTheContract(RuntimeContract):
    pass


async def boot(bench, **options):
    spec = guest_spec("node01", **options)
    await bench.runtime.define(spec)
    await bench.runtime.boot(spec.id)
    return spec.id


async def state(bench, guest):
    found = await bench.runtime.find_guest(guest)
    return (found.state.value, found.reason)


def annotated(**annotations):
    return {"annotations": {f"fake.solovirt.io/{key.replace('_', '-')}": value for key, value in annotations.items()}}


async def test_a_guest_takes_its_time_to_boot(bench):
    bench.scenario.add(Stage.of(boot_seconds=5))
    guest = await boot(bench)
    await bench.clock.advance(4.9)
    assert await state(bench, guest) == ("defined", "")
    await bench.clock.advance(0.1)
    assert await state(bench, guest) == ("running", "")


async def test_without_boot_seconds_a_guest_runs_at_once(bench):
    guest = await boot(bench, metadata=annotated(boot_seconds="0"))
    assert await state(bench, guest) == ("running", "")


async def test_a_guest_that_fails_to_start_never_ran(bench):
    guest = await boot(bench, metadata=annotated(fail_to_start="no bootable device"))
    await bench.clock.advance(2)
    assert await state(bench, guest) == ("crashed", "no bootable device")
    assert (await bench.runtime.find_guest(guest)).started_at is None


async def test_a_refused_start_is_an_error(bench):
    with pytest.raises(GuestError, match="out of hugepages"):
        await boot(bench, metadata=annotated(refuse_to_start="out of hugepages"))


async def test_an_annotation_that_makes_no_sense_is_an_error(bench):
    with pytest.raises(GuestError, match=r"the annotation fake\.solovirt\.io/boot-seconds: 'soon' is no boot-seconds"):
        await boot(bench, metadata=annotated(boot_seconds="soon"))
    with pytest.raises(GuestError, match="guests have no 'colour'"):
        await boot(bench, metadata=annotated(colour="red"))


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [("crash-after", ("crashed", "panicked")), ("shutdown-after", ("shut-off", "shutdown"))],
)
async def test_a_guest_ends_by_itself(bench, annotation, expected):
    guest = await boot(bench, metadata=annotated(**{annotation: "10"}))
    await bench.clock.advance(10.9)
    assert await state(bench, guest) == ("running", "")
    await bench.clock.advance(0.1)
    assert await state(bench, guest) == expected


async def test_time_stands_still_for_a_paused_guest(bench):
    guest = await boot(bench, metadata=annotated(crash_after="10"))
    await bench.clock.advance(6)
    await bench.runtime.pause(guest)
    await bench.clock.advance(600)
    assert await state(bench, guest) == ("paused", "")
    await bench.runtime.resume(guest)
    await bench.clock.advance(4.9)
    assert await state(bench, guest) == ("running", "")
    await bench.clock.advance(0.1)
    assert await state(bench, guest) == ("crashed", "panicked")


async def test_a_reset_starts_the_guests_clock_anew(bench):
    guest = await boot(bench, metadata=annotated(crash_after="10"))
    await bench.clock.advance(6)
    await bench.runtime.reset(guest)
    await bench.clock.advance(9)
    assert await state(bench, guest) == ("running", "")


async def test_an_orderly_shutdown_takes_a_moment(bench):
    guest = await boot(bench)
    await bench.clock.advance(2)
    await bench.runtime.shut_down(guest, grace_seconds=30)
    assert await state(bench, guest) == ("shutting-down", "")
    await bench.clock.advance(1)
    assert await state(bench, guest) == ("shut-off", "shutdown")


async def test_a_guest_that_ignores_acpi_is_destroyed_after_its_grace(bench):
    guest = await boot(bench, metadata=annotated(ignores_acpi="true"))
    await bench.clock.advance(2)
    await bench.runtime.shut_down(guest, grace_seconds=30)
    await bench.clock.advance(29.9)
    assert await state(bench, guest) == ("running", "")
    await bench.clock.advance(0.1)
    assert await state(bench, guest) == ("crashed", "destroyed")


async def test_asking_again_only_shortens_the_grace(bench):
    guest = await boot(bench, metadata=annotated(ignores_acpi="true"))
    await bench.clock.advance(2)
    await bench.runtime.shut_down(guest, grace_seconds=30)
    await bench.clock.advance(5)
    await bench.runtime.shut_down(guest, grace_seconds=60)
    await bench.runtime.shut_down(guest, grace_seconds=10)
    await bench.clock.advance(10)
    assert await state(bench, guest) == ("crashed", "destroyed")


async def test_the_agent_answers_a_while_after_the_boot(bench):
    guest = await boot(bench, metadata=annotated(agent_after="5"))
    await bench.clock.advance(5)
    assert (await bench.runtime.find_guest(guest)).agent is None
    await bench.clock.advance(1)
    found = await bench.runtime.find_guest(guest)
    assert found.agent.hostname == "vm"
    assert found.interfaces[0].guest_name == "eth0"


async def test_there_may_be_no_agent(bench):
    guest = await boot(bench, metadata=annotated(agent_after="never"))
    await bench.clock.advance(3600)
    assert (await bench.runtime.find_guest(guest)).agent is None


async def test_every_transition_is_announced_when_it_happens(bench):
    events = bench.runtime.events()
    guest = await boot(bench, metadata=annotated(crash_after="10", agent_after="5"))
    assert (await anext(events)).id == guest
    seen = []

    async def listen():
        async for _ in events:
            seen.append(await state(bench, guest))  # noqa: PERF401 - each is looked at in its own moment

    listener = asyncio.create_task(listen())
    for _ in range(12):
        await bench.clock.advance(1)
    listener.cancel()
    assert seen == [("running", ""), ("running", ""), ("crashed", "panicked")]


async def test_time_goes_on_while_no_server_runs(bench):
    guest = await boot(bench, metadata=annotated(crash_after="10"))
    await bench.runtime.close()
    await bench.clock.advance(60)
    await bench.restart()
    found = await bench.runtime.find_guest(guest)
    assert found.state is GuestState.CRASHED
    assert (found.since - found.started_at).total_seconds() == 10


async def test_a_restarted_server_waits_for_the_next_transition(bench):
    guest = await boot(bench, metadata=annotated(crash_after="10"))
    await bench.clock.advance(5)
    await bench.restart()
    events = bench.runtime.events()
    await bench.clock.advance(6)
    assert (await anext(events)).id == guest
    assert await state(bench, guest) == ("crashed", "panicked")


async def test_another_replica_sees_the_same_guests(bench):
    other = bench.new_runtime(shared=True)
    await other.start()
    events = other.events()
    guest = await boot(bench)
    await bench.clock.advance(2)
    assert (await anext(events)).id == guest
    assert await other.find_guest(guest) == await bench.runtime.find_guest(guest)
    await bench.runtime.remove(guest)
    assert await other.find_guest(guest) is None
    await other.close()


async def test_addresses_come_from_the_node_and_are_used_again(bench):
    first = await boot(bench, id="a", name="a")
    await boot(bench, id="b", name="b")
    elsewhere = guest_spec("node02", id="c", name="c")
    await bench.runtime.define(elsewhere)
    found = {guest.name: guest.interfaces[0].addresses for guest in await bench.runtime.list_guests()}
    assert found == {"a": ("10.244.1.1",), "b": ("10.244.1.2",), "c": ("10.244.2.1",)}
    await bench.runtime.remove(first)
    await boot(bench, id="d", name="d")
    (address,) = (await bench.runtime.find_guest("d")).interfaces[0].addresses
    assert address == "10.244.1.1"


async def test_trouble_can_be_made_at_any_time(bench):
    crashing, leaving, lost = [await boot(bench, id=name, name=name) for name in "abc"]
    await bench.clock.advance(2)
    await bench.runtime.crash(crashing, "out of memory")
    await bench.runtime.power_off(leaving)
    await bench.runtime.lose(lost)
    assert await state(bench, crashing) == ("crashed", "out of memory")
    assert await state(bench, leaving) == ("shut-off", "shutdown")
    assert await bench.runtime.find_guest(lost) is None


def test_stages_select_by_glob_and_label_and_later_ones_win():
    scenario = Scenario.from_data(
        [
            {"boot-seconds": 3},
            {"name": "web-*", "crash-after": 30, "ignores-acpi": True},
            {"labels": {"tier": "db"}, "boot-seconds": 9, "agent-after": None},
        ]
    )
    plain = scenario.script("default", "other", {}, {})
    web = scenario.script("default", "web-1", {"tier": "db"}, {"fake.solovirt.io/crash-after": "5"})
    assert (plain.boot_seconds, plain.crash_after, plain.ignores_acpi) == (3, None, False)
    assert (web.boot_seconds, web.crash_after, web.ignores_acpi, web.agent_after) == (9, 5, True, None)


async def test_the_fake_runtime_is_found_without_being_installed(bench, tmp_path):
    runtime = load_runtime("fake", RuntimeContext(bench.clock, bench.facts, tmp_path, nodes=3))
    assert [node.name for node in await runtime.nodes()] == ["node01", "node02", "node03"]


def test_an_unknown_runtime_is_refused_with_the_known_ones(bench, tmp_path):
    with pytest.raises(RuntimeLoadError, match="there is no runtime 'xen'; installed: fake"):
        load_runtime("xen", RuntimeContext(bench.clock, bench.facts, tmp_path))
