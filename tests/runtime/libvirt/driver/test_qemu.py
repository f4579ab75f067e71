"""The driver on QEMU, under software emulation."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from solovirt.runtime.libvirt.domain import Unsupported
from solovirt.runtime.libvirt.runtime import LibvirtRuntime
from solovirt.runtime.protocol import ByteStream, Contents, DiskImage, Guest, GuestError, GuestId, GuestSpec, GuestState
from tests.runtime.contract import RuntimeContract, guest_spec
from tests.runtime.libvirt.driver.benches import LibvirtBench
from tests.runtime.libvirt.driver.daemon import LibvirtDaemon
from tests.runtime.libvirt.driver.guests import GREETING, LINUX_INITRD, LINUX_KERNEL, boot_sector_disk

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("libvirt"), pytest.mark.timeout(300)]


class TestQemuKeepsTheContract(RuntimeContract):
    @pytest.fixture
    def bench(self, qemu_bench):
        return qemu_bench


async def until(runtime: LibvirtRuntime, guest: GuestId, wanted: Callable[[Guest], bool], seconds: float = 90) -> Guest:
    async with asyncio.timeout(seconds):
        while True:
            found = await runtime.find_guest(guest)
            if found is not None and wanted(found):
                return found
            await asyncio.sleep(0.1)


async def read_until(stream: ByteStream, mark: bytes, seconds: float = 90) -> bytes:
    got = b""
    async with asyncio.timeout(seconds):
        while mark not in got:
            piece = await stream.read()
            assert piece, f"the line ended after {got[-500:]!r}"
            got += piece
    return got


async def sector(bench: LibvirtBench, **options: Any) -> GuestSpec:
    """A guest that boots to a greeting from a disk of the host."""
    disk = boot_sector_disk(bench.data_dir / "sector.img")
    spec = guest_spec((await bench.runtime.nodes())[0].name, **options)
    instance = spec.instance["spec"]
    instance["domain"]["devices"]["disks"] = [{"name": "root", "disk": {"bus": "virtio"}}]
    instance["volumes"] = [{"name": "root", "hostDisk": {"path": str(disk), "type": "Disk"}}]
    return spec


async def linux(bench: LibvirtBench) -> GuestSpec:
    """A guest that boots a kernel of the host."""
    if not LINUX_KERNEL.exists():
        text = f"{LINUX_KERNEL} is missing; scripts/guest-tools makes it"
        pytest.fail(text) if os.environ.get("CI") else pytest.skip(text)
    spec = guest_spec((await bench.runtime.nodes())[0].name)
    instance = spec.instance["spec"]
    container = {"image": "example.invalid/kernel", "kernelPath": "/vmlinuz", "initrdPath": "/initrd.gz"}
    instance["domain"] |= {
        "memory": {"guest": "192Mi"},
        "firmware": {"kernelBoot": {"container": container, "kernelArgs": "console=ttyS0 quiet"}},
    }
    return GuestSpec(
        spec.id,
        spec.namespace,
        spec.name,
        spec.node,
        spec.instance,
        contents=Contents(kernel=str(LINUX_KERNEL), initrd=str(LINUX_INITRD)),
    )


async def boot(bench: LibvirtBench, spec: GuestSpec) -> GuestId:
    await bench.runtime.define(spec)
    await bench.runtime.boot(spec.id)
    return spec.id


def console_log(bench: LibvirtBench, guest: GuestId) -> Path:
    return bench.data_dir / "libvirt" / "guests" / guest / "console.log"


async def logged(bench: LibvirtBench, guest: GuestId, mark: str) -> None:
    async with asyncio.timeout(90):
        while mark not in console_log(bench, guest).read_text(errors="replace"):
            await asyncio.sleep(0.1)


async def test_a_guest_has_a_display_and_its_picture_is_not_black(qemu_bench):
    guest = await boot(qemu_bench, await sector(qemu_bench))
    await logged(qemu_bench, guest, GREETING)
    stream = await qemu_bench.runtime.open_display(guest)
    assert await read_until(stream, b"\n") == b"RFB 003.008\n"
    await stream.close()
    picture = await qemu_bench.runtime.screenshot(guest)
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    # A black screen of any size compresses to less.
    assert len(picture) > 1000


async def test_a_killed_qemu_is_a_crash(qemu_bench, libvirtd):
    guest = await boot(qemu_bench, await sector(qemu_bench))
    found = await until(qemu_bench.runtime, guest, lambda one: one.state is GuestState.RUNNING)
    (pid,) = [int(path.read_text()) for path in (libvirtd.directory / "run" / "qemu").glob("default_vm_*.pid")]
    os.kill(pid, signal.SIGKILL)
    found = await until(qemu_bench.runtime, guest, lambda one: one.state is GuestState.CRASHED)
    assert found.reason == "failed"


async def test_a_guest_that_does_not_care_is_destroyed_when_its_grace_is_over(qemu_bench):
    guest = await boot(qemu_bench, await sector(qemu_bench))
    await qemu_bench.runtime.shut_down(guest, grace_seconds=3)
    await until(qemu_bench.runtime, guest, lambda one: one.state is GuestState.SHUTTING_DOWN)
    # Also if the server that was asked is another by then.
    runtime = await qemu_bench.restart()
    found = await until(runtime, guest, lambda one: one.state is GuestState.CRASHED)
    assert found.reason == "destroyed"


async def test_what_the_guest_has_of_its_own_goes_with_it(qemu_bench):
    spec = await sector(qemu_bench)
    instance = spec.instance["spec"]
    instance["domain"]["devices"]["disks"] += [
        {"name": "empty", "disk": {"bus": "virtio"}},
        {"name": "seed", "cdrom": {"bus": "sata"}},
    ]
    instance["volumes"] += [
        {"name": "empty", "emptyDisk": {"capacity": "8Mi"}},
        {"name": "seed", "cloudInitNoCloud": {"userData": "#!/bin/sh\n"}},
    ]
    guest = await boot(qemu_bench, spec)
    made = console_log(qemu_bench, guest).parent / "made"
    assert {path.name for path in made.iterdir()} == {"empty.qcow2", "seed.iso"}
    await qemu_bench.runtime.remove(guest)
    assert not made.parent.exists()
    assert (qemu_bench.data_dir / "sector.img").exists()


async def test_processors_of_their_own_are_given_to_one_guest_each(qemu_bench):
    specs = [await sector(qemu_bench, id=f"uid-{number}", name=f"pinned-{number}") for number in (1, 2)]
    (node,) = await qemu_bench.runtime.nodes()
    for spec in specs:
        # All that there are, but the first, which is everybody's.
        spec.instance["spec"]["domain"]["cpu"] = {"cores": node.cpus - 1, "dedicatedCpuPlacement": True}
    ended = await asyncio.gather(*(qemu_bench.runtime.define(spec) for spec in specs), return_exceptions=True)
    (refusal,) = [one for one in ended if one is not None]
    assert isinstance(refusal, Unsupported)
    assert "this host has 0 to give" in str(refusal)
    (guest,) = await qemu_bench.runtime.list_guests()
    await qemu_bench.runtime.boot(guest.id)
    await qemu_bench.runtime.remove(guest.id)
    await qemu_bench.runtime.define(next(spec for spec in specs if spec.id != guest.id))


async def test_what_cannot_be_is_refused_and_leaves_nothing(qemu_bench):
    spec = await sector(qemu_bench, id="uid-7")
    spec.instance["spec"]["volumes"] = [{"name": "root", "containerDisk": {"image": "example.invalid/disk"}}]
    with pytest.raises(Unsupported, match=r"spec\.volumes\[0\]\.containerDisk"):
        await qemu_bench.runtime.define(spec)
    assert await qemu_bench.runtime.find_guest(spec.id) is None
    assert not console_log(qemu_bench, spec.id).parent.exists()


async def test_a_linux_guest_is_at_the_other_end_of_console_agent_and_ports(qemu_bench):
    runtime = qemu_bench.runtime
    guest = await boot(qemu_bench, await linux(qemu_bench))
    await logged(qemu_bench, guest, "login:")

    line = await runtime.open_console(guest)
    await line.write(b"\n")
    await read_until(line, b"login: ")
    await line.write(b"root\n")
    await read_until(line, b"# ")
    await line.write(b"echo ans''wer-$((40+2))\n")
    await read_until(line, b"answer-42")
    # A second one takes the line over.
    successor = await runtime.open_console(guest)
    assert await line.read() == b""
    await successor.write(b"echo sec''ond\n")
    await read_until(successor, b"second")

    found = await until(runtime, guest, lambda one: one.agent is not None)
    assert found.agent is not None
    assert found.agent.machine == "x86_64"
    assert found.agent.hostname == "tiny"
    (interface,) = found.interfaces
    assert (interface.addresses, interface.guest_name) == (("10.0.2.15",), "eth0")
    assert await runtime.ask_agent(guest, "guest-ping") == {}
    with pytest.raises(GuestError, match="guest-dance has not been found"):
        await runtime.ask_agent(guest, "guest-dance")

    web = await runtime.open_port(guest, 80)
    await web.write(b"GET /index.html HTTP/1.0\r\n\r\n")
    assert b"a page from the guest" in await read_until(web, b"guest\n")
    await web.close()
    with pytest.raises(GuestError, match="no port"):
        await runtime.open_port(guest, 0)
    with pytest.raises(ConnectionError, match="connection refused"):
        await runtime.open_port(guest, 81)
    for well, ill in (
        ({"httpGet": {"port": 80, "path": "/index.html"}}, {"httpGet": {"port": 80, "path": "/nothing"}}),
        ({"tcpSocket": {"port": 80}}, {"tcpSocket": {"port": 81}}),
        ({"exec": {"command": ["/bin/true"]}}, {"exec": {"command": ["/bin/false"]}}),
    ):
        assert await runtime.probe(guest, well, timeout_seconds=30) is None
        assert await runtime.probe(guest, ill, timeout_seconds=30) is not None
    assert await runtime.probe(guest, {"guestAgentPing": {}}, timeout_seconds=30) is None

    await runtime.pause(guest)
    await until(runtime, guest, lambda one: one.state is GuestState.PAUSED)
    await runtime.resume(guest)
    await runtime.soft_reboot(guest)
    await read_until(successor, b"TINY-GUEST-READY")
    await read_until(successor, b"login: ")
    await runtime.shut_down(guest, grace_seconds=60)
    found = await until(runtime, guest, lambda one: one.state is GuestState.SHUT_OFF)
    assert found.reason == "shutdown"
    assert found.agent is None


async def test_a_guest_that_panics_has_crashed(qemu_bench):
    spec = await linux(qemu_bench)
    spec.instance["spec"]["domain"]["devices"]["panicDevices"] = [{"model": "isa"}]
    guest = await boot(qemu_bench, spec)
    await logged(qemu_bench, guest, "login:")
    line = await qemu_bench.runtime.open_console(guest)
    await line.write(b"\n")
    await read_until(line, b"login: ")
    await line.write(b"root\n")
    await read_until(line, b"# ")
    await line.write(b"echo c > /proc/sysrq-trigger\n")
    found = await until(qemu_bench.runtime, guest, lambda one: one.state is GuestState.CRASHED)
    assert found.reason == "panicked"


@pytest.mark.soak  # libvirt asks each QEMU binary anew what that user can do with it, which takes minutes where init is slow to reap
@pytest.mark.timeout(600)
async def test_guests_of_another_user_reach_their_files_and_nobody_else_can_list_them():
    """As distributions set libvirt up: QEMU runs as libvirt-qemu, and libvirt gives it the disks."""
    with (
        tempfile.TemporaryDirectory(prefix="slv-", dir="/tmp") as home,
        tempfile.TemporaryDirectory(prefix="slv-", dir="/tmp") as directory,
    ):
        for outer in (home, directory):
            Path(outer).chmod(0o711)
        daemon = LibvirtDaemon(Path(home), user="libvirt-qemu")
        daemon.start()
        try:
            data = Path(directory, "data")
            data.mkdir(mode=0o700)
            bench = LibvirtBench(data, daemon.uri, "qemu")
            await bench.runtime.start()
            await bench.restart()
            volume = data / "volumes" / "pvc-1" / "data"
            volume.mkdir(parents=True, mode=0o700)
            disk = boot_sector_disk(volume / "disk.img")
            disk.chmod(0o600)
            spec = await sector(bench)
            spec.instance["spec"]["volumes"] = [{"name": "root", "persistentVolumeClaim": {"claimName": "claim"}}]
            spec = replace(spec, disks=(DiskImage("root", str(disk)),))
            guest = await boot(bench, spec)
            await logged(bench, guest, GREETING)
            assert (await bench.runtime.screenshot(guest)).startswith(b"\x89PNG")
            stream = await bench.runtime.open_display(guest)
            await read_until(stream, b"\n")
            await stream.close()
            listable = [path for path in (data, *data.rglob("*")) if path.is_dir() and path.stat().st_mode & 0o044]
            assert [path for path in listable if path.name != "volumes" and path.parent.name != "volumes"] == []
            await bench.runtime.remove(guest)
            await bench.runtime.close()
        finally:
            await asyncio.to_thread(daemon.close)
