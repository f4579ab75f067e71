"""DataImportCrons (reference cdi.md 11)."""

from __future__ import annotations

from typing import Any

from solovirt.controllers.data_import_cron import pinned
from solovirt.kinds.cdi import names as cdi
from solovirt.kinds.core import names as core
from solovirt.machinery.resource import Document, ObjectKey
from tests.controllers.conftest import World

A = "cdi.kubevirt.io/"
VERSION = "fake.solovirt.io/image-version"


def cron(source: Document | None = None, *, name: str = "nightly", **spec: Any) -> Document:
    of_template = {
        "source": source or {"registry": {"url": "docker://quay.io/containerdisks/fedora:latest"}},
        "storage": {"resources": {"requests": {"storage": "1Gi"}}},
    }
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"template": {"spec": of_template}, "schedule": "0 0 * * *", "managedDataSource": "fedora", **spec},
    }


def the(world: World, name: str = "nightly") -> Document:
    found = world.get(cdi.DATA_IMPORT_CRONS, name)
    assert found is not None
    return found


def says(world: World, type: str, name: str = "nightly") -> tuple[str, str, str]:
    one = next(one for one in the(world, name)["status"]["conditions"] if one["type"] == type)
    return one["status"], one["reason"], one["message"]


def current(world: World) -> str:
    """What the managed DataSource points to."""
    found = world.get(cdi.DATA_SOURCES, "fedora")
    assert found is not None
    name: str = found["spec"]["source"]["pvc"]["name"]
    return name


def imports(world: World) -> list[str]:
    return sorted(one["metadata"]["name"] for one in world.user.list(cdi.DATA_VOLUMES, "default"))


async def finish(world: World) -> str:
    """Let the current import succeed, and give its name."""
    name: str = the(world)["status"]["currentImports"][0]["DataVolumeName"]
    await world.bind(name)
    await world.advance(5)
    assert world.data_volume(name)["status"]["phase"] == "Succeeded"
    return name


async def renew(world: World, version: str) -> None:
    def change(document: Document) -> None:
        document["metadata"]["annotations"][VERSION] = version

    await world.user.edit(cdi.DATA_IMPORT_CRONS, ObjectKey("default", "nightly"), change)
    await world.clock.advance(24 * 3600)
    await world.manager.settle()


async def test_a_cron_imports_at_once_and_points_its_data_source_to_the_import(world: World) -> None:
    await world.create(cdi.DATA_IMPORT_CRONS, cron())
    annotations = the(world)["metadata"]["annotations"]
    digest = annotations[A + "storage.import.sourceDesiredDigest"]
    assert digest.startswith("sha256:")
    # The clock of tests begins at midnight, so the schedule is due in a day.
    assert annotations[A + "storage.import.lastCronTime"] == "2026-01-01T00:00:00Z"
    assert annotations[A + "storage.import.nextCronTime"] == "2026-01-02T00:00:00Z"
    assert annotations[A + "storage.import.storageClass"] == "local"
    name = f"fedora-{digest.removeprefix('sha256:')[:12]}"
    assert the(world)["status"]["currentImports"] == [{"DataVolumeName": name, "Digest": digest}]
    data_volume = world.data_volume(name)
    assert data_volume["spec"]["source"]["registry"]["url"] == f"docker://quay.io/containerdisks/fedora@{digest}"
    assert data_volume["metadata"]["labels"][A + "dataImportCron"] == "nightly"
    assert data_volume["metadata"]["annotations"][A + "storage.bind.immediate.requested"] == "true"
    assert says(world, "UpToDate") == ("False", "ImportProgressing", "Import is progressing")
    await world.bind(name)
    assert says(world, "Progressing") == ("False", "ImportScheduled", "Import is scheduled")
    await world.advance(1)
    assert says(world, "Progressing") == ("True", "ImportProgressing", "Import is progressing")
    await world.advance(4)
    assert says(world, "Progressing") == ("False", "NoImport", "No current import")
    assert says(world, "UpToDate") == ("True", "UpToDate", "Latest import is up to date")
    status = the(world)["status"]
    assert status["lastImportedPVC"] == {"namespace": "default", "name": name}
    assert (status["sourceFormat"], status["lastExecutionTimestamp"]) == ("pvc", "2026-01-01T00:00:00Z")
    source = world.get(cdi.DATA_SOURCES, "fedora")
    assert source is not None
    assert source["spec"]["source"] == {"pvc": {"namespace": "default", "name": name}}
    assert source["metadata"]["labels"][A + "dataImportCron"] == "nightly"
    assert source["status"]["conditions"][0]["status"] == "True"
    claim = world.get(core.PERSISTENT_VOLUME_CLAIMS, name)
    assert claim is not None
    assert A + "storage.import.lastUseTime" in claim["metadata"]["annotations"]


async def test_nothing_is_written_while_nothing_changes(world: World) -> None:
    await world.create(cdi.DATA_IMPORT_CRONS, cron())
    await finish(world)
    before = world.store.now.revision
    await world.advance(20)
    assert world.store.now.revision == before


async def test_a_new_image_is_imported_when_the_schedule_is_due_and_old_ones_go(world: World) -> None:
    await world.create(cdi.DATA_IMPORT_CRONS, cron(importsToKeep=2))
    made = [await finish(world)]
    await renew(world, "1")
    assert says(world, "UpToDate")[1] in ("Outdated", "ImportProgressing")
    assert current(world) == made[0]
    made.append(await finish(world))
    assert imports(world) == sorted(made)
    await renew(world, "2")
    made.append(await finish(world))
    await world.advance(1)
    assert imports(world) == sorted(made[1:])
    assert current(world) == made[2]
    # An image that comes back is not imported again.
    await renew(world, "1")
    await world.advance(1)
    assert the(world)["status"]["currentImports"][0]["DataVolumeName"] == made[1]
    assert current(world) == made[1]


async def test_garbage_may_be_kept(world: World) -> None:
    await world.create(cdi.DATA_IMPORT_CRONS, cron(importsToKeep=1, garbageCollect="Never"))
    made = [await finish(world)]
    await renew(world, "1")
    made.append(await finish(world))
    assert imports(world) == sorted(made)


async def test_an_import_that_fails_gives_way_to_a_newer_image(world: World) -> None:
    failing = cron()
    failing["metadata"]["annotations"] = {"fake.solovirt.io/import-error": "no route to host"}
    await world.create(cdi.DATA_IMPORT_CRONS, failing)
    (first,) = imports(world)
    await world.bind(first)
    await world.advance(3)
    assert imports(world) == [first]

    def mend(document: Document) -> None:
        annotations = document["metadata"]["annotations"]
        del annotations["fake.solovirt.io/import-error"]
        annotations[VERSION] = "2"

    await world.user.edit(cdi.DATA_IMPORT_CRONS, ObjectKey("default", "nightly"), mend)
    await world.clock.advance(24 * 3600)
    await world.advance(2)
    (second,) = imports(world)
    assert second != first


async def test_an_image_stream_is_not_available_and_that_is_said(world: World) -> None:
    source = {"registry": {"imageStream": "fedora", "pullMethod": "node"}}
    await world.create(cdi.DATA_IMPORT_CRONS, cron(source))
    why = "ImageStreams are OpenShift's, and there are none here"
    assert says(world, "UpToDate") == ("False", "NoDigest", f"No source digest: {why}")
    assert says(world, "Progressing") == ("False", "NoImport", "No current import")
    assert ("Warning", "DigestUnavailable", why) in world.events()
    assert imports(world) == []


async def test_without_a_schedule_nothing_is_polled(world: World) -> None:
    await world.create(cdi.DATA_IMPORT_CRONS, cron(schedule=""))
    assert says(world, "UpToDate") == ("False", "NoDigest", "No source digest")
    assert A + "storage.import.nextCronTime" not in the(world)["metadata"]["annotations"]


async def test_a_claim_is_a_source_by_its_uid(world: World) -> None:
    source = {"pvc": {"namespace": "default", "name": "golden"}}
    await world.create(cdi.DATA_IMPORT_CRONS, cron(source))
    assert says(world, "UpToDate")[2] == 'No source digest: persistentvolumeclaims "golden" not found'
    claim = {
        "metadata": {"name": "golden", "namespace": "default"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    made = await world.create(core.PERSISTENT_VOLUME_CLAIMS, claim)
    await world.bind("golden")
    await world.advance(30)
    (name,) = imports(world)
    uid = made["metadata"]["uid"]
    assert name == f"fedora-{uid[:12]}"
    assert the(world)["metadata"]["annotations"][A + "storage.import.sourceDesiredDigest"] == f"uid:{uid}"


async def test_a_claim_of_another_namespace_needs_leave(world: World) -> None:
    claim = {
        "metadata": {"name": "golden", "namespace": "kubevirt"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    await world.create(core.PERSISTENT_VOLUME_CLAIMS, claim)
    # The template is checked as a DataVolume of the user's would be, so an administrator makes it.
    await world.system.create(cdi.DATA_IMPORT_CRONS, cron({"pvc": {"namespace": "kubevirt", "name": "golden"}}))
    await world.manager.settle()
    assert says(world, "Progressing") == ("False", "NotAuthorized", "Not authorized to create DataVolume")
    assert imports(world) == []


async def test_a_data_source_has_one_manager(world: World) -> None:
    await world.create(cdi.DATA_IMPORT_CRONS, cron())
    await world.create(cdi.DATA_IMPORT_CRONS, cron(name="other"))
    text = "DataSource fedora is already managed by DataImportCron nightly"
    assert ("Warning", "ErrDataSourceAlreadyManaged", text) in world.events()
    assert "status" not in the(world, "other")


async def test_what_is_not_retained_goes_with_the_cron(world: World) -> None:
    await world.create(cdi.DATA_IMPORT_CRONS, cron(retentionPolicy="None"))
    await finish(world)
    await world.user.delete(cdi.DATA_IMPORT_CRONS, ObjectKey("default", "nightly"))
    await world.manager.settle()
    assert imports(world) == []
    assert world.get(cdi.DATA_SOURCES, "fedora") is None


async def test_what_is_retained_stays_after_the_cron(world: World) -> None:
    await world.create(cdi.DATA_IMPORT_CRONS, cron())
    name = await finish(world)
    await world.user.delete(cdi.DATA_IMPORT_CRONS, ObjectKey("default", "nightly"))
    await world.manager.settle()
    assert imports(world) == [name]
    assert world.get(cdi.DATA_SOURCES, "fedora") is not None


def test_an_image_is_pinned_to_its_digest() -> None:
    digest = "sha256:" + "0" * 64
    assert pinned("docker://quay.io:5000/a/b:latest", digest) == f"docker://quay.io:5000/a/b@{digest}"
    assert pinned("docker://quay.io:5000/a/b", digest) == f"docker://quay.io:5000/a/b@{digest}"
    assert pinned("docker://fedora", digest) == f"docker://fedora@{digest}"
