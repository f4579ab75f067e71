"""Volumes that come and go while an instance runs (kubevirt-vm.md 9.3, 9.4, 10 and 11)."""

from __future__ import annotations

from typing import Any

import pytest

from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt import names
from solovirt.machinery.resource import Document, ObjectKey
from solovirt.runtime.fake import Stage
from tests.controllers.virtual_machine_instance.conftest import Cluster, instance

KEY = ObjectKey("default", "vmi")


def claim(name: str, *, mode: str = "ReadWriteMany") -> Document:
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"accessModes": [mode], "storageClassName": "", "resources": {"requests": {"storage": "1Gi"}}},
    }


class Hotplug:
    """A running instance, and a user who plugs."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._cursor = cluster.store.watch(names.VIRTUAL_MACHINE_INSTANCES)

    async def claim(self, name: str, *, bound: bool = True) -> None:
        await self.cluster.create(claim(name), core.PERSISTENT_VOLUME_CLAIMS)
        if bound:
            await self.bind(name)

    async def bind(self, name: str) -> None:
        def change(document: Document) -> None:
            document["status"] = {"phase": "Bound", "capacity": {"storage": "1Gi"}}

        key = ObjectKey("default", name)
        await self.cluster.system.edit(core.PERSISTENT_VOLUME_CLAIMS, key, change, status=True)
        await self.cluster.manager.settle()

    async def edit(self, change: Any) -> None:
        await self.cluster.system.edit(names.VIRTUAL_MACHINE_INSTANCES, KEY, change)
        await self.cluster.manager.settle()

    async def plug(self, *volumes: str) -> None:
        def change(document: Document) -> None:
            for name in volumes:
                source = {"claimName": name, "hotpluggable": True}
                document["spec"]["volumes"].append({"name": name, "persistentVolumeClaim": source})
                disks = document["spec"]["domain"]["devices"]["disks"]
                disks.append({"name": name, "disk": {"bus": "scsi"}})

        await self.edit(change)

    async def unplug(self, *volumes: str) -> None:
        def change(document: Document) -> None:
            spec = document["spec"]
            spec["volumes"] = [one for one in spec["volumes"] if one["name"] not in volumes]
            devices = spec["domain"]["devices"]
            devices["disks"] = [one for one in devices["disks"] if one["name"] not in volumes]

        await self.edit(change)

    async def dump(self, name: str) -> None:
        def change(document: Document) -> None:
            source = {"claimName": name, "hotpluggable": True}
            document["spec"]["volumes"].append({"name": name, "memoryDump": source})

        await self.edit(change)

    def status(self, name: str) -> dict[str, Any] | None:
        return next((one for one in self.cluster.status()["volumeStatus"] if one["name"] == name), None)

    def phases(self, name: str) -> list[str]:
        """The phases that the volume's status has been seen in since the last call, gone as a dash."""
        seen: list[str] = []
        for event in self._cursor.pending():
            document = event.record.document("kubevirt.io/v1", "VirtualMachineInstance")
            listed = document.get("status", {}).get("volumeStatus") or ()
            phase = next((one.get("phase", "") for one in listed if one["name"] == name), "-")
            if not seen or seen[-1] != phase:
                seen.append(phase)
        return seen

    def attachment_pods(self) -> list[Document]:
        return [pod for pod in self.cluster.pods() if pod["metadata"]["name"].startswith("hp-volume-")]


@pytest.fixture
async def running(cluster: Cluster) -> Hotplug:
    await cluster.create(instance())
    await cluster.advance(3)
    assert cluster.status()["phase"] == "Running"
    return Hotplug(cluster)


async def test_a_volume_is_plugged_in_phase_by_phase(running: Hotplug):
    await running.claim("data")
    await running.plug("data")
    await running.cluster.advance(2)
    assert running.phases("data") == ["-", "AttachedToNode", "MountedToPod", "Ready"]
    (pod,) = running.attachment_pods()
    metadata = pod["metadata"]
    assert running.status("data") == {
        "name": "data",
        "target": "sda",
        "phase": "Ready",
        "reason": "VolumeReady",
        "message": "Successfully attach hotplugged volume data to VM",
        "hotplugVolume": {"attachPodName": metadata["name"], "attachPodUID": metadata["uid"]},
        "persistentVolumeClaimInfo": {
            "claimName": "data",
            "accessModes": ["ReadWriteMany"],
            "volumeMode": "Filesystem",
            "filesystemOverhead": "0.06",
            "capacity": {"storage": "1Gi"},
            "requests": {"storage": "1Gi"},
        },
    }
    assert metadata["labels"] == {"kubevirt.io": "hotplug-disk"}
    assert metadata["ownerReferences"][0]["kind"] == "Pod"
    assert pod["status"]["phase"] == "Running"
    assert pod["spec"]["nodeName"] == running.cluster.status()["nodeName"]
    claims = [one["persistentVolumeClaim"]["claimName"] for one in pod["spec"]["volumes"][1:]]
    assert claims == ["data"]
    name = metadata["name"]
    assert running.cluster.events()[-4:] == [
        ("virtualmachine-controller", "SuccessfulCreate", f"Created attachment pod {name}"),
        ("virtualmachine-controller", "SuccessfulCreate", f"Created hotplug attachment pod {name}, for volume data"),
        ("virt-handler", "VolumeMountedToPod", "Volume data has been mounted in virt-launcher pod"),
        ("virt-handler", "VolumeReady", "Successfully attach hotplugged volume data to VM"),
    ]


async def test_a_volume_is_unplugged_phase_by_phase(running: Hotplug):
    await running.claim("data")
    await running.plug("data")
    await running.cluster.advance(2)
    (pod,) = running.attachment_pods()
    running.phases("data")
    await running.unplug("data")
    await running.cluster.advance(2)
    assert running.phases("data") == ["Ready", "UnMountedFromPod", "Detaching", "-"]
    assert running.attachment_pods() == []
    name = pod["metadata"]["name"]
    assert running.cluster.events()[-3:] == [
        ("virt-handler", "VolumeUnMountedFromPod", "Volume data has been unmounted from virt-launcher pod"),
        ("virtualmachine-controller", "SuccessfulDelete", f"Deleted attachment pod {name}"),
        ("virtualmachine-controller", "SuccessfulDelete", f"Deleted hotplug attachment pod {name}, for volume data"),
    ]
    guest = await running.cluster.guest()
    assert guest is not None
    assert [disk.volume for disk in guest.disks] == ["root"]


async def test_one_pod_mounts_all_volumes_and_gives_way_to_the_next(running: Hotplug):
    for name in ("one", "two"):
        await running.claim(name)
        await running.plug(name)
        await running.cluster.advance(2)
    (pod,) = running.attachment_pods()
    assert [volume["name"] for volume in pod["spec"]["volumes"]] == ["hotplug-disks", "one", "two"]
    for name in ("one", "two"):
        status = running.status(name)
        assert status is not None
        assert (status["phase"], status["hotplugVolume"]["attachPodName"]) == ("Ready", pod["metadata"]["name"])
    await running.unplug("one")
    await running.cluster.advance(3)
    assert running.status("one") is None
    (left,) = running.attachment_pods()
    assert [volume["name"] for volume in left["spec"]["volumes"]] == ["hotplug-disks", "two"]


async def test_a_volume_waits_for_its_claim(running: Hotplug):
    await running.plug("data")
    status = running.status("data")
    assert status is not None
    assert (status["phase"], status["reason"], status["message"]) == (
        "Pending",
        "FailedPvcNotFound",
        "PVC data not found",
    )
    await running.claim("data", bound=False)
    status = running.status("data")
    assert status is not None
    assert (status["phase"], status["reason"], status["message"]) == (
        "Pending",
        "PVCNotReady",
        "PVC is in phase ClaimPending",
    )
    assert running.attachment_pods() == []
    await running.bind("data")
    await running.cluster.advance(2)
    status = running.status("data")
    assert status is not None
    assert status["phase"] == "Ready"


async def test_a_refused_disk_is_told_and_tried_again(cluster: Cluster):
    cluster.scenario.add(Stage.of(refuse_to_plug="no more slots"))
    await cluster.create(instance())
    await cluster.advance(3)
    running = Hotplug(cluster)
    await running.claim("data")
    await running.plug("data")
    status = running.status("data")
    assert status is not None
    assert status["phase"] == "MountedToPod"
    assert cluster.condition("Synchronized") == ("False", "Synchronizing with the Domain failed.", "no more slots")
    assert ("virt-handler", "SyncFailed", "no more slots") in cluster.events()


async def test_plugging_goes_on_after_a_restart(running: Hotplug):
    await running.claim("data")
    await running.plug("data")
    await running.cluster.restart()
    await running.cluster.advance(2)
    status = running.status("data")
    assert status is not None
    assert (status["phase"], status["target"]) == ("Ready", "sda")


async def test_without_pods_volumes_are_plugged_all_the_same():
    cluster = Cluster(launcher_pods=False)
    await cluster.open()
    await cluster.create(instance())
    await cluster.advance(3)
    running = Hotplug(cluster)
    await running.claim("data")
    await running.plug("data")
    await cluster.advance(2)
    status = running.status("data")
    assert status is not None
    assert (status["phase"], status["target"], status["hotplugVolume"]) == ("Ready", "sda", {})
    await running.unplug("data")
    await cluster.advance(2)
    assert running.status("data") is None
    await cluster.close()


async def test_a_hotpluggable_volume_that_is_there_from_the_start_is_plugged_in_too(cluster: Cluster):
    hotplug = Hotplug(cluster)
    await hotplug.claim("data")
    document = instance()
    source = {"claimName": "data", "hotpluggable": True}
    document["spec"]["volumes"].append({"name": "data", "persistentVolumeClaim": source})
    document["spec"]["domain"]["devices"]["disks"].append({"name": "data", "disk": {"bus": "scsi"}})
    await cluster.create(document)
    await cluster.advance(3)
    launcher = next(pod for pod in cluster.pods() if pod["metadata"]["name"].startswith("virt-launcher-"))
    assert "data" not in [volume["name"] for volume in launcher["spec"]["volumes"]]
    (pod,) = hotplug.attachment_pods()
    status = hotplug.status("data")
    assert status is not None
    assert (status["phase"], status["hotplugVolume"]["attachPodName"]) == ("Ready", pod["metadata"]["name"])


async def test_attachment_pods_go_with_the_instance(running: Hotplug):
    await running.claim("data")
    await running.plug("data")
    await running.cluster.advance(2)
    await running.cluster.delete()
    await running.cluster.advance(3)
    assert running.cluster.find() is None
    assert running.cluster.pods() == []


async def test_a_memory_dump_is_written_and_told(running: Hotplug):
    await running.claim("dump")
    await running.dump("dump")
    await running.cluster.advance(3)
    assert running.phases("dump") == [
        "-",
        "AttachedToNode",
        "MountedToPod",
        "MemoryDumpInProgress",
        "MemoryDumpCompleted",
    ]
    status = running.status("dump")
    assert status is not None
    info = status["memoryDumpVolume"]
    assert info["claimName"] == "dump"
    # <vmi>-<volume>-<yyyymmdd-hhmmss>.memory.dump (kubevirt-vm.md 11)
    stamp = info["startTimestamp"].replace("-", "").replace(":", "").replace("T", "-").removesuffix("Z")
    assert info["targetFileName"] == f"vmi-dump-{stamp}.memory.dump"
    assert info["endTimestamp"] > info["startTimestamp"]
    assert status["message"] == "Memory dump to Volume dump has completed successfully"
    await running.unplug("dump")
    await running.cluster.advance(2)
    assert running.status("dump") is None


async def test_a_memory_dump_that_fails_says_why(cluster: Cluster):
    cluster.scenario.add(Stage.of(fail_to_dump="no space left"))
    await cluster.create(instance())
    await cluster.advance(3)
    running = Hotplug(cluster)
    await running.claim("dump")
    await running.dump("dump")
    await cluster.advance(3)
    status = running.status("dump")
    assert status is not None
    assert (status["phase"], status["message"]) == ("MemoryDumpFailed", "Memory dump to pvc dump failed: no space left")
