"""Claims that refer to one of CDI's sources (reference cdi.md 4.4)."""

from __future__ import annotations

from typing import Any

import pytest

from solovirt.kinds.cdi import names as cdi
from solovirt.kinds.core import names as core
from solovirt.machinery.resource import Document, ObjectKey
from tests.controllers.data_volume.conftest import Cluster
from tests.controllers.data_volume.test_annotated_claim import annotations_of
from tests.volumes.files.conftest import MIB, Site, random_disk

A = "cdi.kubevirt.io/"
pytestmark = pytest.mark.asyncio(loop_scope="module")


def claim(name: str, kind: str, source: str, **metadata: Any) -> Document:
    reference = {"apiGroup": "cdi.kubevirt.io", "kind": kind, "name": source}
    return {
        "metadata": {"name": name, "namespace": "default", **metadata},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "4Mi"}},
            "dataSourceRef": reference,
        },
    }


def source(name: str, **spec: Any) -> Document:
    return {"metadata": {"name": name, "namespace": "default"}, "spec": spec}


def phase(cluster: Cluster, name: str) -> str | None:
    found: str | None = (cluster.get(core.PERSISTENT_VOLUME_CLAIMS, name).get("status") or {}).get("phase")
    return found


async def test_a_claim_waits_for_its_import_source_and_is_bound_when_it_is_filled(cluster: Cluster, site: Site) -> None:
    content = random_disk(seed=21)
    made = await cluster.user.create(core.PERSISTENT_VOLUME_CLAIMS, claim("a", "VolumeImportSource", "a"))
    await cluster.manager.settle()
    assert phase(cluster, "a") == "Pending"
    prime = f"prime-{made['metadata']['uid']}"
    assert cluster.get(core.PERSISTENT_VOLUME_CLAIMS, prime) == {}

    await cluster.user.create(cdi.VOLUME_IMPORT_SOURCES, source("a", source=site.serve("populated", content)))
    await cluster.until(lambda: phase(cluster, "a") == "Bound")
    assert cluster.disk("a").read_bytes() == content + bytes(MIB)
    said = annotations_of(cluster, "a")
    assert said[A + "storage.pod.phase"] == "Succeeded"
    assert said[A + "storage.populator.progress"] == "100.0%"
    assert said[A + "storage.populator.pvcPrime"] == prime
    assert {
        ("CreatedPVCPrimeSuccessfully", "PVC Prime created successfully"),
        ("importSucceeded", "Successfully imported into a"),
    } <= cluster.told()
    # The claim that was filled in its place is gone, and the volume is not.
    await cluster.until(lambda: cluster.get(core.PERSISTENT_VOLUME_CLAIMS, prime) == {})
    await cluster.clock.advance(60)
    await cluster.manager.settle()
    assert phase(cluster, "a") == "Bound"
    assert cluster.disk("a").exists()
    await cluster.user.delete(core.PERSISTENT_VOLUME_CLAIMS, ObjectKey("default", "a"))


async def test_a_source_for_another_claim_is_left_alone(cluster: Cluster) -> None:
    await cluster.user.create(cdi.VOLUME_IMPORT_SOURCES, source("other", source={"blank": {}}, targetClaim="somebody"))
    made = await cluster.user.create(core.PERSISTENT_VOLUME_CLAIMS, claim("b", "VolumeImportSource", "other"))
    await cluster.manager.settle()
    assert cluster.get(core.PERSISTENT_VOLUME_CLAIMS, f"prime-{made['metadata']['uid']}") == {}


async def test_an_upload_source_waits_for_an_upload_into_the_claim_in_its_place(cluster: Cluster) -> None:
    await cluster.user.create(cdi.VOLUME_UPLOAD_SOURCES, source("up"))
    made = await cluster.user.create(core.PERSISTENT_VOLUME_CLAIMS, claim("up", "VolumeUploadSource", "up"))
    await cluster.until(lambda: annotations_of(cluster, "up").get(A + "storage.pod.ready") == "true")
    assert phase(cluster, "up") == "Pending"
    prime = cluster.get(core.PERSISTENT_VOLUME_CLAIMS, f"prime-{made['metadata']['uid']}")
    assert A + "storage.upload.target" in prime["metadata"]["annotations"]


async def test_a_clone_source_is_copied(cluster: Cluster, site: Site) -> None:
    content = random_disk(MIB, seed=22)
    await cluster.data_volume("template", site.serve("template", content), size="2Mi")
    await cluster.until_phase("template", "Succeeded")
    reference = {"kind": "PersistentVolumeClaim", "name": "template"}
    await cluster.user.create(cdi.VOLUME_CLONE_SOURCES, source("template", source=reference))
    await cluster.user.create(core.PERSISTENT_VOLUME_CLAIMS, claim("copy", "VolumeCloneSource", "template"))
    await cluster.until(lambda: annotations_of(cluster, "copy").get(A + "clonePhase") == "Succeeded")
    assert cluster.disk("copy").read_bytes()[:MIB] == content
    assert annotations_of(cluster, "copy")[A + "cloneType"] == "copy"


async def test_a_clone_from_elsewhere_is_refused(cluster: Cluster) -> None:
    asking = claim("thief", "VolumeCloneSource", "template", annotations={A + "dataSourceNamespace": "kubevirt"})
    await cluster.user.create(core.PERSISTENT_VOLUME_CLAIMS, asking)
    await cluster.until(lambda: annotations_of(cluster, "thief").get(A + "clonePhase") == "Error")
    assert "not authorized" in annotations_of(cluster, "thief")[A + "cloneError"]
    assert phase(cluster, "thief") == "Pending"


async def test_a_data_volume_may_be_populated_by_a_source(cluster: Cluster) -> None:
    """External population (reference 4.3): the DataVolume succeeds when its claim is bound."""
    await cluster.user.create(cdi.VOLUME_IMPORT_SOURCES, source("empty", source={"blank": {}}))
    spec = {
        "storage": {
            "resources": {"requests": {"storage": "4Mi"}},
            "dataSourceRef": {"apiGroup": "cdi.kubevirt.io", "kind": "VolumeImportSource", "name": "empty"},
        }
    }
    await cluster.user.create(
        cdi.DATA_VOLUMES, {"metadata": {"name": "external", "namespace": "default"}, "spec": spec}
    )
    await cluster.until_phase("external", "Succeeded")
    populated = "PVC external successfully populated by VolumeImportSource"
    assert ("ExternalPopulationSucceeded", populated) in cluster.told()
    assert cluster.disk("external").exists()
