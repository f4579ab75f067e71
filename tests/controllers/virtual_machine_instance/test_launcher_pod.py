"""The launcher pod (kubevirt-vm.md 9.4)."""

import re

from solovirt.controllers.virtual_machine_instance import launcher_pod
from tests.controllers.virtual_machine_instance.conftest import instance


async def test_the_pod_of_an_instance(cluster):
    document = instance("web.example")
    document["metadata"]["labels"] = {"app": "web"}
    document["metadata"]["annotations"] = {"mine": "kept"}
    await cluster.create(document)
    pod, vmi = cluster.pod(), cluster.get("web.example")
    metadata, spec = pod["metadata"], pod["spec"]
    assert re.fullmatch(r"virt-launcher-web\.example-[bcdfghjklmnpqrstvwxz2456789]{5}", metadata["name"])
    assert metadata["generateName"] == "virt-launcher-web.example-"
    assert metadata["labels"] == {
        "app": "web",
        "kubevirt.io": "virt-launcher",
        "kubevirt.io/created-by": vmi["metadata"]["uid"],
        "vm.kubevirt.io/name": "web",
        "vmi.kubevirt.io/id": "web.example",
        "kubevirt.io/nodeName": "node01",
    }
    assert metadata["annotations"] == {
        "mine": "kept",
        "kubevirt.io/domain": "web.example",
        "kubectl.kubernetes.io/default-container": "compute",
        "kubevirt.io/migrationTransportUnix": "true",
    }
    (owner,) = metadata["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == (
        "VirtualMachineInstance",
        vmi["metadata"]["uid"],
        True,
    )
    assert [container["name"] for container in spec["containers"]] == ["compute"]
    assert spec["restartPolicy"] == "Never"
    assert spec["terminationGracePeriodSeconds"] == 60
    assert spec["readinessGates"] == [{"conditionType": "kubevirt.io/virtual-machine-unpaused"}]
    assert spec["hostname"] == "web"


async def test_the_status_of_a_running_pod(cluster):
    await cluster.create(instance())
    status = cluster.pod()["status"]
    assert status["phase"] == "Running"
    assert status["podIP"] == "10.244.1.1"
    assert status["hostIP"] == "192.168.66.101"
    conditions = {one["type"]: one["status"] for one in status["conditions"]}
    assert conditions["Ready"] == conditions["kubevirt.io/virtual-machine-unpaused"] == "True"
    assert status["containerStatuses"][0]["ready"]


def test_a_long_name_becomes_a_label_by_its_hash():
    """9.4: name[:54]-<sha1[:8]>."""
    document = instance("x" * 70)
    document["metadata"]["uid"] = "u"
    labels = launcher_pod.build(document, None)["metadata"]["labels"]
    # The first digits of `sha1sum` over seventy x.
    assert labels["vmi.kubevirt.io/id"] == "x" * 54 + "-" + "bbaad84b"
    assert len(labels["vm.kubevirt.io/name"]) == 63


def test_the_name_is_always_the_same_for_one_instance_and_another_for_the_next():
    first, second = instance(), instance()
    first["metadata"]["uid"], second["metadata"]["uid"] = "a", "b"
    assert launcher_pod.key_of(first) == launcher_pod.key_of(first)
    assert launcher_pod.key_of(first) != launcher_pod.key_of(second)
