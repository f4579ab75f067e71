"""DataSources (reference cdi.md 10)."""

from __future__ import annotations

from typing import Any

from solovirt.kinds.cdi import names as cdi
from solovirt.kinds.core import names as core
from solovirt.kinds.volume_snapshots import names as snapshots
from solovirt.machinery.resource import Document, ObjectKey
from tests.controllers.conftest import World

INSTANCETYPE = "instancetype.kubevirt.io/default-instancetype"


def data_source(name: str, **source: Any) -> Document:
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"source": source}}


def ready(world: World, name: str) -> tuple[str, str, str]:
    found = world.get(cdi.DATA_SOURCES, name)
    assert found is not None
    (one,) = found["status"]["conditions"]
    assert one["type"] == "Ready"
    assert found["status"]["source"] == {} or one["status"] == "True"
    return one["status"], one["reason"], one["message"]


def claim(name: str, **labels: str) -> Document:
    return {
        "metadata": {"name": name, "namespace": "default", "labels": labels},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }


READY = ("True", "Ready", "DataSource is ready to be consumed")


async def test_without_a_source_it_is_not_ready(world: World) -> None:
    await world.create(cdi.DATA_SOURCES, data_source("none"))
    assert ready(world, "none") == ("False", "NoSource", "No source PVC set")


async def test_it_is_ready_when_its_claim_is_there_and_takes_its_labels(world: World) -> None:
    await world.create(cdi.DATA_SOURCES, data_source("golden", pvc={"namespace": "default", "name": "golden"}))
    assert ready(world, "golden") == ("False", "NotFound", "PVC not found")
    await world.create(core.PERSISTENT_VOLUME_CLAIMS, claim("golden", **{INSTANCETYPE: "u1.small", "mine": "too"}))
    assert ready(world, "golden") == READY
    found = world.get(cdi.DATA_SOURCES, "golden")
    assert found is not None
    assert found["status"]["source"] == {"pvc": {"namespace": "default", "name": "golden"}}
    assert found["metadata"]["labels"] == {INSTANCETYPE: "u1.small"}


async def test_it_waits_for_the_import_into_its_claim(world: World) -> None:
    await world.create(cdi.DATA_SOURCES, data_source("fresh", pvc={"namespace": "default", "name": "disk"}))
    spec = {"source": {"blank": {}}, "storage": {"resources": {"requests": {"storage": "1Gi"}}}}
    await world.create(cdi.DATA_VOLUMES, {"metadata": {"name": "disk", "namespace": "default"}, "spec": spec})
    assert ready(world, "fresh") == ("False", "Pending", "Import DataVolume phase Pending")
    await world.bind("disk")
    await world.advance(1)
    assert ready(world, "fresh") == ("False", "ImportInProgress", "Import DataVolume phase ImportInProgress")
    await world.advance(3)
    assert ready(world, "fresh") == READY


async def test_a_snapshot_that_is_not_there_is_not_ready(world: World) -> None:
    await world.create(cdi.DATA_SOURCES, data_source("snap", snapshot={"namespace": "default", "name": "none"}))
    assert ready(world, "snap") == ("False", "NotFound", "Snapshot not found")


async def test_one_may_name_another_of_its_namespace_but_no_chain(world: World) -> None:
    async def make(name: str, namespace: str, other: str) -> None:
        await world.create(cdi.DATA_SOURCES, data_source(name, dataSource={"namespace": namespace, "name": other}))

    await make("alias", "default", "golden")
    missing = 'datasources.cdi.kubevirt.io "golden" not found'
    assert ready(world, "alias") == ("False", "NotFound", missing)
    await world.create(core.PERSISTENT_VOLUME_CLAIMS, claim("disk"))
    await world.create(cdi.DATA_SOURCES, data_source("golden", pvc={"namespace": "default", "name": "disk"}))
    assert ready(world, "alias") == READY
    await make("chain", "default", "alias")
    reached = "DataSource reference chain exceeds maximum depth of 1"
    assert ready(world, "chain") == ("False", "MaxReferenceDepthReached", reached)
    await make("self", "default", "self")
    assert ready(world, "self") == ("False", "SelfReference", "DataSource cannot self-reference")
    await make("far", "kubevirt", "golden")
    refused = "DataSource cannot reference a DataSource in another namespace"
    assert ready(world, "far") == ("False", "CrossNamespaceReference", refused)


async def test_a_data_volume_is_cloned_by_reference(world: World) -> None:
    await world.create(core.PERSISTENT_VOLUME_CLAIMS, claim("disk"))
    await world.bind("disk")
    await world.create(cdi.DATA_SOURCES, data_source("golden", pvc={"namespace": "default", "name": "disk"}))
    await world.create(cdi.DATA_SOURCES, data_source("alias", dataSource={"namespace": "default", "name": "golden"}))
    reference = {"kind": "DataSource", "name": "alias"}
    spec = {"sourceRef": reference, "storage": {}}
    await world.create(cdi.DATA_VOLUMES, {"metadata": {"name": "copy", "namespace": "default"}, "spec": spec})
    await world.bind("copy")
    await world.advance(4)
    copy = world.data_volume("copy")
    assert (copy["status"]["phase"], "source" in copy["spec"]) == ("Succeeded", False)


async def test_it_is_ready_when_its_snapshot_is_which_may_be_simulated(world: World) -> None:
    await world.create(
        snapshots.VOLUME_SNAPSHOT_CLASSES,
        {"metadata": {"name": "snap"}, "driver": "solovirt.io/local", "deletionPolicy": "Delete"},
    )
    await world.create(core.PERSISTENT_VOLUME_CLAIMS, claim("disk"))
    volume = {
        "metadata": {"name": "pv-disk"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "1Gi"},
            "csi": {"driver": "solovirt.io/local", "volumeHandle": "pv-disk"},
            "claimRef": {"namespace": "default", "name": "disk", "uid": uid(world, "disk")},
        },
    }
    await world.create(core.PERSISTENT_VOLUMES, volume)

    def bind(document: Document) -> None:
        document["spec"]["volumeName"] = "pv-disk"

    await world.user.edit(core.PERSISTENT_VOLUME_CLAIMS, ObjectKey("default", "disk"), bind)
    await world.bind("disk")
    await world.create(cdi.DATA_SOURCES, data_source("snap", snapshot={"namespace": "default", "name": "snap"}))
    spec = {"source": {"persistentVolumeClaimName": "disk"}, "volumeSnapshotClassName": "snap"}
    await world.create(snapshots.VOLUME_SNAPSHOTS, {"metadata": {"name": "snap", "namespace": "default"}, "spec": spec})
    assert ready(world, "snap") == ("False", "SnapshotNotReady", "Snapshot phase is not ready")
    await world.advance(1)
    await world.advance(3)
    assert ready(world, "snap") == READY
    found = world.get(snapshots.VOLUME_SNAPSHOTS, "snap")
    assert found is not None
    assert found["status"]["restoreSize"] == "1Gi"


def uid(world: World, name: str) -> str:
    found = world.get(core.PERSISTENT_VOLUME_CLAIMS, name)
    assert found is not None
    return str(found["metadata"]["uid"])
