"""LiveMigratable and StorageLiveMigratable (kubevirt-vm.md 9.2), in virt-handler's order and words."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from solovirt.controllers.virtual_machine_instance import migratability
from solovirt.kinds.kubevirt.cluster import Cluster
from tests.controllers.virtual_machine_instance.conftest import instance

CLUSTER = Cluster()
INTERFACE = "cannot migrate VMI which does not use masquerade or a migratable plugin to connect to the pod network"
SHARED = "live migration requires that all PVCs must be shared (using ReadWriteMany access mode)"


def machine(
    *, volumes: Any = (), annotations: dict[str, str] | None = None, devices: Any = None, **domain: Any
) -> dict[str, Any]:
    document = copy.deepcopy(instance())
    document["metadata"]["annotations"] = annotations or {}
    document["spec"]["volumes"] = list(volumes)
    document["spec"]["domain"].update(domain)
    document["spec"]["domain"]["devices"].update(devices or {})
    return document


def claim(*modes: str) -> dict[str, Any]:
    return {"spec": {"accessModes": list(modes)}}


BRIDGE = {"interfaces": [{"name": "default", "bridge": {}}]}
ON_CLAIM = {"name": "root", "persistentVolumeClaim": {"claimName": "data"}}


@pytest.mark.parametrize(
    ("document", "claims", "reason", "message"),
    [
        (machine(volumes=[ON_CLAIM]), {"data": claim("ReadWriteOnce")}, "DisksNotLiveMigratable", f"cannot migrate VMI: PVC data is not shared, {SHARED}"),
        (machine(volumes=[ON_CLAIM]), {}, "DisksNotLiveMigratable", f"cannot migrate VMI: Unable to determine if PVC data is shared, {SHARED}"),
        (machine(volumes=[{"name": "root", "hostDisk": {"path": "/x"}}]), {}, "DisksNotLiveMigratable", "cannot migrate VMI with non-shared HostDisk"),
        (machine(devices=BRIDGE), {}, "InterfaceNotLiveMigratable", INTERFACE),
        # The interface is looked at before the disks.
        (machine(devices=BRIDGE, volumes=[ON_CLAIM]), {"data": claim("ReadWriteOnce")}, "InterfaceNotLiveMigratable", INTERFACE),
        (machine(devices={"hostDevices": [{"name": "a", "deviceName": "b"}]}), {}, "HostDeviceNotLiveMigratable", "VMI specifies non-migratable generic PCI host device"),
        (machine(devices={"gpus": [{"name": "a"}, {"name": "b"}]}), {}, "HostDeviceNotLiveMigratable", "VMI specifies too many GPUs"),
        (machine(devices={"gpus": [{"name": "a"}]}), {}, "HostDeviceNotLiveMigratable", "VMI specifies a GPU but feature gate VGPULiveMigration is not enabled"),
        (machine(launchSecurity={"sev": {}}), {}, "SEVNotLiveMigratable", "VMI uses SEV"),
        (machine(launchSecurity={"tdx": {}}), {}, "TDXNotLiveMigratable", "VMI uses TDX"),
        (machine(features={"hyperv": {"reenlightenment": {}}}), {}, "NoTSCFrequencyNotLiveMigratable", "HyperV Reenlightenment VMIs cannot migrate when TSC Frequency is not exposed on the cluster: guest timers might be inconsistent"),
        (machine(features={"hypervPassthrough": {"enabled": True}}), {}, "HypervPassthroughNotLiveMigratable", "VMI uses hyperv passthrough"),
    ],
)  # fmt: skip
def test_what_is_in_the_way_of_a_live_migration(document, claims, reason, message):
    assert migratability.obstacle(document, claims, cluster=CLUSTER) == (reason, message)


@pytest.mark.parametrize(
    ("document", "claims"),
    [
        (machine(), {}),
        (machine(volumes=[ON_CLAIM]), {"data": claim("ReadWriteOnce", "ReadWriteMany")}),
        (machine(volumes=[{"name": "root", "hostDisk": {"path": "/x", "shared": True}}]), {}),
        (machine(devices=BRIDGE, annotations={"kubevirt.io/allow-pod-bridge-network-live-migration": ""}), {}),
        (machine(features={"hypervPassthrough": {"enabled": False}}), {}),
    ],
)
def test_what_can_be_migrated(document, claims):
    assert migratability.obstacle(document, claims, cluster=CLUSTER) is None


def test_secure_execution_is_launch_security_on_s390x():
    document = machine(launchSecurity={})
    document["spec"]["architecture"] = "s390x"
    found = migratability.obstacle(document, {}, cluster=CLUSTER)
    assert found == ("SecureExecutionNotLiveMigratable", "VMI uses Secure Execution")


def test_volumes_can_be_moved_whatever_they_are_made_of_unless_the_machine_can_not():
    assert migratability.storage_obstacle(machine(volumes=[ON_CLAIM]), cluster=CLUSTER) is None
    document = machine(devices=BRIDGE, launchSecurity={"sev": {}})
    text = f"InterfaceNotLiveMigratable: {INTERFACE}, SEVNotLiveMigratable: VMI uses SEV"
    assert migratability.storage_obstacle(document, cluster=CLUSTER) == ("NotMigratable", text)


@pytest.mark.parametrize(
    ("document", "claims", "method"),
    [
        (machine(), {}, "LiveMigration"),
        (machine(volumes=[ON_CLAIM]), {"data": claim("ReadWriteMany")}, "LiveMigration"),
        (machine(volumes=[ON_CLAIM]), {"data": claim("ReadWriteOnce")}, "BlockMigration"),
        (machine(volumes=[{"name": "root", "containerDisk": {"image": "x"}}]), {}, "BlockMigration"),
        (machine(volumes=[{"name": "root", "containerDisk": {"image": "x"}}], devices={"disks": [{"name": "root", "cdrom": {}}]}), {}, "LiveMigration"),
        (machine(volumes=[{"name": "root", "configMap": {}}], devices={"filesystems": [{"name": "root", "virtiofs": {}}]}), {}, "LiveMigration"),
    ],
)  # fmt: skip
def test_the_method(document, claims, method):
    """9.3 migrationMethod: local disks that the guest can write have to be copied."""
    assert migratability.method(document, claims) == method


async def test_an_instance_that_should_leave_a_drained_node_and_can_not_is_told_of(cluster):
    """kubevirt-vm.md 10."""
    bridged = {"disks": [], "interfaces": [{"name": "default", "bridge": {}}]}
    spec = {"memory": {"guest": "1Gi"}, "devices": bridged}
    await cluster.create(instance(evictionStrategy="LiveMigrate", volumes=[], domain=spec))
    await cluster.advance(1)
    assert cluster.condition("LiveMigratable") == ("False", "InterfaceNotLiveMigratable", INTERFACE)
    assert cluster.condition("StorageLiveMigratable")[:2] == ("False", "NotMigratable")
    text = f"EvictionStrategy is set but vmi is not migratable; {INTERFACE}"
    assert ("virt-handler", "Migrated", text) in cluster.events("virt-handler")
