"""A control plane as a whole: what its probes and metrics tell, and what starting one leaves behind."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from solovirt import settings
from solovirt.control_plane import ControlPlane, StartError
from solovirt.machinery.clock import ManualClock
from solovirt.machinery.store.sql import SqlStore

VIRTUAL_MACHINES = "/apis/kubevirt.io/v1/namespaces/default/virtualmachines"
INSTANCES = "/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances"


def given(tmp_path: Path, **changes: Any) -> settings.Settings:
    values = {"data_dir": tmp_path / "data", "database_url": "sqlite+aiosqlite://", "listen": "127.0.0.1:0"}
    return settings.given(**{**values, "insecure_http": True, **changes})


@pytest.fixture
async def control_plane(tmp_path):
    started = ControlPlane(given(tmp_path, instant=True), clock=ManualClock())
    await started.start()
    yield started
    await started.stop()


@pytest.fixture
async def client(control_plane):
    async with aiohttp.ClientSession(control_plane.url) as session:
        yield session


def with_a_disk() -> dict[str, Any]:
    """A VirtualMachine whose disk is imported."""
    disk = {
        "source": {"http": {"url": "http://images.example.com/disk.img"}},
        "storage": {"resources": {"requests": {"storage": "1Gi"}}},
    }
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {"name": "vm"},
        "spec": {
            "runStrategy": "Always",
            "dataVolumeTemplates": [{"metadata": {"name": "disk"}, "spec": disk}],
            "template": {
                "spec": {
                    "domain": {"devices": {}, "resources": {"requests": {"memory": "64Mi"}}},
                    "volumes": [{"name": "disk", "dataVolume": {"name": "disk"}}],
                }
            },
        },
    }


async def test_readiness_asks_the_controllers(control_plane, client):
    async with client.get("/readyz?verbose") as answer:
        assert answer.status == 200
        assert "[+]controllers ok" in await answer.text()
    await control_plane.manager.stop()
    async with client.get("/readyz") as answer:
        assert answer.status == 500
        assert "[-]controllers failed: reason withheld" in await answer.text()
    async with client.get("/readyz/controllers") as answer:
        assert await answer.text() == "internal server error: controllers are not running\n"
    # A restart would not help where the controllers are at fault, so liveness does not ask them.
    async with client.get("/livez") as answer:
        assert answer.status == 200


async def test_requests_queues_the_store_and_the_process_show_on_metrics(control_plane, client):
    async with client.get(VIRTUAL_MACHINES):
        pass
    await control_plane.manager.settle()
    async with client.get("/metrics") as answer:
        lines = (await answer.text()).splitlines()
    names = {line.split("{")[0].split(" ")[0] for line in lines}
    assert {
        "apiserver_request_total",
        "apiserver_request_duration_seconds_bucket",
        "workqueue_adds_total",
        "workqueue_depth",
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "apiserver_storage_objects",
        "apiserver_resource_objects",
        "leader_election_master_status",
        "solovirt_store_commit_duration_seconds_bucket",
        "solovirt_store_writes_total",
        "solovirt_store_available",
    } <= names
    assert 'apiserver_storage_objects{resource="nodes"} 3.0' in lines
    assert 'apiserver_resource_objects{group="kubevirt.io",resource="virtualmachines"} 0.0' in lines
    assert 'leader_election_master_status{name="virt-controller"} 1.0' in lines
    assert any(line.startswith('workqueue_adds_total{name="virtualmachine-controller') for line in lines)


async def test_instant_guests_run_and_instant_imports_are_done_while_the_clock_stands_still(control_plane, client):
    async with client.post(VIRTUAL_MACHINES, json=with_a_disk()) as answer:
        assert answer.status == 201, await answer.text()
    await control_plane.manager.settle()
    async with client.get(VIRTUAL_MACHINES + "/vm") as answer:
        assert (await answer.json())["status"]["printableStatus"] == "Running"
    async with client.get(INSTANCES + "/vm") as answer:
        conditions = (await answer.json())["status"]["conditions"]
    assert {one["type"] for one in conditions if one["status"] == "True"} >= {"Ready", "AgentConnected"}
    async with client.delete(VIRTUAL_MACHINES + "/vm") as answer:
        assert answer.status == 200
    await control_plane.manager.settle()
    async with client.get(INSTANCES) as answer:
        assert (await answer.json())["items"] == []


async def test_annotations_go_before_instant(control_plane, client):
    document = with_a_disk()
    document["spec"]["template"]["metadata"] = {"annotations": {"fake.solovirt.io/boot-seconds": "10"}}
    async with client.post(VIRTUAL_MACHINES, json=document):
        pass
    await control_plane.manager.settle()
    async with client.get(INSTANCES + "/vm") as answer:
        assert (await answer.json())["status"]["phase"] == "Scheduled"
    await control_plane.clock.advance(10)
    await control_plane.manager.settle()
    async with client.get(INSTANCES + "/vm") as answer:
        assert (await answer.json())["status"]["phase"] == "Running"


async def test_a_stopped_control_plane_can_be_started_again(tmp_path):
    control_plane = ControlPlane(given(tmp_path, database_url=None))
    for _ in range(2):
        await control_plane.start()
        async with aiohttp.ClientSession(control_plane.url) as session, session.get("/readyz") as answer:
            assert answer.status == 200
        await control_plane.stop()
        await control_plane.stop()


async def test_several_run_side_by_side(tmp_path):
    both = [ControlPlane(given(tmp_path / name)) for name in "ab"]
    await asyncio.gather(*(one.start() for one in both))
    assert both[0].url != both[1].url
    await asyncio.gather(*(one.stop() for one in both))


async def test_a_failed_start_frees_what_it_took(tmp_path):
    holder = ControlPlane(given(tmp_path))
    await holder.start()
    taken = holder.url.removeprefix("http://")
    late = ControlPlane(given(tmp_path / "late", listen=taken))
    with pytest.raises(StartError, match=f"{taken} can't be listened on: Address already in use"):
        await late.start()
    await holder.stop()
    await late.start()
    assert late.url == f"http://{taken}"
    await late.stop()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"runtime": "vapour"}, "there is no runtime 'vapour'; installed: fake"),
        ({"database_url": "mysql://db/solovirt"}, "the store runs on sqlite and postgresql, not on mysql"),
        ({"database_url": "nonsense"}, "the database URL can't be read"),
    ],
)
async def test_what_cannot_be_started_says_why(tmp_path, changes, complaint):
    with pytest.raises(StartError, match=complaint):
        await ControlPlane(given(tmp_path, **changes)).start()


def _threads_of_the_store() -> list[str]:
    return [thread.name for thread in threading.enumerate() if "_connection_worker_thread" in thread.name]


@pytest.mark.slow
@pytest.mark.parametrize("database_url", [None, "sqlite+aiosqlite://"], ids=["file", "memory"])
async def test_a_start_that_is_broken_off_anywhere_leaves_nothing_running(tmp_path, database_url):
    """A thread left behind would keep the process from ending after SIGTERM."""
    for turns in (*range(40), *range(40, 2000, 50)):
        control_plane = ControlPlane(given(tmp_path / str(turns), database_url=database_url))
        starting = asyncio.create_task(control_plane.start())
        for _ in range(turns):
            await asyncio.sleep(0)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await control_plane.stop()
        # A thread that was told to end may need a moment for it.
        async with asyncio.timeout(5):
            while _threads_of_the_store():
                await asyncio.sleep(0.001)
        assert asyncio.all_tasks() == {asyncio.current_task()}, f"after {turns} turns of the loop"


async def test_a_start_that_is_broken_off_while_views_are_made_closes_the_store(tmp_path, monkeypatch):
    making = asyncio.Event()

    async def show(_store, _registry):
        making.set()
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(SqlStore, "show", show)
    # Control planes that other tests share may run beside this one.
    before = set(threading.enumerate())
    control_plane = ControlPlane(given(tmp_path))
    starting = asyncio.create_task(control_plane.start())
    await making.wait()
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    async with asyncio.timeout(5):
        while any("_connection_worker_thread" in thread.name for thread in set(threading.enumerate()) - before):
            await asyncio.sleep(0.001)
