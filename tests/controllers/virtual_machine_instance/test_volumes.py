"""What an instance waits for before it starts (kubevirt-vm.md 7 Start gate, 9.1, 9.2, 10)."""

from typing import Any

from solovirt.controllers.virtual_machine_instance import volumes
from solovirt.kinds.cdi import names as cdi
from solovirt.kinds.core import names as core
from solovirt.machinery.resource import ObjectKey
from tests.controllers.virtual_machine_instance.conftest import instance

MISSING = "PVC default/data does not exist, waiting for it to appear"


def on_claim(**options: Any):
    return instance(volumes=[{"name": "root", "persistentVolumeClaim": {"claimName": "data"}}], **options)


def on_data_volume():
    return instance(volumes=[{"name": "root", "dataVolume": {"name": "data"}}])


def claim(*, storage_class: str = "", mode: str = "ReadWriteOnce") -> dict[str, Any]:
    return {
        "metadata": {"name": "data", "namespace": "default"},
        "spec": {
            "accessModes": [mode],
            "storageClassName": storage_class,
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }


async def bind(cluster) -> None:
    def change(document):
        document["status"] = {"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}

    await cluster.system.edit(core.PERSISTENT_VOLUME_CLAIMS, ObjectKey("default", "data"), change, status=True)
    await cluster.manager.settle()


async def data_volume_is(cluster, phase: str) -> None:
    def change(document):
        document["status"] = {"phase": phase}

    await cluster.system.edit(cdi.DATA_VOLUMES, ObjectKey("default", "data"), change, status=True)
    await cluster.manager.settle()


DATA_VOLUME = {
    "metadata": {"name": "data", "namespace": "default"},
    "spec": {
        "source": {"blank": {}},
        "pvc": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    },
}


async def test_an_instance_waits_for_a_claim_that_does_not_exist(cluster):
    await cluster.create(on_claim())
    assert cluster.status()["phase"] == "Pending"
    assert cluster.condition("Synchronized") == ("False", "FailedPvcNotFound", MISSING)
    assert cluster.condition("PodScheduled") == ("False", "Unschedulable", MISSING)
    assert cluster.condition("Ready")[:2] == ("False", "PodNotExists")
    assert cluster.events() == [("virtualmachine-controller", "FailedPvcNotFound", MISSING)]
    assert cluster.pods() == []


async def test_it_starts_when_the_claim_is_bound(cluster):
    await cluster.create(on_claim())
    await cluster.create(claim(), core.PERSISTENT_VOLUME_CLAIMS)
    assert cluster.status()["phase"] == "Pending"
    assert cluster.condition("Synchronized") is None
    await bind(cluster)
    assert cluster.status()["phase"] == "Scheduled"
    assert cluster.status()["volumeStatus"] == [
        {
            "name": "root",
            "target": "",
            "persistentVolumeClaimInfo": {
                "claimName": "data",
                "accessModes": ["ReadWriteOnce"],
                "volumeMode": "Filesystem",
                "filesystemOverhead": "0.06",
                "capacity": {"storage": "1Gi"},
                "requests": {"storage": "1Gi"},
            },
        }
    ]


async def test_waiting_is_forgotten_by_a_restart_and_found_again(cluster):
    await cluster.create(on_claim())
    await cluster.restart()
    await cluster.create(claim(), core.PERSISTENT_VOLUME_CLAIMS)
    await bind(cluster)
    assert cluster.status()["phase"] == "Scheduled"


async def test_an_instance_waits_until_its_data_volume_has_arrived(cluster):
    await cluster.create(on_data_volume())
    await cluster.create(DATA_VOLUME, cdi.DATA_VOLUMES)
    await data_volume_is(cluster, "ImportInProgress")
    assert cluster.condition("DataVolumesReady")[:2] == ("False", "NotAllDVsReady")
    await cluster.create(claim(), core.PERSISTENT_VOLUME_CLAIMS)
    await bind(cluster)
    assert cluster.status()["phase"] == "Pending"
    await data_volume_is(cluster, "Succeeded")
    assert cluster.status()["phase"] == "Scheduled"
    assert cluster.condition("DataVolumesReady") == (
        "True",
        "AllDVsReady",
        "All of the VMI's DVs are bound and ready",
    )


async def test_a_failed_data_volume_fails_the_instance(cluster):
    """9.1: Pending to Failed; 9.2 FailedDataVolumeImport."""
    await cluster.create(on_data_volume())
    await cluster.create(DATA_VOLUME, cdi.DATA_VOLUMES)
    await data_volume_is(cluster, "Failed")
    assert cluster.status()["phase"] == "Failed"
    assert cluster.condition("Synchronized")[1] == "FailedDataVolumeImport"


async def test_a_claim_that_waits_for_its_consumer_is_told_the_node(cluster):
    """9.2 Provisioning; kubernetes-api.md 7: kube-scheduler names the node."""
    await cluster.create(
        {
            "metadata": {"name": "late"},
            "provisioner": "example.com/late",
            "volumeBindingMode": "WaitForFirstConsumer",
        },
        core.STORAGE_CLASSES,
    )
    await cluster.create(claim(storage_class="late"), core.PERSISTENT_VOLUME_CLAIMS)
    await cluster.create(on_claim())
    found = cluster.user.get(core.PERSISTENT_VOLUME_CLAIMS, ObjectKey("default", "data"))
    assert found["metadata"]["annotations"]["volume.kubernetes.io/selected-node"] == "node01"


async def test_a_claim_of_one_node_prevents_migration(cluster):
    """9.2 LiveMigratable."""
    await cluster.create(claim(), core.PERSISTENT_VOLUME_CLAIMS)
    await bind(cluster)
    await cluster.create(on_claim())
    await cluster.advance(1)
    assert cluster.condition("LiveMigratable") == (
        "False",
        "DisksNotLiveMigratable",
        (
            "cannot migrate VMI: PVC data is not shared, live migration requires that all PVCs must be shared "
            "(using ReadWriteMany access mode)"
        ),
    )


def test_devices_are_lettered_by_bus_in_the_order_of_the_disks():
    disks = [{"name": f"v{index}", "disk": {"bus": "virtio"}} for index in range(28)]
    disks.insert(1, {"name": "iso", "cdrom": {"bus": "sata"}})
    spec = {
        "domain": {"devices": {"disks": disks}},
        "volumes": [{"name": disk["name"], "emptyDisk": {}} for disk in disks],
    }
    targets = {one["name"]: one["target"] for one in volumes.statuses(spec, {}, running=True)}
    assert [targets[name] for name in ("v0", "iso", "v1", "v25", "v26", "v27")] == [
        "vda",
        "sda",
        "vdb",
        "vdz",
        "vdaa",
        "vdab",
    ]


def test_a_cloud_init_disk_has_a_size():
    """9.3 volumeStatus."""
    spec = {"domain": {"devices": {}}, "volumes": [{"name": "ci", "cloudInitNoCloud": {"userData": "x"}}]}
    assert volumes.statuses(spec, {}, running=False) == [{"name": "ci", "target": "", "size": 1048576}]
