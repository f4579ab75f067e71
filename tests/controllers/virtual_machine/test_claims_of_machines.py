"""What wakes a machine for what its status tells of its volumes (kubevirt-vm.md 4, volumeSnapshotStatuses)."""

from __future__ import annotations

from solovirt.controllers.virtual_machine.claims_of_machines import ClaimsOfMachines
from solovirt.kinds.core import names as core
from solovirt.machinery.resource import Document, ObjectKey
from tests.controllers.conftest import World, machine

ONE, OTHER = ObjectKey("default", "one"), ObjectKey("default", "other")


def on(*volumes: Document) -> Document:
    vm = machine(runStrategy="Halted")
    vm["spec"]["template"]["spec"]["volumes"] = [{"name": f"v{number}", **one} for number, one in enumerate(volumes)]
    return vm


def claim(name: str, namespace: str = "default") -> Document:
    return {"metadata": {"name": name, "namespace": namespace}}


ON_CLAIM = {"persistentVolumeClaim": {"claimName": "data"}}


def test_a_claim_concerns_the_machines_with_volumes_on_it():
    machines = ClaimsOfMachines()
    machines.note(ONE, on(ON_CLAIM, {"dataVolume": {"name": "root"}}))
    machines.note(OTHER, on({"memoryDump": {"claimName": "data"}}, {"containerDisk": {"image": "fedora"}}))
    assert machines.of_claim(claim("data")) == [ONE, OTHER]
    assert machines.of_claim(claim("root")) == [ONE]
    assert machines.of_claim(claim("root", "elsewhere")) == []
    machines.note(ONE, on(ON_CLAIM))
    assert machines.of_claim(claim("root")) == []
    machines.note(OTHER, None)
    assert machines.of_claim(claim("data")) == [ONE]


def test_classes_concern_the_machines_that_have_claims():
    machines = ClaimsOfMachines()
    machines.note(ONE, on(ON_CLAIM))
    machines.note(OTHER, on({"containerDisk": {"image": "fedora"}}))
    assert machines.of_class({"metadata": {"name": "fast"}}) == [ONE]
    machines.note(ONE, None)
    assert machines.of_class({"metadata": {"name": "fast"}}) == []


async def test_a_claim_that_comes_and_goes_changes_what_a_halted_machine_says(world: World) -> None:
    def reason() -> str:
        (one,) = world.the_vm()["status"]["volumeSnapshotStatuses"]
        return str(one["reason"])

    await world.vm(on(ON_CLAIM))
    assert reason() == "PVC not found"
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}}
    document = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **claim("data"), "spec": spec}
    await world.create(core.PERSISTENT_VOLUME_CLAIMS, document)
    assert reason() == "No VolumeSnapshotClass: Volume snapshots are not configured for this StorageClass [fast] [v0]"

    def let_go(found: Document) -> None:
        found["metadata"]["finalizers"] = []

    await world.system.edit(core.PERSISTENT_VOLUME_CLAIMS, ObjectKey("default", "data"), let_go)
    await world.user.delete(core.PERSISTENT_VOLUME_CLAIMS, ObjectKey("default", "data"))
    await world.manager.settle()
    assert reason() == "PVC not found"
