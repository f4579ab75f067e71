"""dataVolumeTemplates are created, owned and waited for (reference kubevirt-vm.md 7, cdi.md 14)."""

from __future__ import annotations

from typing import Any

from solovirt.kinds.cdi import names as cdi
from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt import names
from solovirt.machinery.resource import Document, ObjectKey
from tests.controllers.conftest import machine


def with_disk(annotations: dict[str, str] | None = None, **spec: Any) -> Document:
    vm = machine(**spec)
    vm["spec"]["template"]["spec"]["volumes"] = [{"name": "root", "dataVolume": {"name": "disk"}}]
    vm["spec"]["template"]["spec"]["domain"]["devices"] = {"disks": [{"name": "root", "disk": {"bus": "virtio"}}]}
    vm["spec"]["dataVolumeTemplates"] = [
        {
            "metadata": {"name": "disk", "annotations": annotations or {}},
            "spec": {
                "source": {"http": {"url": "http://example.com/disk.img"}},
                "storage": {"resources": {"requests": {"storage": "1Gi"}}},
            },
        }
    ]
    return vm


async def test_a_disk_is_imported_before_the_vm_starts(world):
    vm = await world.vm(with_disk(running=True))
    disk = world.data_volume("disk")
    assert disk["metadata"]["labels"]["kubevirt.io/created-by"] == vm["metadata"]["uid"]
    assert disk["metadata"]["annotations"]["cdi.kubevirt.io/allowClaimAdoption"] == "true"
    assert disk["metadata"]["ownerReferences"][0]["uid"] == vm["metadata"]["uid"]
    assert ("Normal", "SuccessfulDataVolumeCreate", "Created DataVolume disk") in world.events()
    assert world.word() == "Provisioning"
    assert world.instance() is None
    await world.bind("disk")
    assert world.data_volume("disk")["status"]["phase"] == "ImportScheduled"
    await world.advance(1)
    assert world.data_volume("disk")["status"]["phase"] == "ImportInProgress"
    assert world.instance() is None
    await world.advance(3)
    assert world.data_volume("disk")["status"]["phase"] == "Succeeded"
    assert world.instance() is not None
    assert world.word() == "Starting"


async def test_a_halted_vm_has_its_disks_made_too(world):
    await world.vm(with_disk(running=False))
    await world.bind("disk")
    await world.advance(4)
    assert world.data_volume("disk")["status"]["phase"] == "Succeeded"
    assert world.word() == "Stopped"


async def test_creation_can_be_left_to_the_first_start(world):
    vm = with_disk(running=False)
    vm["metadata"]["annotations"] = {"kubevirt.io/immediate-data-volume-creation": "false"}
    await world.vm(vm)
    assert world.get(cdi.DATA_VOLUMES, "disk") is None
    await world.edit(names.VIRTUAL_MACHINES, "vm", running=True)
    assert world.get(cdi.DATA_VOLUMES, "disk") is not None


async def test_a_failing_import_shows_on_the_vm(world):
    await world.vm(with_disk({"fake.solovirt.io/import-error": "connection refused"}, running=True))
    await world.bind("disk")
    await world.advance(3)
    assert world.word() == "DataVolumeError"
    assert world.instance() is None


async def test_a_deleted_disk_is_made_again(world):
    await world.vm(with_disk(running=False))
    first = world.data_volume("disk")["metadata"]["uid"]
    await world.user.delete(cdi.DATA_VOLUMES, ObjectKey("default", "disk"))
    await world.user.delete(core.PERSISTENT_VOLUME_CLAIMS, ObjectKey("default", "disk"))
    await world.manager.settle()
    assert world.data_volume("disk")["metadata"]["uid"] != first


async def test_an_orphaned_disk_is_adopted(world):
    spec = with_disk()["spec"]["dataVolumeTemplates"][0]["spec"]
    await world.create(cdi.DATA_VOLUMES, {"metadata": {"name": "disk", "namespace": "default"}, "spec": spec})
    vm = await world.vm(with_disk(running=False))
    assert [one["uid"] for one in world.data_volume("disk")["metadata"]["ownerReferences"]] == [vm["metadata"]["uid"]]


async def test_a_data_source_is_resolved(world):
    vm = with_disk(running=False)
    vm["spec"]["dataVolumeTemplates"][0]["spec"]["sourceRef"] = {"kind": "DataSource", "name": "golden"}
    del vm["spec"]["dataVolumeTemplates"][0]["spec"]["source"]
    await world.vm(vm)
    failure = next(one for one in world.the_vm()["status"]["conditions"] if one["type"] == "Failure")
    assert failure["reason"] == "FailedCreate"
    assert failure["message"].startswith("Error encountered while creating DataVolumes: ")
    source = {"spec": {"source": {"pvc": {"namespace": "default", "name": "golden"}}}}
    await world.create(cdi.DATA_SOURCES, {"metadata": {"name": "golden", "namespace": "default"}, **source})
    await world.advance(3)
    assert world.data_volume("disk")["spec"]["source"] == {"pvc": {"namespace": "default", "name": "golden"}}
    missing = "Source PVC golden not available: Target PVC disk will remain unpopulated until source is created"
    assert ("Warning", "SourcePVCNotAvailabe", missing) in world.events()


async def test_a_claim_of_that_name_is_nobodys_failure(world):
    """Row "Existing PVC of that name": the machine's data volume takes it as it is, and nothing is said to have failed."""
    claim = {
        "metadata": {"name": "disk", "namespace": "default"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    await world.create(core.PERSISTENT_VOLUME_CLAIMS, claim)
    await world.vm(with_disk(running=False))
    assert "Failure" not in {one["type"] for one in world.the_vm()["status"]["conditions"]}
