"""The configuration in force, as the KubeVirt CR says it (kubevirt-vm.md 6.2 and 14)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from solovirt.kinds.kubevirt import configuration, feature_gates
from solovirt.kinds.kubevirt.cluster import STANDARD, Cluster
from solovirt.kinds.kubevirt.rules import metadata as metadata_rules
from solovirt.machinery.auth.identity import User
from solovirt.machinery.resource import GroupResource
from solovirt.machinery.store.protocol import Record
from tests.kinds.kubevirt.admitted import Documents, kubevirt


def read(**config: Any):
    return configuration.read(kubevirt(**config), "kubevirt")


def test_without_a_cr_everything_is_standard():
    assert configuration.in_force(Documents()) is STANDARD


def test_a_cr_that_says_nothing_is_standard():
    assert configuration.in_force(Documents(kubevirt())) == STANDARD


@pytest.mark.parametrize(
    ("on", "off", "gate", "is_open"),
    [
        ((), (), "NUMA", True),
        ((), ("NUMA",), "NUMA", True),
        ((), (), "Snapshot", True),
        ((), ("Snapshot",), "Snapshot", False),
        (("Snapshot",), ("Snapshot",), "Snapshot", True),
        ((), (), "HostDisk", False),
        (("HostDisk",), (), "HostDisk", True),
        (("HotplugVolumes",), (), "HotplugVolumes", True),
        (("Passt",), (), "Passt", False),
    ],
)
def test_gates(on, off, gate, is_open):
    """Section 14: GA always, then what is enabled, then what is disabled, then Beta. What was discontinued never opens."""
    found = configuration.in_force(Documents(kubevirt(*on, disabled=off)))
    assert found.has(gate) is is_open
    assert found.listed_gates == on


@pytest.mark.parametrize(
    ("config", "field", "expected"),
    [
        ({"cpuModel": "Haswell"}, "cpu_model", "Haswell"),
        ({"minCPUModel": "Penryn"}, "min_cpu_model", "Penryn"),
        ({"obsoleteCPUModels": {"486": True, "pentium": False}}, "obsolete_cpu_models", {"486"}),
        ({"cpuRequest": "200m"}, "cpu_request", "200m"),
        ({"evictionStrategy": "LiveMigrate"}, "eviction_strategy", "LiveMigrate"),
        ({"vmRolloutStrategy": "Stage"}, "live_update", False),
        ({"vmRolloutStrategy": "LiveUpdate"}, "live_update", True),
        ({"network": {"defaultNetworkInterface": "masquerade"}}, "network_interface", "masquerade"),
        ({"network": {"permitBridgeInterfaceOnPodNetwork": False}}, "bridge_on_pod_network", False),
        ({"liveUpdateConfiguration": {"maxCpuSockets": 8}}, "max_cpu_sockets", 8),
        ({"liveUpdateConfiguration": {"maxGuest": "8Gi"}}, "max_guest", "8Gi"),
        ({"liveUpdateConfiguration": {"maxHotplugRatio": 2}}, "max_hotplug_ratio", 2),
        ({"architectureConfiguration": {"defaultArchitecture": "arm64"}}, "architecture", "arm64"),
        ({"developerConfiguration": {"cpuAllocationRatio": 5}}, "cpu_allocation_ratio", 5),
        ({"developerConfiguration": {"memoryOvercommit": 150}}, "memory_overcommit", 150),
        ({"persistentReservationConfiguration": {"enabled": True}}, "persistent_reservation", True),
        ({"instancetype": {"referencePolicy": "expand"}}, "instancetype_reference_policy", "expand"),
        ({"permittedHostDevices": {"pciHostDevices": [{"resourceName": "x/y"}]}}, "permitted_host_devices", {"x/y"}),
        ({"migrations": {"allowPostCopy": True}}, "migrations", {"allowPostCopy": True}),
    ],
)
def test_settings(config, field, expected):
    assert getattr(read(**config), field) == expected


@pytest.mark.parametrize(
    ("config", "types", "globs"),
    [
        ({}, {"amd64": "q35", "arm64": "virt", "s390x": "s390-ccw-virtio"}, ("q35*", "pc-q35*")),
        (
            {"machineType": "pc-q35-rhel9"},
            dict.fromkeys(("amd64", "arm64", "s390x"), "pc-q35-rhel9"),
            ("q35*", "pc-q35*"),
        ),
        (
            {"architectureConfiguration": {"amd64": {"machineType": "pc", "emulatedMachines": ["pc*"]}}},
            {"amd64": "pc", "arm64": "virt", "s390x": "s390-ccw-virtio"},
            ("pc*",),
        ),
        ({"emulatedMachines": ["any*"]}, {"amd64": "q35", "arm64": "virt", "s390x": "s390-ccw-virtio"}, ("any*",)),
    ],
)
def test_machine_types(config, types, globs):
    found = read(**config)
    assert (found.machine_types, found.emulated_machines["amd64"]) == (types, globs)


def test_the_cr_is_parsed_once_for_each_of_its_versions(monkeypatch):
    parsed = []
    read_it = configuration.read

    def counted(*given):
        parsed.append(given)
        return read_it(*given)

    monkeypatch.setattr(configuration, "read", counted)
    configuration._parsed.cache_clear()
    before, after = Documents(kubevirt(cpuModel="a")), Documents(kubevirt(cpuModel="b"))
    assert [configuration.in_force(one).cpu_model for one in (before, before, after, before)] == ["a", "a", "b", "a"]
    assert len(parsed) == 2


def test_no_gate_has_two_states():
    counted = [gate for gates in feature_gates._IN_STATE.values() for gate in gates]
    assert len(counted) == len(set(counted))


class _Objects:
    """Objects of which one, the KubeVirt CR, may be there."""

    def __init__(self) -> None:
        self.now = Documents()

    def records(self, resource: GroupResource, namespace: str | None = None) -> Iterator[Record]:
        return self.now.records(resource, namespace)


def test_a_controller_asks_for_the_configuration_in_force():
    """Changes of the CR hold at once; workloadUpdateMethods say whether running instances are brought up to date."""
    objects = _Objects()
    in_force = configuration.Current(objects)
    assert in_force().live_update
    about = {"kind": "KubeVirt", "metadata": {"name": "kubevirt", "namespace": "elsewhere"}}
    objects.now = Documents({**about, "spec": {"configuration": {"vmRolloutStrategy": "Stage"}}})
    assert (in_force().live_update, in_force().namespace, in_force().workload_updates) == (False, "elsewhere", ())
    spec = {"workloadUpdateStrategy": {"workloadUpdateMethods": ["LiveMigrate", "Evict"]}}
    objects.now = Documents({**about, "spec": spec})
    assert (in_force().live_update, in_force().workload_updates) == (True, ("LiveMigrate", "Evict"))


def test_our_own_parts_are_trusted_wherever_the_cr_is():
    """Rule 201 speaks of KubeVirt's service accounts; ours stay where they are if the CR is installed in another namespace."""
    cluster = Cluster(namespace="elsewhere")
    for namespace in ("kubevirt", "elsewhere"):
        account = User(f"system:serviceaccount:{namespace}:kubevirt-controller")
        assert metadata_rules.is_kubevirt_account(account, cluster=cluster)
        assert metadata_rules.is_controller(account, cluster=cluster)
    assert not metadata_rules.is_kubevirt_account(User("system:serviceaccount:default:kubevirt-controller"))
