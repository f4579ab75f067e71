"""What a fresh installation has (kubevirt-vm.md 1, cdi.md 13)."""

from __future__ import annotations

from solovirt import controllers
from solovirt.kinds.cdi import names as cdi
from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt import names
from solovirt.machinery.resource import ObjectKey


def test_a_fresh_installation_says_that_it_is_deployed(world):
    kubevirt = world.user.get(names.KUBEVIRTS, ObjectKey("kubevirt", "kubevirt"))
    status = kubevirt["status"]
    assert status["phase"] == "Deployed"
    assert status["observedKubeVirtVersion"] == status["targetKubeVirtVersion"] == "v1.9.0"
    said = {one["type"]: (one["status"], one["reason"]) for one in status["conditions"]}
    assert said == {
        "Available": ("True", "AllComponentsReady"),
        "Progressing": ("False", "AllComponentsReady"),
        "Degraded": ("False", "AllComponentsReady"),
        "Created": ("True", "AllResourcesCreated"),
    }
    assert world.get(cdi.CDIS, "cdi")["status"]["phase"] == "Deployed"


def test_the_default_class_has_a_profile(world):
    profile = world.get(cdi.STORAGE_PROFILES, "local")
    assert profile["status"]["claimPropertySets"] == [{"accessModes": ["ReadWriteOnce"], "volumeMode": "Filesystem"}]
    assert profile["status"]["provisioner"] == world.get(core.STORAGE_CLASSES, "local")["provisioner"]


async def test_bootstrapping_again_changes_nothing(world):
    before = world.store.now.revision
    await controllers.bootstrap(world.manager, registry=world.registry)
    await world.manager.settle()
    assert world.store.now.revision == before


async def test_an_installation_of_another_name_is_left_alone(world):
    """kubevirt-validation.md rule 256: there is one."""
    await world.user.delete(names.KUBEVIRTS, ObjectKey("kubevirt", "kubevirt"))
    own = {"apiVersion": "kubevirt.io/v1", "kind": "KubeVirt", "metadata": {"name": "mine", "namespace": "default"}}
    await world.user.create(names.KUBEVIRTS, {**own, "spec": {}})
    await controllers.bootstrap(world.manager, registry=world.registry)
    assert [one["metadata"]["name"] for one in world.user.list(names.KUBEVIRTS)] == ["mine"]


async def test_an_edited_kubevirt_is_observed(world):
    def change(document):
        document["spec"]["imagePullPolicy"] = "Always"

    await world.user.edit(names.KUBEVIRTS, ObjectKey("kubevirt", "kubevirt"), change)
    await world.manager.settle()
    kubevirt = world.user.get(names.KUBEVIRTS, ObjectKey("kubevirt", "kubevirt"))
    assert kubevirt["status"]["observedGeneration"] == kubevirt["metadata"]["generation"] == 2
