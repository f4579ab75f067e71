"""
What every runtime must do (`solovirt.runtime.protocol`): derive a class from `RuntimeContract` and provide the fixture `bench`.

The suite speaks of guests in general: it waits for states by letting the bench's time pass, whether that is simulated or real.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import pytest

from solovirt.runtime.protocol import (
    DiskImage,
    Guest,
    GuestError,
    GuestId,
    GuestSize,
    GuestSpec,
    GuestState,
    Runtime,
    SupportsHotplug,
    SupportsInterfaceHotplug,
    SupportsLiveUpdate,
    SupportsMemoryDump,
    SupportsPause,
    SupportsReset,
)


class Bench(Protocol):
    """A runtime under test, and its surroundings."""

    runtime: Runtime

    async def pass_time(self, seconds: float) -> None:
        """Let *seconds* go by."""
        ...

    async def restart(self) -> Runtime:
        """Close the runtime and open it again, as a restarted server would; it is `runtime` from then on."""
        ...


def guest_spec(
    node: str, *, id: str = "uid-1", name: str = "vm", start_paused: bool = False, **instance: Any
) -> GuestSpec:
    document = {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachineInstance",
        "metadata": {"name": name, "namespace": "default", "uid": id, **instance.pop("metadata", {})},
        "spec": {
            "architecture": "amd64",
            "domain": {
                "machine": {"type": "q35"},
                "memory": {"guest": "64Mi"},
                "cpu": {"cores": 1, "sockets": 1, "threads": 1},
                "devices": {"interfaces": [{"name": "default", "masquerade": {}}]},
            },
            "networks": [{"name": "default", "pod": {}}],
            **instance,
        },
    }
    return GuestSpec(GuestId(id), "default", name, node, document, start_paused=start_paused)


class RuntimeContract:
    PATIENCE = 60
    """How many seconds anything may take."""

    async def wait(self, bench: Bench, guest: GuestId, wanted: Callable[[Guest | None], bool]) -> Guest:
        for _ in range(self.PATIENCE * 2):
            found = await bench.runtime.find_guest(guest)
            if wanted(found):
                assert found is not None
                return found
            await bench.pass_time(0.5)
        raise AssertionError(f"still {found}")

    async def until(self, bench: Bench, guest: GuestId, *states: GuestState) -> Guest:
        return await self.wait(bench, guest, lambda found: found is not None and found.state in states)

    async def started(self, bench: Bench, **options: Any) -> GuestId:
        spec = guest_spec((await bench.runtime.nodes())[0].name, **options)
        await bench.runtime.define(spec)
        await bench.runtime.boot(spec.id)
        await self.until(bench, spec.id, GuestState.PAUSED if spec.start_paused else GuestState.RUNNING)
        return spec.id

    async def test_there_is_a_node_with_room(self, bench: Bench):
        nodes = await bench.runtime.nodes()
        assert nodes
        assert len({node.name for node in nodes}) == len(nodes)
        assert all(node.cpus > 0 and node.memory_bytes > 0 and node.max_guests > 0 for node in nodes)

    async def test_a_defined_guest_is_known_and_does_not_run(self, bench: Bench):
        spec = guest_spec((await bench.runtime.nodes())[0].name)
        await bench.runtime.define(spec)
        await bench.pass_time(5)
        guest = await bench.runtime.find_guest(spec.id)
        assert guest is not None
        assert (guest.id, guest.namespace, guest.name, guest.node) == (spec.id, "default", "vm", spec.node)
        assert guest.state is GuestState.DEFINED
        assert guest.started_at is None
        assert [found.id for found in await bench.runtime.list_guests()] == [spec.id]

    async def test_defining_twice_is_defining_once(self, bench: Bench):
        guest = await self.started(bench)
        before = await bench.runtime.find_guest(guest)
        assert before is not None
        await bench.runtime.define(guest_spec(before.node))
        assert await bench.runtime.find_guest(guest) == before

    async def test_a_guest_is_not_defined_on_a_node_that_is_not_there(self, bench: Bench):
        with pytest.raises(GuestError):
            await bench.runtime.define(guest_spec("nowhere"))
        assert not await bench.runtime.list_guests()

    async def test_a_booted_guest_runs_and_has_its_interface(self, bench: Bench):
        guest = await bench.runtime.find_guest(await self.started(bench))
        assert guest is not None
        assert guest.started_at is not None
        (interface,) = guest.interfaces
        assert interface.name == "default"
        assert interface.mac.count(":") == 5

    async def test_a_given_mac_is_used(self, bench: Bench):
        spec = guest_spec((await bench.runtime.nodes())[0].name)
        devices = spec.instance["spec"]["domain"]["devices"]
        devices["interfaces"] = [{"name": "default", "masquerade": {}, "macAddress": "DE-AD-00-00-BE-AF"}]
        await bench.runtime.define(spec)
        await bench.runtime.boot(spec.id)
        guest = await self.until(bench, spec.id, GuestState.RUNNING)
        assert guest.interfaces[0].mac == "de:ad:00:00:be:af"

    async def test_booting_a_running_guest_changes_nothing(self, bench: Bench):
        guest = await self.started(bench)
        before = await bench.runtime.find_guest(guest)
        await bench.runtime.boot(guest)
        assert await bench.runtime.find_guest(guest) == before

    async def test_an_unknown_guest_is_not_booted(self, bench: Bench):
        assert await bench.runtime.find_guest(GuestId("nobody")) is None
        with pytest.raises(GuestError):
            await bench.runtime.boot(GuestId("nobody"))

    async def test_what_is_off_or_unknown_is_left_alone(self, bench: Bench):
        for guest in (GuestId("nobody"), await self.started(bench)):
            await bench.runtime.destroy(guest)
            before = await bench.runtime.find_guest(guest)
            await bench.runtime.destroy(guest)
            await bench.runtime.shut_down(guest, grace_seconds=5)
            assert await bench.runtime.find_guest(guest) == before
        await bench.runtime.remove(GuestId("nobody"))

    async def test_a_destroyed_guest_counts_as_crashed(self, bench: Bench):
        guest = await self.started(bench)
        await bench.runtime.destroy(guest)
        found = await self.until(bench, guest, GuestState.CRASHED)
        assert found.reason == "destroyed"
        assert found.started_at is not None

    async def test_a_guest_that_gets_no_grace_is_destroyed(self, bench: Bench):
        guest = await self.started(bench)
        await bench.runtime.shut_down(guest, grace_seconds=0)
        assert (await self.until(bench, guest, GuestState.CRASHED)).reason == "destroyed"

    async def test_a_guest_that_does_not_run_yet_is_destroyed_by_a_shutdown(self, bench: Bench):
        spec = guest_spec((await bench.runtime.nodes())[0].name)
        await bench.runtime.define(spec)
        await bench.runtime.shut_down(spec.id, grace_seconds=30)
        found = await self.until(bench, spec.id, GuestState.CRASHED)
        assert found.started_at is None

    async def test_a_removed_guest_is_forgotten_and_its_id_may_return(self, bench: Bench):
        guest = await self.started(bench)
        await bench.runtime.remove(guest)
        assert await bench.runtime.find_guest(guest) is None
        assert not await bench.runtime.list_guests()
        assert await self.started(bench) == guest

    async def test_guests_outlive_the_server(self, bench: Bench):
        guest = await self.started(bench)
        before = await bench.runtime.find_guest(guest)
        runtime = await bench.restart()
        assert await runtime.find_guest(guest) == before
        assert list(await runtime.list_guests()) == [before]

    async def test_changes_are_announced(self, bench: Bench):
        events = bench.runtime.events()
        guest = await self.started(bench)
        event = await asyncio.wait_for(anext(events), 5)
        assert (event.id, event.namespace, event.name) == (guest, "default", "vm")

    async def test_the_stream_of_events_ends_with_the_runtime(self, bench: Bench):
        events = bench.runtime.events()
        await bench.restart()
        assert [event async for event in events] == []

    async def test_many_guests_have_addresses_and_names_of_their_own(self, bench: Bench):
        ids = [await self.started(bench, id=f"uid-{number}", name=f"vm-{number}") for number in range(5)]
        guests = await bench.runtime.list_guests()
        assert sorted(guest.id for guest in guests) == sorted(ids)
        macs = [interface.mac for guest in guests for interface in guest.interfaces]
        addresses = [address for guest in guests for interface in guest.interfaces for address in interface.addresses]
        assert len(set(macs)) == len(macs)
        assert len(set(addresses)) == len(addresses)

    # -- what a runtime may lack

    def supporting(self, bench: Bench, protocol: type) -> Any:
        if not isinstance(bench.runtime, protocol):
            pytest.skip(f"the runtime does not implement {protocol.__name__}")
        return bench.runtime

    async def test_a_guest_is_paused_and_goes_on(self, bench: Bench):
        runtime = self.supporting(bench, SupportsPause)
        guest = await self.started(bench)
        await runtime.pause(guest)
        await self.until(bench, guest, GuestState.PAUSED)
        await runtime.pause(guest)
        await runtime.resume(guest)
        await self.until(bench, guest, GuestState.RUNNING)
        await runtime.resume(guest)

    async def test_a_guest_can_start_paused(self, bench: Bench):
        runtime = self.supporting(bench, SupportsPause)
        guest = await self.started(bench, start_paused=True)
        await runtime.resume(guest)
        await self.until(bench, guest, GuestState.RUNNING)

    async def test_a_guest_that_is_off_is_neither_paused_nor_reset(self, bench: Bench):
        guest = await self.started(bench)
        await bench.runtime.destroy(guest)
        await self.until(bench, guest, GuestState.CRASHED)
        for protocol, verbs in ((SupportsPause, ("pause", "resume")), (SupportsReset, ("reset", "soft_reboot"))):
            if isinstance(bench.runtime, protocol):
                for verb in verbs:
                    with pytest.raises(GuestError):
                        await getattr(bench.runtime, verb)(guest)

    async def test_a_reset_guest_still_runs(self, bench: Bench):
        runtime = self.supporting(bench, SupportsReset)
        guest = await self.started(bench)
        await runtime.reset(guest)
        await self.until(bench, guest, GuestState.RUNNING)
        await runtime.soft_reboot(guest)
        await self.until(bench, guest, GuestState.RUNNING)

    async def test_a_disk_is_plugged_in_and_pulled_out(self, bench: Bench):
        runtime = self.supporting(bench, SupportsHotplug)
        guest = await self.started(bench)
        before = await bench.runtime.find_guest(guest)
        assert before is not None
        for name in ("one", "two"):
            disk = {"name": name, "disk": {"bus": "scsi"}}
            for _ in range(2):
                await runtime.attach(guest, disk, DiskImage(name))
        grown = await self.wait(bench, guest, lambda found: _plugged(found) >= {"one", "two"})
        targets = [disk.target for disk in grown.disks]
        assert len(set(targets)) == len(targets)
        await runtime.detach(guest, "one")
        await runtime.detach(guest, "never")
        shrunk = await self.wait(bench, guest, lambda found: "one" not in _plugged(found))
        assert _plugged(shrunk) == _plugged(before) | {"two"}
        await runtime.attach(guest, {"name": "one", "disk": {"bus": "scsi"}}, DiskImage("one"))
        await self.wait(bench, guest, lambda found: "one" in _plugged(found))

    async def test_plugged_disks_outlive_the_server(self, bench: Bench):
        runtime = self.supporting(bench, SupportsHotplug)
        guest = await self.started(bench)
        await runtime.attach(guest, {"name": "one", "disk": {"bus": "virtio"}}, DiskImage("one"))
        before = await self.wait(bench, guest, lambda found: "one" in _plugged(found))
        await bench.restart()
        assert await bench.runtime.find_guest(guest) == before

    async def test_a_running_guest_takes_on_another_size(self, bench: Bench):
        runtime = self.supporting(bench, SupportsLiveUpdate)
        guest = await self.started(bench)
        before = await bench.runtime.find_guest(guest)
        assert before is not None
        assert before.size == GuestSize(1, 64 << 20)
        wanted = GuestSize(2, 128 << 20)
        await runtime.resize(guest, wanted)
        await runtime.resize(guest, wanted)
        await self.wait(bench, guest, lambda found: found is not None and found.size == wanted)

    async def test_interfaces_come_and_go(self, bench: Bench):
        runtime = self.supporting(bench, SupportsInterfaceHotplug)
        guest = await self.started(bench)
        before = await bench.runtime.find_guest(guest)
        assert before is not None
        instance = guest_spec(before.node).instance
        devices = instance["spec"]["domain"]["devices"]
        devices["interfaces"].append({"name": "second", "bridge": {}, "state": "down"})
        await runtime.set_interfaces(guest, instance)

        def links(found: Guest | None) -> dict[str, bool]:
            return {one.name: one.link_up for one in found.interfaces} if found is not None else {}

        after = await self.wait(bench, guest, lambda found: links(found) == {"default": True, "second": False})
        assert after.interfaces[0].mac == before.interfaces[0].mac
        devices["interfaces"][1]["state"] = "absent"
        await runtime.set_interfaces(guest, instance)
        await self.wait(bench, guest, lambda found: links(found) == {"default": True})

    async def test_memory_is_dumped_once(self, bench: Bench):
        runtime = self.supporting(bench, SupportsMemoryDump)
        guest = await self.started(bench)
        image = DiskImage("dump")
        await runtime.dump_memory(guest, image, "first.memory.dump")
        done = await self.wait(bench, guest, lambda found: _dumped(found, "first.memory.dump"))
        assert done.memory_dump is not None
        assert not done.memory_dump.error
        await runtime.dump_memory(guest, image, "first.memory.dump")
        assert await bench.runtime.find_guest(guest) == done
        await runtime.dump_memory(guest, image, "second.memory.dump")
        await self.wait(bench, guest, lambda found: _dumped(found, "second.memory.dump"))

    async def test_the_hardware_of_a_guest_that_is_off_stays_as_it_is(self, bench: Bench):
        guest = await self.started(bench)
        await bench.runtime.destroy(guest)
        await self.until(bench, guest, GuestState.CRASHED)
        commands: tuple[tuple[type, str, tuple[Any, ...]], ...] = (
            (SupportsHotplug, "attach", ({"name": "one", "disk": {"bus": "scsi"}}, DiskImage("one"))),
            (SupportsHotplug, "detach", ("one",)),
            (SupportsLiveUpdate, "resize", (GuestSize(2, 128 << 20),)),
            (SupportsInterfaceHotplug, "set_interfaces", ({"spec": {}},)),
            (SupportsMemoryDump, "dump_memory", (DiskImage("dump"), "a.memory.dump")),
        )
        for protocol, verb, arguments in commands:
            if isinstance(bench.runtime, protocol):
                with pytest.raises(GuestError):
                    await getattr(bench.runtime, verb)(guest, *arguments)


def _plugged(guest: Guest | None) -> set[str]:
    return {disk.volume for disk in guest.disks} if guest is not None else set()


def _dumped(guest: Guest | None, file_name: str) -> bool:
    dump = guest.memory_dump if guest is not None else None
    return dump is not None and dump.file_name == file_name and dump.ended_at is not None
