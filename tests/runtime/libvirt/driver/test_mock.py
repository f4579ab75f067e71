"""The driver on libvirt's mock: everything but QEMU."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import libvirt
import pytest

from solovirt.machinery.clock import SystemClock
from solovirt.runtime.libvirt.runtime import LibvirtRuntime
from solovirt.runtime.protocol import Guest, GuestError, GuestId, GuestState
from solovirt.runtime.registry import RuntimeContext, RuntimeUnavailable
from tests.runtime.contract import RuntimeContract, guest_spec
from tests.runtime.libvirt.driver.benches import MOCK, LibvirtBench
from tests.runtime.memory_facts import MemoryFacts


class TestTheMockDriverKeepsTheContract(RuntimeContract):
    @pytest.fixture
    def bench(self, mock_bench):
        return mock_bench

    async def test_a_guest_can_start_paused(self, bench):
        """The mock starts nothing paused (reference libvirt-here.md 2), and says so."""
        spec = guest_spec((await bench.runtime.nodes())[0].name, start_paused=True)
        await bench.runtime.define(spec)
        with pytest.raises(GuestError, match="unsupported flags"):
            await bench.runtime.boot(spec.id)


async def started(bench: LibvirtBench, **options: Any) -> GuestId:
    spec = guest_spec((await bench.runtime.nodes())[0].name, **options)
    await bench.runtime.define(spec)
    await bench.runtime.boot(spec.id)
    return spec.id


async def until(bench: LibvirtBench, guest: GuestId, wanted: Callable[[Guest | None], bool]) -> Guest | None:
    for _ in range(100):
        found = await bench.runtime.find_guest(guest)
        if wanted(found):
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"still {found}")


def domain_of(mock, guest: GuestId):
    return next(one for one in mock.listAllDomains() if f'id="{guest}"' in one.XMLDesc(0).replace("'", '"'))


async def test_what_is_done_to_a_domain_behind_our_back_is_seen(mock, mock_bench):
    guest = await started(mock_bench)
    domain = domain_of(mock, guest)
    await asyncio.to_thread(domain.suspend)
    await until(mock_bench, guest, lambda found: found is not None and found.state is GuestState.PAUSED)
    await asyncio.to_thread(domain.resume)
    await until(mock_bench, guest, lambda found: found is not None and found.state is GuestState.RUNNING)
    await asyncio.to_thread(domain.shutdown)
    found = await until(mock_bench, guest, lambda found: found is not None and found.state is GuestState.SHUT_OFF)
    assert found is not None
    assert found.reason == "shutdown"


async def test_a_domain_without_a_record_is_adopted(mock, mock_bench):
    """A server that was killed between defining a domain and writing it down."""
    guest = await started(mock_bench)
    before = await mock_bench.runtime.find_guest(guest)
    await mock_bench.facts.delete("libvirt.guests", guest)
    after = await (await mock_bench.restart()).find_guest(guest)
    assert after is not None
    assert (after.state, after.interfaces, after.machine_type) == (
        GuestState.RUNNING,
        before.interfaces,
        before.machine_type,
    )


async def test_a_record_without_a_domain_is_dropped(mock, mock_bench):
    guest = await started(mock_bench)
    await mock_bench.runtime.close()
    domain = domain_of(mock, guest)
    domain.destroy()
    domain.undefine()
    assert list(await (await mock_bench.restart()).list_guests()) == []
    assert not (mock_bench.data_dir / "libvirt" / "guests" / guest).exists()


async def test_domains_of_others_are_left_alone(mock, mock_bench, tmp_path):
    other = LibvirtBench(tmp_path / "other", MOCK, "test")
    await other.runtime.start()
    try:
        await started(other, id="uid-9")
        mock.defineXML("<domain type='test'><name>mine</name><memory>1024</memory><os><type>hvm</type></os></domain>")
        await mock_bench.restart()
        assert list(await mock_bench.runtime.list_guests()) == []
        # One with the same id of this one's own is another guest; its domain can't have the other's UUID.
        with pytest.raises(GuestError, match="exists already"):
            await started(mock_bench, id="uid-9")
        assert len(mock.listAllDomains()) == 2
    finally:
        await other.runtime.close()


async def test_guests_on_a_lost_host_are_unknown_until_it_is_back(mock_bench):
    guest = await started(mock_bench)
    (host,) = mock_bench.runtime._hosts
    host._lose(host._connection, "pulled")
    await until(mock_bench, guest, lambda found: found is not None and found.state is GuestState.UNKNOWN)
    (node,) = await mock_bench.runtime.nodes()
    assert not node.ready
    assert node.message == "libvirt can't be reached: pulled"
    with pytest.raises(GuestError, match="can't be reached"):
        await mock_bench.runtime.reset(guest)
    await until(mock_bench, guest, lambda found: found is not None and found.state is GuestState.RUNNING)
    (node,) = await mock_bench.runtime.nodes()
    assert node.ready


async def test_a_guest_that_is_removed_while_its_host_is_away_is_gone_at_once_and_later_in_truth(mock, mock_bench):
    guest = await started(mock_bench)
    (host,) = mock_bench.runtime._hosts
    host._lose(host._connection, "pulled")
    await until(mock_bench, guest, lambda found: found is not None and found.state is GuestState.UNKNOWN)
    await mock_bench.runtime.remove(guest)
    assert await mock_bench.runtime.find_guest(guest) is None
    assert len(mock.listAllDomains()) == 1
    # The domain goes first, and then what was known of it.
    for _ in range(100):
        if not await mock_bench.facts.all("libvirt.guests"):
            break
        await asyncio.sleep(0.05)
    assert await mock_bench.facts.all("libvirt.guests") == {}
    assert mock.listAllDomains() == []


async def test_a_server_starts_while_a_host_that_it_knows_is_away(mock_bench, monkeypatch):
    guest = await started(mock_bench)
    await mock_bench.runtime.close()

    def refuse(_uri):
        raise libvirt.libvirtError("no route to host")

    with monkeypatch.context() as patch:
        patch.setattr(libvirt, "open", refuse)
        mock_bench.runtime = mock_bench.make()
        await mock_bench.runtime.start()
        found = await mock_bench.runtime.find_guest(guest)
        assert found is not None
        assert found.state is GuestState.UNKNOWN
        (node,) = await mock_bench.runtime.nodes()
        assert not node.ready
        with pytest.raises(GuestError, match="can't be reached"):
            await mock_bench.runtime.define(guest_spec(node.name, id="uid-2"))
    await until(mock_bench, guest, lambda found: found is not None and found.state is GuestState.RUNNING)


async def test_a_server_does_not_start_on_hosts_that_are_not_there(tmp_path):
    for uri, text in (("test:///nonsense.xml", "can't be connected to"), ("nonsense:///", "can't be connected to")):
        runtime = LibvirtBench(tmp_path, uri, "test").runtime
        with pytest.raises(RuntimeUnavailable, match=text):
            await runtime.start()


async def test_a_host_without_guests_of_the_type_is_not_used(mock, tmp_path):
    runtime = LibvirtBench(tmp_path, MOCK, "kvm").runtime
    with pytest.raises(RuntimeUnavailable, match="it has no guests of type kvm, only test"):
        await runtime.start()


async def test_two_hosts_need_two_names(mock, tmp_path):
    context = RuntimeContext(clock=SystemClock(), facts=MemoryFacts(), data_dir=tmp_path)
    with pytest.raises(RuntimeUnavailable, match="give them names: NAME=URI"):
        await LibvirtRuntime(context, (MOCK, MOCK), domain_type="test").start()
    runtime = LibvirtRuntime(context, (f"rack-a={MOCK}", f"rack-b={MOCK}"), domain_type="test")
    await runtime.start()
    assert [node.name for node in await runtime.nodes()] == ["rack-a", "rack-b"]
    await runtime.close()


async def test_what_another_process_did_is_found_in_the_facts(mock, mock_bench):
    context = RuntimeContext(clock=SystemClock(), facts=mock_bench.facts, data_dir=mock_bench.data_dir, shared=True)
    other = LibvirtRuntime(context, (MOCK,), domain_type="test")
    await other.start()
    try:
        guest = await started(mock_bench)
        found = await other.find_guest(guest)
        assert found is not None
        assert found.state is GuestState.RUNNING
        await mock_bench.runtime.remove(guest)
        assert list(await other.list_guests()) == []
    finally:
        await other.close()
