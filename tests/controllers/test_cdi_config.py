"""CDI's configuration, and what CDI knows of storage classes (reference cdi.md 13, 6.1)."""

from __future__ import annotations

from typing import Any

from solovirt.kinds.cdi import names as cdi
from solovirt.kinds.core import names as core
from solovirt.machinery.resource import Document, ObjectKey
from tests.controllers.conftest import World


async def configure(world: World, **config: Any) -> None:
    """As an administrator: the CDI CR is what is edited."""

    def change(document: Document) -> None:
        document["spec"]["config"] = config

    await world.user.edit(cdi.CDIS, ObjectKey("", "cdi"), change)
    await world.manager.settle()


def config(world: World) -> Document:
    found = world.get(cdi.CDI_CONFIGS, "config")
    assert found is not None
    return found


async def test_the_installations_configuration_is_copied_and_worked_out(world: World) -> None:
    await world.create(core.STORAGE_CLASSES, {"metadata": {"name": "fast"}, "provisioner": "x"})
    await configure(
        world,
        featureGates=["DataVolumeClaimAdoption"],
        filesystemOverhead={"global": "0.1", "storageClass": {"fast": "0"}},
        preallocation=True,
        uploadProxyURLOverride="https://uploads.example.org",
        scratchSpaceStorageClass="fast",
        podResourceRequirements={"limits": {"memory": "1Gi"}},
        importProxy={"HTTPProxy": "http://proxy:3128"},
    )
    found = config(world)
    assert found["spec"]["featureGates"] == ["DataVolumeClaimAdoption"]
    assert found["status"] == {
        "defaultPodResourceRequirements": {
            "limits": {"cpu": "750m", "memory": "1Gi"},
            "requests": {"cpu": "100m", "memory": "60M"},
        },
        "filesystemOverhead": {"global": "0.1", "storageClass": {"fast": "0", "local": "0.1"}},
        "preallocation": True,
        "scratchSpaceStorageClass": "fast",
        "importProxy": {"HTTPProxy": "http://proxy:3128"},
        "uploadProxyURL": "https://uploads.example.org",
    }
    # A class without overhead: the claim is as large as the disk (reference 6.1).
    spec = {
        "source": {"blank": {}},
        "storage": {
            "storageClassName": "fast",
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    await world.create(cdi.DATA_VOLUMES, {"metadata": {"name": "disk", "namespace": "default"}, "spec": spec})
    claim = world.get(core.PERSISTENT_VOLUME_CLAIMS, "disk")
    assert claim is not None
    assert claim["spec"]["resources"]["requests"]["storage"] == "1Gi"
    assert claim["metadata"]["annotations"]["cdi.kubevirt.io/storage.preallocation.requested"] == "false"


async def test_nothing_said_is_cdis_defaults(world: World) -> None:
    await configure(world)
    status = config(world)["status"]
    assert status["filesystemOverhead"] == {"global": "0.06", "storageClass": {"local": "0.06"}}
    assert (status["preallocation"], status["scratchSpaceStorageClass"]) == (False, "local")


async def test_a_gate_lets_data_volumes_adopt_claims(world: World) -> None:
    """Reference 4.5: the annotation goes before the gate."""
    await configure(world, featureGates=["DataVolumeClaimAdoption"])
    claim = {
        "metadata": {"name": "disk", "namespace": "default"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    await world.create(core.PERSISTENT_VOLUME_CLAIMS, claim)
    spec = {"source": {"blank": {}}, "storage": {"resources": {"requests": {"storage": "1Gi"}}}}
    await world.create(cdi.DATA_VOLUMES, {"metadata": {"name": "disk", "namespace": "default"}, "spec": spec})
    assert world.data_volume("disk")["status"]["phase"] == "Succeeded"


async def test_profiles_say_whether_their_provisioner_is_known(world: World) -> None:
    foreign = {
        "metadata": {"name": "foreign", "annotations": {"cdi.kubevirt.io/clone-strategy": "csi-clone"}},
        "provisioner": "x",
    }
    await world.create(core.STORAGE_CLASSES, foreign)
    for name, status, reason, message in (
        ("local", "True", "RecognizedProvisioner", "Provisioner is recognized"),
        ("foreign", "False", "UnrecognizedProvisioner", "Provisioner is not recognized"),
    ):
        profile = world.get(cdi.STORAGE_PROFILES, name)
        assert profile is not None
        (one,) = profile["status"]["conditions"]
        assert (one["type"], one["status"], one["reason"], one["message"]) == ("Recognized", status, reason, message)
    profile = world.get(cdi.STORAGE_PROFILES, "foreign")
    assert profile is not None
    assert profile["status"]["cloneStrategy"] == "csi-clone"
