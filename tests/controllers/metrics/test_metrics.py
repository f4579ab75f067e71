"""
Metrics about machines and instances: names, labels and values of KubeVirt 1.9 (its docs/observability/metrics.md and
pkg/monitoring/metrics/virt-controller).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from solovirt import settings
from solovirt.control_plane import ControlPlane
from solovirt.machinery.clock import ManualClock

VMS = "/apis/kubevirt.io/v1/namespaces/default/virtualmachines"
VMIS = "/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances"
CLUSTER_INSTANCETYPES = "/apis/instancetype.kubevirt.io/v1beta1/virtualmachineclusterinstancetypes"


@dataclass
class Scraped:
    """The samples of a scrape."""

    samples: dict[str, list[tuple[dict[str, str], float]]]
    types: dict[str, str]

    def of(self, name: str, /, **labels: str) -> list[tuple[dict[str, str], float]]:
        found = self.samples.get(name, [])
        return [one for one in found if all(one[0].get(label) == value for label, value in labels.items())]

    def value(self, name: str, /, **labels: str) -> float:
        ((_, value),) = self.of(name, **labels)
        return value


@dataclass
class World:
    control_plane: ControlPlane
    clock: ManualClock
    http: aiohttp.ClientSession

    async def post(self, path: str, document: dict[str, Any]) -> None:
        async with self.http.post(path, json=document) as answer:
            assert answer.status == 201, await answer.text()
        await self.control_plane.manager.settle()

    async def delete(self, path: str) -> None:
        async with self.http.delete(path) as answer:
            assert answer.status == 200, await answer.text()
        await self.control_plane.manager.settle()

    async def advance(self, seconds: int) -> None:
        for _ in range(seconds):
            await self.clock.advance(1)
            await self.control_plane.manager.settle()

    async def scrape(self) -> Scraped:
        async with self.http.get("/metrics") as answer:
            assert answer.status == 200
            families = list(text_string_to_metric_families(await answer.text()))
        samples: dict[str, list[tuple[dict[str, str], float]]] = {}
        for family in families:
            for sample in family.samples:
                # The parser names counters as OpenMetrics does; on the wire KubeVirt's have no suffix.
                name = sample.name.replace("_timestamp_seconds_total", "_timestamp_seconds")
                samples.setdefault(name, []).append((sample.labels, sample.value))
        return Scraped(samples, {family.name: family.type for family in families})


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    values = {"data_dir": tmp_path / "data", "database_url": "sqlite+aiosqlite://", "listen": "127.0.0.1:0", "nodes": 1}
    clock = ManualClock()
    control_plane = ControlPlane(settings.given(**values, insecure_http=True), clock=clock)
    await control_plane.start()
    async with aiohttp.ClientSession(control_plane.url) as http:
        await control_plane.manager.settle()
        yield World(control_plane, clock, http)
    await control_plane.stop()


def machine(name: str = "vm", **spec: Any) -> dict[str, Any]:
    template = {
        "metadata": {"annotations": {"vm.kubevirt.io/os": "fedora", "vm.kubevirt.io/workload": "server"}},
        "spec": {
            "domain": {
                "cpu": {"cores": 2, "sockets": 1, "threads": 1},
                "memory": {"guest": "1Gi"},
                "resources": {
                    "requests": {"memory": "1Gi", "cpu": "500m"},
                    "limits": {"cpu": "1500m", "memory": "2Gi"},
                },
                "devices": {"interfaces": [{"name": "default", "masquerade": {}, "model": "virtio"}]},
            },
            "networks": [{"name": "default", "pod": {}}],
        },
    }
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {"name": name},
        "spec": {"runStrategy": "Always", "template": template, **spec},
    }


async def test_machines(world: World):
    await world.post(VMS, machine())
    await world.post(VMS, machine("off", runStrategy="Halted"))
    await world.advance(5)
    scraped = await world.scrape()
    at = {"name": "vm", "namespace": "default"}
    assert scraped.of("kubevirt_vm_info") == [
        (
            {
                "name": name,
                "namespace": "default",
                "os": "fedora",
                "workload": "server",
                "machine_type": "q35",
                "status": status,
                "status_group": group,
            },
            1,
        )
        for name, status, group in (("off", "stopped", "non_running"), ("vm", "running", "running"))
    ]
    began = 1767225600  # 2026-01-01T00:00:00Z
    told = {
        group: scraped.value(f"kubevirt_vm_{group}_status_last_transition_timestamp_seconds", **at)
        for group in ("starting", "running", "migrating", "non_running", "error")
    }
    assert told == {"starting": 0, "running": began + 1, "migrating": 0, "non_running": 0, "error": 0}
    assert scraped.value("kubevirt_vm_non_running_status_last_transition_timestamp_seconds", name="off") == began
    assert scraped.types["kubevirt_vm_running_status_last_transition_timestamp_seconds"] == "counter"
    assert scraped.value("kubevirt_vm_create_date_timestamp_seconds", **at) == began
    requests = scraped.of("kubevirt_vm_resource_requests", **at)
    assert {(one["resource"], one["unit"], one["source"]): value for one, value in requests} == {
        ("memory", "bytes", "domain"): 1 << 30,
        ("memory", "bytes", "guest"): 1 << 30,
        ("memory", "bytes", "guest_effective"): 1 << 30,
        ("cpu", "cores", "domain"): 2,
        ("cpu", "sockets", "domain"): 1,
        ("cpu", "threads", "domain"): 1,
        ("cpu", "cores", "requests"): 0.5,
        ("cpu", "cores", "guest_effective"): 2,
    }
    limits = scraped.of("kubevirt_vm_resource_limits", **at)
    assert {one["resource"]: value for one, value in limits} == {"cpu": 1.5, "memory": 2 << 30}
    nic = {"vnic_name": "default", "binding_type": "core", "network": "pod networking", "binding_name": "masquerade"}
    assert scraped.of("kubevirt_vm_vnic_info", **at) == [({**at, **nic, "model": "virtio"}, 1)]
    assert scraped.value("kubevirt_number_of_vms", namespace="default") == 2
    assert scraped.value("namespace:kubevirt_vm:sum", namespace="default") == 2


async def test_instances(world: World):
    await world.post(VMS, machine())
    await world.advance(5)
    scraped = await world.scrape()
    async with world.http.get("/api/v1/namespaces/default/pods") as answer:
        (pod,) = (await answer.json())["items"]
    at = {"node": "node01", "namespace": "default", "name": "vm"}
    guest = {
        "guest_os_kernel_release": "6.12.0",
        "guest_os_machine": "pc-q35-rhel9.6.0",
        "guest_os_arch": "x86_64",
        "guest_os_name": "Solovirt Simulated Linux",
        "guest_os_version_id": "1",
    }
    described = {"phase": "running", "os": "fedora", "workload": "server", **guest}
    told = {"evictable": "true", "outdated": "false", "vmi_pod": pod["metadata"]["name"]}
    assert scraped.of("kubevirt_vmi_info") == [({**at, **described, **told}, 1)]
    assert scraped.value("kubevirt_vmi_non_evictable", **at) == 0
    address = {"vnic_name": "default", "interface_name": "eth0", "address": "10.244.1.1", "type": "ExternalInterface"}
    assert scraped.of("kubevirt_vmi_status_addresses") == [({**at, **address}, 1)]
    assert scraped.value("kubevirt_vmi_launcher_memory_overhead_bytes", name="vm", namespace="default") > 200 << 20
    assert scraped.value("kubevirt_vmi_number_of_outdated") == 0
    for name in ("node:kubevirt_vmi_phase:sum", "kubevirt_vmi_phase_count"):
        assert scraped.of(name) == [({"node": "node01", **described}, 1)]
    for phase in ("pending", "scheduling", "running", "unset"):
        assert scraped.value(f"kubevirt_vmi_migrations_in_{phase}_phase") == 0


async def test_an_instance_that_should_migrate_when_evicted_and_cannot(world: World):
    vm = machine()
    vm["spec"]["template"]["spec"]["evictionStrategy"] = "LiveMigrate"
    vm["spec"]["template"]["spec"]["domain"]["devices"]["interfaces"] = [{"name": "default", "bridge": {}}]
    await world.post(VMS, vm)
    await world.advance(5)
    scraped = await world.scrape()
    assert scraped.value("kubevirt_vmi_non_evictable", name="vm") == 1
    assert scraped.of("kubevirt_vmi_info")[0][0]["evictable"] == "false"


@pytest.mark.parametrize(("vendor", "told"), [("redhat.com", "large"), ("example.com", "<other>")])
async def test_only_known_vendors_instance_types_are_named(world: World, vendor, told):
    metadata = {"name": "large", "labels": {"instancetype.kubevirt.io/vendor": vendor}}
    spec = {"cpu": {"guest": 4}, "memory": {"guest": "2Gi"}}
    kind = "VirtualMachineClusterInstancetype"
    version = "instancetype.kubevirt.io/v1beta1"
    await world.post(CLUSTER_INSTANCETYPES, {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec})
    vm = machine(instancetype={"name": "large", "kind": kind})
    domain = vm["spec"]["template"]["spec"]["domain"]
    for field in ("cpu", "memory", "resources"):
        del domain[field]
    await world.post(VMS, vm)
    await world.advance(5)
    scraped = await world.scrape()
    assert scraped.of("kubevirt_vm_info")[0][0]["instance_type"] == told
    assert scraped.of("kubevirt_vmi_info")[0][0]["instance_type"] == told
    # What the instance type puts in counts as the machine's.
    assert scraped.value("kubevirt_vm_resource_requests", resource="cpu", source="guest_effective") == 4
    assert scraped.value("kubevirt_vm_resource_requests", resource="memory", source="guest") == 2 << 30


async def test_phase_transitions(world: World):
    vm = machine()
    vm["spec"]["template"]["metadata"]["annotations"]["fake.solovirt.io/boot-seconds"] = "4"
    await world.post(VMS, vm)
    await world.advance(10)
    await world.delete(f"{VMIS}/vm")
    await world.advance(3)
    scraped = await world.scrape()
    name = "kubevirt_vmi_phase_transition_time"
    steps = {
        (labels["last_phase"], labels["phase"]): (value, scraped.value(f"{name}_seconds_sum", **labels))
        for labels, value in scraped.of(f"{name}_seconds_count")
    }
    # The machine starts another instance as soon as the first is gone, which is still on its way to Running.
    assert steps == {
        ("Pending", "Scheduling"): (2, 0),
        ("Scheduling", "Scheduled"): (2, 0),
        ("Scheduled", "Running"): (1, 4),
        ("Running", "Succeeded"): (1, 7),
    }
    assert scraped.value(f"{name}_from_creation_seconds_sum", phase="Running") == 4
    assert scraped.value(f"{name}_from_deletion_seconds_sum", phase="Succeeded") == 1
    bounds = [labels["le"] for labels, _ in scraped.of(f"{name}_from_creation_seconds_bucket", phase="Running")]
    assert bounds == [
        "0.5", "1", "2", "5", "10", "20", "30", "40", "50", "60", "90", "120", "180", "300", "600", "1200", "1800", "3600", "+Inf",
    ]  # fmt: skip


async def test_nothing_is_told_of_what_is_not_there(world: World):
    scraped = await world.scrape()
    assert not [name for name in scraped.samples if name.startswith(("kubevirt_vm_", "kubevirt_vmi_phase"))]
    assert scraped.of("workqueue_depth", name="virtualmachine-controller")
    assert scraped.value("workqueue_unfinished_work_seconds", name="virtualmachine-controller") == 0
