"""
Snapshots of volumes with real bytes, and what is restored from them (reference cdi.md 2.1, 4.3, 6.2, 9.1, 10).

The messages are the external-snapshotter's (its common-controller) and the external-provisioner's.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from solovirt import controllers
from solovirt.kinds.cdi import names as cdi
from solovirt.kinds.core import names as core
from solovirt.kinds.volume_snapshots import names
from solovirt.machinery import quantity
from solovirt.machinery.errors import Invalid
from solovirt.machinery.resource import Document, ObjectKey
from solovirt.volumes.files import FileVolumes
from tests.controllers.data_volume.conftest import Cluster
from tests.volumes.files.conftest import MIB, Site, random_disk

pytestmark = pytest.mark.asyncio(loop_scope="module")

DRIVER = "solovirt.io/local"


async def snapshot_class(cluster: Cluster, name: str, *, policy: str = "Delete", default: bool = False) -> None:
    annotations = {"snapshot.storage.kubernetes.io/is-default-class": "true"} if default else {}
    document = {"metadata": {"name": name, "annotations": annotations}, "driver": DRIVER, "deletionPolicy": policy}
    if cluster.user.get(names.VOLUME_SNAPSHOT_CLASSES, ObjectKey("", name)) is None:
        await cluster.user.create(names.VOLUME_SNAPSHOT_CLASSES, document)


async def snapshot(cluster: Cluster, name: str, of: str, **spec: Any) -> None:
    document = {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"source": {"persistentVolumeClaimName": of}, **spec},
    }
    await cluster.user.create(names.VOLUME_SNAPSHOTS, document)


async def taken(cluster: Cluster, name: str, of: str, *, policy: str = "Delete") -> Document:
    """A snapshot that is ready, of a class of its own policy; its content."""
    await snapshot_class(cluster, policy.lower(), policy=policy)
    await snapshot(cluster, name, of, volumeSnapshotClassName=policy.lower())
    await cluster.until(lambda: bool(status(cluster, name).get("readyToUse")))
    return content(cluster, name)


def status(cluster: Cluster, name: str) -> Document:
    found: Document = cluster.get(names.VOLUME_SNAPSHOTS, name).get("status") or {}
    return found


def content(cluster: Cluster, name: str) -> Document:
    of_snapshot = status(cluster, name)["boundVolumeSnapshotContentName"]
    found = cluster.user.get(names.VOLUME_SNAPSHOT_CONTENTS, ObjectKey("", of_snapshot))
    assert found is not None
    return found


async def golden(cluster: Cluster, site: Site, name: str, *, seed: int = 3) -> bytes:
    await cluster.data_volume(name, site.serve(name, random_disk(seed=seed)))
    await cluster.until_phase(name, "Succeeded")
    return cluster.disk(name).read_bytes()


async def test_a_snapshot_keeps_what_a_claim_held(cluster: Cluster, site: Site) -> None:
    before = await golden(cluster, site, "golden")
    made = await taken(cluster, "snap", "golden")
    volume = cluster.get(core.PERSISTENT_VOLUME_CLAIMS, "golden")["spec"]["volumeName"]
    uid = cluster.get(names.VOLUME_SNAPSHOTS, "snap")["metadata"]["uid"]
    assert made["metadata"]["name"] == f"snapcontent-{uid}"
    spec = made["spec"]
    assert (spec["source"], spec["driver"], spec["deletionPolicy"]) == ({"volumeHandle": volume}, DRIVER, "Delete")
    assert (spec["sourceVolumeMode"], spec["volumeSnapshotRef"]["uid"]) == ("Filesystem", uid)
    capacity = quantity.whole(cluster.get(core.PERSISTENT_VOLUME_CLAIMS, "golden")["status"]["capacity"]["storage"])
    assert made["status"]["restoreSize"] == capacity
    assert quantity.whole(status(cluster, "snap")["restoreSize"]) == capacity
    assert status(cluster, "snap")["creationTime"].endswith("Z")

    kept = cluster.root / made["status"]["snapshotHandle"] / "data" / "disk.img"
    with cluster.disk("golden").open("r+b") as disk:
        disk.write(b"changed since")
    assert kept.read_bytes() == before
    assert made["status"]["snapshotHandle"] in cluster.volumes.measure().volumes
    waiting = "Waiting for a snapshot default/snap to be created by the CSI driver."
    for event in (
        ("CreatingSnapshot", waiting),
        ("SnapshotCreated", "Snapshot default/snap was successfully created by the CSI driver."),
        ("SnapshotReady", "Snapshot default/snap is ready to use."),
    ):
        assert event in cluster.told()

    # A DataVolume restored from it, without a size of its own, is as large (reference cdi.md 6.2).
    document = {
        "metadata": {"name": "restored", "namespace": "default"},
        "spec": {"source": {"snapshot": {"namespace": "default", "name": "snap"}}, "storage": {}},
    }
    await cluster.user.create(cdi.DATA_VOLUMES, document)
    await cluster.until_phase("restored", "Succeeded")
    assert cluster.disk("restored").read_bytes() == before
    claim = cluster.get(core.PERSISTENT_VOLUME_CLAIMS, "restored")
    assert quantity.whole(claim["spec"]["resources"]["requests"]["storage"]) == capacity
    assert cluster.status("restored")["progress"] == "100.0%"
    assert cluster.condition("restored") == ("False", "Completed", "Clone Complete")
    assert {
        ("CloneScheduled", "Cloning from default/snap into default/restored scheduled"),
        (
            "CloneFromSnapshotSourceInProgress",
            "Creating PVC from snapshot source is in progress (for snapshot default/snap)",
        ),
        ("CloneSucceeded", "Successfully cloned from default/snap into default/restored"),
    } <= cluster.told()


async def test_a_data_source_may_name_a_snapshot(cluster: Cluster, site: Site) -> None:
    before = await golden(cluster, site, "boot", seed=4)
    source = {"snapshot": {"namespace": "default", "name": "boot-snap"}}
    await cluster.user.create(
        cdi.DATA_SOURCES, {"metadata": {"name": "boot", "namespace": "default"}, "spec": {"source": source}}
    )
    await taken(cluster, "boot-snap", "boot")
    await cluster.manager.settle()
    (ready,) = cluster.get(cdi.DATA_SOURCES, "boot")["status"]["conditions"]
    assert (ready["status"], ready["message"]) == ("True", "DataSource is ready to be consumed")
    document = {
        "metadata": {"name": "from-boot", "namespace": "default"},
        "spec": {"sourceRef": {"kind": "DataSource", "name": "boot"}, "storage": {}},
    }
    await cluster.user.create(cdi.DATA_VOLUMES, document)
    await cluster.until_phase("from-boot", "Succeeded")
    assert cluster.disk("from-boot").read_bytes() == before


async def test_a_clone_waits_for_its_snapshot(cluster: Cluster, site: Site) -> None:
    await golden(cluster, site, "later")
    await cluster.data_volume("early", {"snapshot": {"namespace": "default", "name": "later-snap"}})
    missing = ("CloneWithoutSource", "The source snapshot later-snap doesn't exist")
    await cluster.until(lambda: missing in cluster.told())
    await taken(cluster, "later-snap", "later")
    await cluster.clock.advance(10)
    await cluster.until_phase("early", "Succeeded")


async def test_a_claim_is_restored_by_its_data_source_and_pending_until_then(cluster: Cluster, site: Site) -> None:
    before = await golden(cluster, site, "plain", seed=5)

    async def claim(name: str, size: str) -> None:
        source = {"apiGroup": names.GROUP, "kind": "VolumeSnapshot", "name": "plain-snap"}
        spec = {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": size}},
            "dataSource": source,
        }
        document = {"metadata": {"name": name, "namespace": "default"}, "spec": spec}
        await cluster.user.create(core.PERSISTENT_VOLUME_CLAIMS, document)

    await claim("copy", "8Mi")
    await cluster.manager.settle()
    assert cluster.get(core.PERSISTENT_VOLUME_CLAIMS, "copy")["status"]["phase"] == "Pending"
    why = (
        'failed to provision volume with StorageClass "local": error getting handle for DataSource Type VolumeSnapshot by Name'
        ' plain-snap: error getting snapshot plain-snap from api server: volumesnapshots.snapshot.storage.k8s.io "plain-snap"'
        " not found"
    )
    assert ("ProvisioningFailed", why) in cluster.told()
    await taken(cluster, "plain-snap", "plain")
    await cluster.until(lambda: cluster.get(core.PERSISTENT_VOLUME_CLAIMS, "copy")["status"]["phase"] == "Bound")
    assert cluster.disk("copy").read_bytes()[: len(before)] == before
    await cluster.until(lambda: not any("prime-" in one["metadata"]["name"] for one in cluster.claims()))

    await claim("tight", "1Mi")
    await cluster.manager.settle()
    least = quantity.whole(status(cluster, "plain-snap")["restoreSize"])
    assert any(
        f"requested volume size {MIB} is less than the size {least} for the source snapshot plain-snap" in message
        for _, message in cluster.told()
    )


async def test_what_can_not_be_snapshotted_says_why(cluster: Cluster) -> None:
    await snapshot_class(cluster, "delete")
    await snapshot(cluster, "of-nothing", "nothing", volumeSnapshotClassName="delete")
    await snapshot(cluster, "classless", "nothing", volumeSnapshotClassName="none")
    unbound = {
        "metadata": {"name": "unbound", "namespace": "default"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "none",
            "resources": {"requests": {"storage": "1Mi"}},
        },
    }
    await cluster.user.create(core.PERSISTENT_VOLUME_CLAIMS, unbound)
    await snapshot(cluster, "of-unbound", "unbound", volumeSnapshotClassName="delete")
    await cluster.manager.settle()

    def error(name: str) -> str:
        return str(status(cluster, name)["error"]["message"])

    assert error("of-nothing") == (
        "Failed to create snapshot content with error failed to get input parameters to create snapshot of-nothing:"
        ' "failed to retrieve PVC nothing from the lister: \\"persistentvolumeclaim \\\\\\"nothing\\\\\\" not found\\""'
    )
    assert error("of-unbound") == (
        "Failed to create snapshot content with error failed to get input parameters to create snapshot of-unbound:"
        ' "the PVC unbound is not yet bound to a PV, will not attempt to take a snapshot"'
    )
    assert status(cluster, "of-unbound")["readyToUse"] is False
    assert ("SnapshotContentCreationFailed", error("of-unbound")) in cluster.told()
    assert error("classless") == (
        'Failed to get snapshot class with error volumesnapshotclass.snapshot.storage.k8s.io "none" not found'
    )


async def test_without_a_class_the_drivers_default_is_taken(cluster: Cluster, site: Site) -> None:
    await golden(cluster, site, "defaulted")
    await snapshot(cluster, "by-default", "defaulted")
    await cluster.manager.settle()
    assert status(cluster, "by-default")["error"]["message"] == (
        "Failed to set default snapshot class with error cannot find default snapshot class"
    )
    await snapshot_class(cluster, "the-default", default=True)
    await cluster.clock.advance(10)
    await cluster.until(lambda: bool(status(cluster, "by-default").get("readyToUse")))
    assert cluster.get(names.VOLUME_SNAPSHOTS, "by-default")["spec"]["volumeSnapshotClassName"] == "the-default"
    assert "error" not in status(cluster, "by-default")


async def test_bytes_go_with_the_content_which_may_outlive_its_snapshot(cluster: Cluster, site: Site) -> None:
    await golden(cluster, site, "mortal")
    gone = await taken(cluster, "gone", "mortal")
    kept = await taken(cluster, "kept", "mortal", policy="Retain")
    gone_bytes, kept_bytes = (cluster.root / one["status"]["snapshotHandle"] for one in (gone, kept))
    for name in ("gone", "kept"):
        await cluster.user.delete(names.VOLUME_SNAPSHOTS, ObjectKey("default", name))
    await cluster.until(lambda: not gone_bytes.exists())
    await cluster.until(lambda: not cluster.get(names.VOLUME_SNAPSHOTS, "kept"))
    assert cluster.user.get(names.VOLUME_SNAPSHOT_CONTENTS, ObjectKey("", gone["metadata"]["name"])) is None
    assert kept_bytes.is_dir()

    # What was kept can be had again by its handle.
    again = {
        "metadata": {"name": "again"},
        "spec": {
            "deletionPolicy": "Delete",
            "driver": DRIVER,
            "source": {"snapshotHandle": kept["status"]["snapshotHandle"]},
            "volumeSnapshotRef": {"name": "again", "namespace": "default"},
        },
    }
    await cluster.user.create(names.VOLUME_SNAPSHOT_CONTENTS, again)
    document = {
        "metadata": {"name": "again", "namespace": "default"},
        "spec": {"source": {"volumeSnapshotContentName": "again"}},
    }
    await cluster.user.create(names.VOLUME_SNAPSHOTS, document)
    await cluster.until(lambda: bool(status(cluster, "again").get("readyToUse")))
    await cluster.user.delete(names.VOLUME_SNAPSHOT_CONTENTS, ObjectKey("", kept["metadata"]["name"]))
    await cluster.manager.settle()
    assert kept_bytes.is_dir()
    await cluster.user.delete(names.VOLUME_SNAPSHOTS, ObjectKey("default", "again"))
    await cluster.until(lambda: not kept_bytes.exists())


async def test_a_handle_of_something_else_is_not_found(cluster: Cluster, site: Site) -> None:
    await golden(cluster, site, "victim")
    volume = cluster.get(core.PERSISTENT_VOLUME_CLAIMS, "victim")["spec"]["volumeName"]
    for name, handle in (("thief", volume), ("climber", "snapshot@../x"), ("guess", "snapshot@0")):
        document = {
            "metadata": {"name": name},
            "spec": {
                "deletionPolicy": "Delete",
                "driver": DRIVER,
                "source": {"snapshotHandle": handle},
                "volumeSnapshotRef": {"name": name, "namespace": "default"},
            },
        }
        await cluster.user.create(names.VOLUME_SNAPSHOT_CONTENTS, document)

        def error(name: str = name) -> str:
            found = cluster.user.get(names.VOLUME_SNAPSHOT_CONTENTS, ObjectKey("", name)) or {}
            return str(((found.get("status") or {}).get("error") or {}).get("message") or "")

        await cluster.until(lambda: bool(error()))
        assert "not found" in error() or "the snapshot is not there" in error()
        await cluster.user.delete(names.VOLUME_SNAPSHOT_CONTENTS, ObjectKey("", name))
        await cluster.manager.settle()
    assert cluster.disk("victim").is_file()


async def test_a_volume_in_use_is_copied_at_one_moment_or_not_at_all(
    cluster: Cluster, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("solovirt.volumes.files.clone._share_blocks", lambda *_: False)
    await golden(cluster, site, "written")
    pod = {
        "metadata": {"name": "writer", "namespace": "default"},
        "spec": {
            "containers": [{"name": "one", "image": "one"}],
            "volumes": [{"name": "disk", "persistentVolumeClaim": {"claimName": "written"}}],
        },
    }
    await cluster.user.create(core.PODS, pod)
    await snapshot_class(cluster, "delete")
    await snapshot(cluster, "torn", "written", volumeSnapshotClassName="delete")
    await cluster.until(lambda: "error" in status(cluster, "torn"))
    assert "its file system can't copy it at one moment" in status(cluster, "torn")["error"]["message"]
    await cluster.user.delete(core.PODS, ObjectKey("default", "writer"), grace_seconds=0)
    await cluster.clock.advance(10)
    await cluster.until(lambda: bool(status(cluster, "torn").get("readyToUse")))


async def test_a_snapshot_has_one_source(cluster: Cluster) -> None:
    document = {"metadata": {"name": "none", "namespace": "default"}, "spec": {"source": {}}}
    with pytest.raises(Invalid, match="exactly one of volumeSnapshotContentName and persistentVolumeClaimName"):
        await cluster.user.create(names.VOLUME_SNAPSHOTS, document)


async def test_a_restart_keeps_snapshots(cluster: Cluster, site: Site) -> None:
    await golden(cluster, site, "lasting")
    handle = (await taken(cluster, "lasting", "lasting"))["status"]["snapshotHandle"]
    known: set[str] = set()

    class Started(FileVolumes):
        async def start(self, *, owner: str, volumes: Collection[str]) -> None:
            known.update(volumes)

    await controllers.start_volumes(
        cluster.manager, Started(cluster.root, clock=cluster.clock, cluster=controllers.cluster_of(cluster.manager))
    )
    assert handle in known
    assert cluster.get(core.PERSISTENT_VOLUME_CLAIMS, "lasting")["spec"]["volumeName"] in known
