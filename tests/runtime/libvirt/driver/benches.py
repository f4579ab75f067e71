"""Benches for the libvirt runtime: libvirt's mock driver, which is in the library, and QEMU behind a libvirtd of the tests' own."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from shutil import which

import libvirt
import pytest

from solovirt.machinery.clock import SystemClock
from solovirt.runtime.libvirt import event_thread
from solovirt.runtime.libvirt.runtime import LibvirtRuntime
from solovirt.runtime.registry import RuntimeContext
from tests.runtime.libvirt.driver.daemon import LibvirtDaemon
from tests.runtime.memory_facts import MemoryFacts

MOCK = "test:///default"


class LibvirtBench:
    """A runtime on *uri*, with facts that outlive it."""

    def __init__(self, data_dir: Path, uri: str, domain_type: str) -> None:
        self.facts = MemoryFacts()
        self.data_dir = data_dir
        self.uri = uri
        self.domain_type = domain_type
        self.runtime = self.make()

    def make(self) -> LibvirtRuntime:
        context = RuntimeContext(clock=SystemClock(), facts=self.facts, data_dir=self.data_dir)
        return LibvirtRuntime(context, (self.uri,), domain_type=self.domain_type)

    async def pass_time(self, seconds: float) -> None:
        """Let the events in: real time passes by itself."""
        await asyncio.sleep(min(seconds, 0.1))

    async def restart(self) -> LibvirtRuntime:
        await self.runtime.close()
        self.runtime = self.make()
        await self.runtime.start()
        return self.runtime


@pytest.fixture
def mock():
    """A connection to the mock driver, which forgets everything with its last connection."""
    event_thread.ensure()
    connection = libvirt.open(MOCK)
    for domain in connection.listAllDomains():
        if domain.isActive():
            domain.destroy()
        domain.undefine()
    yield connection
    connection.close()


@pytest.fixture
async def mock_bench(tmp_path: Path, mock) -> AsyncIterator[LibvirtBench]:
    bench = LibvirtBench(tmp_path, MOCK, "test")
    await bench.runtime.start()
    yield bench
    await bench.runtime.close()


@pytest.fixture(scope="session")
def libvirtd() -> Iterator[LibvirtDaemon]:
    """A libvirtd that is started once; a test that ends it starts it again."""
    missing = [program for program in ("libvirtd", "qemu-system-x86_64", "unshare") if which(program) is None]
    if os.getuid() != 0:
        missing.append("root")
    if missing:
        text = f"guests can't be run without {', '.join(missing)}; scripts/guest-tools installs them"
        pytest.fail(text) if os.environ.get("CI") else pytest.skip(text)
    # Sockets have short paths, which pytest's own directories are not.
    with tempfile.TemporaryDirectory(prefix="slv-", dir="/tmp") as directory:
        daemon = LibvirtDaemon(Path(directory))
        daemon.start()
        yield daemon
        daemon.close()


@pytest.fixture
async def qemu_bench(libvirtd: LibvirtDaemon) -> AsyncIterator[LibvirtBench]:
    with tempfile.TemporaryDirectory(prefix="slv-", dir="/tmp") as directory:
        bench = LibvirtBench(Path(directory), libvirtd.uri, "qemu")
        await bench.runtime.start()
        yield bench
        for guest in await bench.runtime.list_guests():
            await bench.runtime.remove(guest.id)
        await bench.runtime.close()
