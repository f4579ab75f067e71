"""Claims that are filled by their annotations alone (reference cdi.md 4.4, 5.2)."""

from __future__ import annotations

from typing import Any

import pytest

from solovirt.controllers.data_volume.annotations import source_annotations, source_of
from solovirt.kinds.cdi import names as cdi
from solovirt.kinds.core import names as core
from solovirt.machinery.resource import Document, ObjectKey
from tests.controllers.data_volume.conftest import Cluster
from tests.volumes.files.conftest import MIB, Site, random_disk

A = "cdi.kubevirt.io/"


def claim(name: str, annotations: dict[str, str], size: str = "4Mi") -> Document:
    return {
        "metadata": {"name": name, "namespace": "default", "annotations": annotations},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}},
    }


def annotations_of(cluster: Cluster, name: str) -> dict[str, str]:
    found: dict[str, str] = cluster.get(core.PERSISTENT_VOLUME_CLAIMS, name)["metadata"].get("annotations") or {}
    return found


@pytest.mark.parametrize(
    "source",
    [
        {"upload": {}},
        {"blank": {}},
        {"pvc": {"namespace": "a", "name": "b"}},
        {
            "http": {
                "url": "https://a/b",
                "secretRef": "s",
                "certConfigMap": "c",
                "checksum": "md5:" + "0" * 32,
                "insecureSkipVerify": True,
                "extraHeaders": [f"X-{number}: a" for number in range(12)],
                "secretExtraHeaders": ["one", "two"],
            }
        },
        {"s3": {"url": "http://a/b", "secretRef": "s"}},
        {"registry": {"url": "docker://a/b", "pullMethod": "node", "platform": {"architecture": "arm64"}}},
        {"registry": {"imageStream": "fedora", "pullMethod": "node"}},
        {"imageio": {"url": "https://a", "diskId": "1", "secretRef": "s", "certConfigMap": "c"}},
        {"vddk": {"url": "https://a", "uuid": "1", "backingFile": "f", "thumbprint": "t", "secretRef": "s"}},
    ],
)
def test_a_source_can_be_read_from_its_annotations(source: dict[str, Any]) -> None:
    assert source_of(source_annotations(source)) == source


def test_an_endpoint_without_a_source_or_with_an_unknown_one_is_http() -> None:
    endpoint = {A + "storage.import.endpoint": "http://a"}
    assert source_of(endpoint) == {"http": {"url": "http://a"}}
    assert source_of({**endpoint, A + "storage.import.source": "ftp"}) == {"http": {"url": "http://a"}}
    assert source_of({"other": "x"}) == {}


@pytest.mark.asyncio(loop_scope="module")
async def test_an_annotated_claim_is_imported_into(cluster: Cluster, site: Site) -> None:
    content = random_disk(seed=3)
    url = site.serve("claim", content)["http"]["url"]
    await cluster.user.create(core.PERSISTENT_VOLUME_CLAIMS, claim("imported", {A + "storage.import.endpoint": url}))
    await cluster.until(lambda: annotations_of(cluster, "imported").get(A + "storage.pod.phase") == "Succeeded")
    # 6 % of the claim are the file system's (reference 6.1).
    assert cluster.disk("imported").read_bytes() == content + bytes(MIB)
    said = annotations_of(cluster, "imported")
    assert said[A + "storage.condition.running"] == "false"
    assert said[A + "storage.condition.running.message"] == "Import Complete"
    assert said[A + "storage.import.importPodName"] == "importer-imported"
    assert ("ImportSucceeded", "Import Successful") in cluster.told()


@pytest.mark.asyncio(loop_scope="module")
async def test_an_annotated_claim_that_fails_says_so(cluster: Cluster, site: Site) -> None:
    annotations = {A + "storage.import.source": "http", A + "storage.import.endpoint": f"{site.url}/files/none"}
    await cluster.user.create(core.PERSISTENT_VOLUME_CLAIMS, claim("failing", annotations))
    await cluster.until(lambda: annotations_of(cluster, "failing").get(A + "storage.pod.restarts") == "1")
    message = "Unable to connect to http data source: expected status code 200, got 404. Status: 404 Not Found"
    said = annotations_of(cluster, "failing")
    assert said[A + "storage.condition.running.reason"] == "Error"
    assert said[A + "storage.condition.running.message"] == message
    assert ("ErrImportFailed", message) in cluster.told()


@pytest.mark.asyncio(loop_scope="module")
async def test_a_claim_that_a_pod_uses_is_left_alone(cluster: Cluster) -> None:
    pod = {
        "metadata": {"name": "holder", "namespace": "default"},
        "spec": {
            "containers": [{"name": "one", "image": "one"}],
            "volumes": [{"name": "disk", "persistentVolumeClaim": {"claimName": "held"}}],
        },
    }
    await cluster.user.create(core.PODS, pod)
    await cluster.user.create(core.PERSISTENT_VOLUME_CLAIMS, claim("held", {A + "storage.import.source": "none"}))
    used = ("ImportTargetInUse", "pod default/holder using PersistentVolumeClaim held")
    await cluster.until(lambda: used in cluster.told())
    assert A + "storage.pod.phase" not in annotations_of(cluster, "held")
    await cluster.user.delete(core.PODS, ObjectKey("default", "holder"), grace_seconds=0)
    await cluster.clock.advance(10)
    await cluster.until(lambda: annotations_of(cluster, "held").get(A + "storage.pod.phase") == "Succeeded")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_claim_is_cloned_by_annotation_within_its_namespace_only(cluster: Cluster, site: Site) -> None:
    content = random_disk(seed=4)
    await cluster.data_volume("origin", site.serve("origin", content))
    await cluster.until_phase("origin", "Succeeded")
    await cluster.user.create(
        core.PERSISTENT_VOLUME_CLAIMS, claim("copied", {"k8s.io/CloneRequest": "default/origin"}, "8Mi")
    )
    await cluster.until(lambda: annotations_of(cluster, "copied").get("k8s.io/CloneOf") == "true")
    assert cluster.disk("copied").read_bytes()[: len(content)] == content
    other = claim("stolen", {"k8s.io/CloneRequest": "default/origin"}, "8Mi")
    other["metadata"]["namespace"] = "kubevirt"
    await cluster.user.create(core.PERSISTENT_VOLUME_CLAIMS, other)
    refused = ("CloneValidationFailed", "the clone from namespace default is not authorized")
    await cluster.until(lambda: refused in cluster.told())


@pytest.mark.asyncio(loop_scope="module")
async def test_a_claim_of_a_data_volume_is_the_data_volumes(cluster: Cluster) -> None:
    """Neither loop disturbs the other: an upload stays ready."""
    await cluster.data_volume("waiting", {"upload": {}})
    await cluster.until_phase("waiting", "UploadReady")
    await cluster.user.create(core.PERSISTENT_VOLUME_CLAIMS, claim("target", {A + "storage.upload.target": ""}))
    await cluster.until(lambda: annotations_of(cluster, "target").get(A + "storage.pod.ready") == "true")
    await cluster.clock.advance(60)
    assert cluster.status("waiting")["phase"] == "UploadReady"
    assert cluster.get(cdi.DATA_VOLUMES, "target") == {}
