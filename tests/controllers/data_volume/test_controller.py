"""The life of a DataVolume (reference cdi.md 3 to 5)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from solovirt.controllers.data_volume.status import Event, Situation, outcome
from solovirt.kinds.cdi import names as cdi
from solovirt.kinds.core import names as core
from solovirt.machinery.resource import Document, ObjectKey
from solovirt.volumes.protocol import Operation

HTTP = {"http": {"url": "http://example.com/disk.img"}}
KEY = ObjectKey("default", "disk")


def volume(source: Document | None = None, annotations: dict[str, str] | None = None, **spec: Any) -> Document:
    spec.setdefault("storage", {"resources": {"requests": {"storage": "1Gi"}}})
    return {
        "metadata": {"name": "disk", "namespace": "default", "annotations": annotations or {}, "labels": {"a": "b"}},
        "spec": {"source": HTTP if source is None else source, **spec},
    }


def condition(world, name: str) -> tuple[str, str, str]:
    found = next(one for one in world.data_volume("disk")["status"]["conditions"] if one["type"] == name)
    return found["status"], found.get("reason", ""), found.get("message", "")


def told(world) -> list[tuple[str, str]]:
    """(reason, message) of events, in the order in which they were first written."""
    return [(reason, message) for _, reason, message in world.events()]


async def test_an_import_goes_through_its_phases(world):
    await world.create(cdi.DATA_VOLUMES, volume())
    status = world.data_volume("disk")["status"]
    assert (status["phase"], status["progress"], status["claimName"]) == ("Pending", "N/A", "disk")
    assert condition(world, "Bound") == ("False", "Pending", "PVC disk Pending")
    assert [one["type"] for one in status["conditions"]] == ["Bound", "Ready", "Running"]
    await world.bind("disk")
    assert world.data_volume("disk")["status"]["phase"] == "ImportScheduled"
    assert condition(world, "Bound") == ("True", "Bound", "PVC disk Bound")
    await world.advance(1)
    assert world.data_volume("disk")["status"]["phase"] == "ImportInProgress"
    assert condition(world, "Running") == ("True", "Pod is running", "")
    assert condition(world, "Ready") == ("False", "TransferRunning", "")
    await world.advance(2)
    status = world.data_volume("disk")["status"]
    assert (status["phase"], status["progress"]) == ("Succeeded", "100.0%")
    assert condition(world, "Ready") == ("True", "", "")
    assert condition(world, "Running") == ("False", "Completed", "Import Complete")
    assert "restartCount" not in status
    for event in (
        ("Pending", "PVC disk Pending"),
        ("Bound", "PVC disk Bound"),
        ("ImportScheduled", "Import into disk scheduled"),
        ("ImportInProgress", "Import into disk in progress"),
        ("ImportSucceeded", "Successfully imported into PVC disk"),
        ("ImportSucceeded", "Import Successful"),
    ):
        assert event in told(world)


async def test_progress_follows_the_clock(world):
    await world.create(cdi.DATA_VOLUMES, volume(annotations={"fake.solovirt.io/import-seconds": "40"}))
    await world.bind("disk")
    await world.advance(18)
    assert world.data_volume("disk")["status"]["progress"] == "45.00%"


async def test_the_claim_is_made_as_cdi_makes_it(world):
    made = await world.create(cdi.DATA_VOLUMES, volume(annotations={"mine": "too"}))
    claim = world.get(core.PERSISTENT_VOLUME_CLAIMS, "disk")
    metadata = claim["metadata"]
    assert metadata["labels"] == {
        "app": "containerized-data-importer",
        "app.kubernetes.io/component": "storage",
        "app.kubernetes.io/managed-by": "cdi-controller",
        "alerts.k8s.io/KubePersistentVolumeFillingUp": "disabled",
        "a": "b",
    }
    expected = {
        "mine": "too",
        "cdi.kubevirt.io/storage.pod.restarts": "0",
        "cdi.kubevirt.io/storage.contentType": "kubevirt",
        "cdi.kubevirt.io/storage.preallocation.requested": "false",
        "cdi.kubevirt.io/createdForDataVolume": made["metadata"]["uid"],
        "cdi.kubevirt.io/storage.import.source": "http",
        "cdi.kubevirt.io/storage.import.endpoint": "http://example.com/disk.img",
        "cdi.kubevirt.io/storage.usePopulator": "false",
    }
    assert expected.items() <= metadata["annotations"].items()
    assert metadata["ownerReferences"] == [
        {
            "apiVersion": "cdi.kubevirt.io/v1beta1",
            "kind": "DataVolume",
            "name": "disk",
            "uid": made["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert claim["spec"]["storageClassName"] == "local"
    # 1Gi and 6 % of file system overhead, rounded up (reference 6.1).
    assert claim["spec"]["resources"]["requests"]["storage"] == "1138166334"


async def test_a_failing_import_is_retried_and_stays_in_progress(world):
    annotations = {"fake.solovirt.io/import-error": "connection refused"}
    await world.create(cdi.DATA_VOLUMES, volume(annotations=annotations))
    await world.bind("disk")
    await world.advance(3)
    status = world.data_volume("disk")["status"]
    assert (status["phase"], status["restartCount"]) == ("ImportInProgress", 1)
    assert condition(world, "Running") == ("False", "Error", "connection refused")
    assert ("ErrImportFailed", "connection refused") in told(world)
    assert ("Error", "connection refused") in told(world)
    await world.advance(12)
    assert world.data_volume("disk")["status"]["restartCount"] == 2

    def mend(document: Document) -> None:
        del document["metadata"]["annotations"]["fake.solovirt.io/import-error"]

    await world.user.edit(cdi.DATA_VOLUMES, KEY, mend)
    await world.manager.settle()
    status = world.data_volume("disk")["status"]
    assert (status["phase"], status["restartCount"]) == ("Succeeded", 2)


async def test_a_checksum_mismatch_is_final(world):
    annotations = {
        "fake.solovirt.io/import-error": "checksum mismatch: expected a:x, calculated a:y",
        "fake.solovirt.io/import-fatal": "true",
    }
    await world.create(cdi.DATA_VOLUMES, volume(annotations=annotations))
    await world.bind("disk")
    await world.advance(3)
    assert world.data_volume("disk")["status"]["phase"] == "Failed"
    assert condition(world, "Running")[1] == "ChecksumError"
    claim = world.get(core.PERSISTENT_VOLUME_CLAIMS, "disk")
    assert claim["metadata"]["annotations"]["cdi.kubevirt.io/storage.import.fatalError"] == "true"
    assert ("ImportFailed", "Failed to import into PVC disk") in told(world)


async def test_a_blank_disk_has_no_progress_until_it_is_done(world):
    await world.create(cdi.DATA_VOLUMES, volume({"blank": {}}))
    await world.bind("disk")
    await world.advance(1)
    assert world.data_volume("disk")["status"]["progress"] == "N/A"
    await world.advance(3)
    assert world.data_volume("disk")["status"]["progress"] == "100.0%"


async def test_an_upload_becomes_ready_and_waits(world):
    await world.create(cdi.DATA_VOLUMES, volume({"upload": {}}))
    await world.bind("disk")
    assert world.data_volume("disk")["status"]["phase"] == "UploadScheduled"
    await world.advance(10)
    assert world.data_volume("disk")["status"]["phase"] == "UploadReady"
    annotations = world.get(core.PERSISTENT_VOLUME_CLAIMS, "disk")["metadata"]["annotations"]
    assert annotations["cdi.kubevirt.io/storage.pod.ready"] == "true"
    assert annotations["cdi.kubevirt.io/storage.upload.target"] == ""


async def test_a_clone_waits_for_its_source(world):
    await world.create(cdi.DATA_VOLUMES, volume({"pvc": {"namespace": "default", "name": "golden"}}))
    assert ("CloneWithoutSource", "The source pvc golden doesn't exist") in told(world)
    assert world.get(core.PERSISTENT_VOLUME_CLAIMS, "disk") is None
    golden = {
        "metadata": {"name": "golden", "namespace": "default"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    await world.create(core.PERSISTENT_VOLUME_CLAIMS, golden)
    await world.advance(10)
    await world.bind("disk")
    # A source that is not bound has nothing to copy (reference cdi.md 9.1).
    assert world.data_volume("disk")["status"]["phase"] == "CloneScheduled"
    assert ("ImportPVCNotReady", "The source PVC is not fully imported") in told(world)
    await world.bind("golden")
    await world.advance(11)
    assert world.data_volume("disk")["status"]["phase"] == "CloneInProgress"
    await world.advance(3)
    assert world.data_volume("disk")["status"]["phase"] == "Succeeded"
    assert ("CloneSucceeded", "Successfully cloned from default/golden into default/disk") in told(world)


async def test_a_class_that_waits_for_its_consumer_shows(world):
    waiting = {"metadata": {"name": "waiting"}, "provisioner": "x", "volumeBindingMode": "WaitForFirstConsumer"}
    await world.create(core.STORAGE_CLASSES, waiting)
    storage = {
        "storageClassName": "waiting",
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    }
    await world.create(cdi.DATA_VOLUMES, volume(storage=storage))
    assert world.data_volume("disk")["status"]["phase"] == "WaitForFirstConsumer"
    await world.bind("disk")
    assert world.data_volume("disk")["status"]["phase"] == "ImportScheduled"


async def test_a_claim_that_cannot_be_rendered_is_told(world):
    waiting = {"metadata": {"name": "unknown"}, "provisioner": "x"}
    await world.create(core.STORAGE_CLASSES, waiting)
    storage = {"storageClassName": "unknown", "resources": {"requests": {"storage": "1Gi"}}}
    await world.create(cdi.DATA_VOLUMES, volume(storage=storage))
    message = "Spec is missing accessMode and volumeMode, cannot get access mode from StorageProfile unknown"
    assert ("ErrClaimNotValid", message) in told(world)
    assert "phase" not in world.data_volume("disk")["status"]


async def test_an_existing_claim_is_adopted_when_that_is_allowed(world):
    claim = {
        "metadata": {"name": "disk", "namespace": "default"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    await world.create(core.PERSISTENT_VOLUME_CLAIMS, claim)
    made = await world.create(cdi.DATA_VOLUMES, volume(annotations={"cdi.kubevirt.io/allowClaimAdoption": "true"}))
    status = world.data_volume("disk")["status"]
    assert (status["phase"], status["progress"]) == ("Succeeded", "N/A")
    owners = world.get(core.PERSISTENT_VOLUME_CLAIMS, "disk")["metadata"]["ownerReferences"]
    assert [one["uid"] for one in owners] == [made["metadata"]["uid"]]


@pytest.mark.parametrize("seconds", [0, 4])
async def test_looking_at_any_moment_changes_nothing_that_time_did_not(world, seconds):
    """A reconcile that runs twice writes once."""
    await world.create(cdi.DATA_VOLUMES, volume())
    await world.bind("disk")
    await world.advance(seconds)
    before = world.store.now.revision
    await world.user.edit(cdi.DATA_VOLUMES, KEY, lambda document: document["metadata"]["labels"].update(c="d"))
    await world.manager.settle()
    assert world.store.now.revision == before + 1


async def test_a_clone_that_cannot_fit_is_told_and_waits(world):
    """Reference 9.1."""
    golden = {
        "metadata": {
            "name": "golden",
            "namespace": "default",
            "annotations": {"cdi.kubevirt.io/storage.contentType": "archive"},
        },
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}},
    }
    await world.create(core.PERSISTENT_VOLUME_CLAIMS, golden)
    source = {"pvc": {"namespace": "default", "name": "golden"}}
    await world.create(cdi.DATA_VOLUMES, volume(source))
    why = "The clone doesn't meet the validation requirements: "
    types = "Source contentType (archive) and target contentType (kubevirt) do not match"
    assert ("CloneValidationFailed", why + types) in told(world)
    small = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    document = volume(source, pvc=small, contentType="archive")
    del document["spec"]["storage"]
    document["metadata"]["name"] = "small"
    await world.create(cdi.DATA_VOLUMES, document)
    sizes = "target resources requests storage size is smaller than the source 1073741824 < 2147483648"
    assert ("CloneValidationFailed", why + sizes) in told(world)
    assert world.get(core.PERSISTENT_VOLUME_CLAIMS, "small") is None


def test_a_quota_keeps_a_data_volume_pending():
    """Reference 4.1 step 8, 14.1: KubeVirt looks for this reason."""
    over = Event("Warning", "ErrExceededQuota", 'persistentvolumeclaims "disk" is forbidden: exceeded quota: none')
    now = datetime(2026, 1, 1, tzinfo=UTC)
    found = outcome(Situation(volume(), None, Operation.IMPORT, HTTP, now, trouble=over))
    assert found.status["phase"] == "Pending"
    bound = found.status["conditions"][0]
    assert (bound["status"], bound["reason"], bound["message"]) == ("False", over.reason, over.message)
    assert over in found.events


async def test_a_claim_filled_elsewhere_is_taken_as_it_is(world):
    """Reference 4.5: as backups restore claims before their DataVolumes."""
    annotations = {"cdi.kubevirt.io/storage.populatedFor": "disk"}
    claim = {
        "metadata": {"name": "disk", "namespace": "default", "annotations": annotations},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    await world.create(core.PERSISTENT_VOLUME_CLAIMS, claim)
    await world.bind("disk")
    await world.create(cdi.DATA_VOLUMES, volume())
    await world.advance(1)
    found = world.data_volume("disk")
    assert found["status"]["phase"] == "Succeeded"
    assert found["metadata"]["annotations"]["cdi.kubevirt.io/storage.prePopulated"] == "disk"


async def test_a_delayed_annotation_gets_to_the_claim_once_it_is_filled(world):
    annotations = {"cdi.kubevirt.io/storage.populatedFor": "disk"}
    await world.create(cdi.DATA_VOLUMES, volume(annotations=annotations))

    def of_claim() -> dict[str, str]:
        annotations: dict[str, str] = world.get(core.PERSISTENT_VOLUME_CLAIMS, "disk")["metadata"]["annotations"]
        return annotations

    assert "cdi.kubevirt.io/storage.populatedFor" not in of_claim()
    await world.bind("disk")
    await world.advance(4)
    assert world.data_volume("disk")["status"]["phase"] == "Succeeded"
    assert of_claim()["cdi.kubevirt.io/storage.populatedFor"] == "disk"
