"""objectgraph (reference kubevirt-subresources.md 3.9; the kinds and their order are KubeVirt v1.9's)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.subresources.guests.conftest import Instance

KUBEVIRT = "/apis/kubevirt.io/v1/namespaces/kubevirt/kubevirts/kubevirt"


async def open_gate(instance: Instance, *gates: str) -> None:
    patch = {"spec": {"configuration": {"developerConfiguration": {"featureGates": list(gates)}}}}
    headers = {"Content-Type": "application/merge-patch+json"}
    async with instance.session.patch(KUBEVIRT, data=json.dumps(patch), headers=headers) as answer:
        assert answer.status == 200, await answer.text()


async def graph(instance: Instance, body: Any = None, *, plural: str = "virtualmachineinstances") -> tuple[int, Any]:
    async with instance.session.get(instance.path("objectgraph", plural=plural), json=body) as answer:
        return answer.status, await answer.json()


def names(node: Any) -> list[Any]:
    """The tree as kinds and names."""
    reference = node["objectReference"]
    return [f"{reference['kind']}/{reference['name']}", *[names(child) for child in node.get("children", ())]]


def machine(name: str) -> dict[str, Any]:
    spec = {
        "domain": {"memory": {"guest": "64Mi"}, "devices": {"interfaces": [{"name": "lan", "bridge": {}}]}},
        "networks": [{"name": "lan", "multus": {"networkName": "other/lan"}}],
        "accessCredentials": [
            {
                "sshPublicKey": {
                    "source": {"secret": {"secretName": "keys"}},
                    "propagationMethod": {"noCloud": {}},
                }
            }
        ],
        "volumes": [
            {"name": "a", "dataVolume": {"name": "dv"}},
            {"name": "b", "persistentVolumeClaim": {"claimName": "pvc"}},
            {"name": "c", "configMap": {"name": "map"}},
            {"name": "d", "secret": {"secretName": "hidden"}},
            {"name": "e", "serviceAccount": {"serviceAccountName": "robot"}},
            {
                "name": "f",
                "cloudInitNoCloud": {
                    "secretRef": {"name": "user"},
                    "networkData": "",
                    "networkDataSecretRef": {"name": "net"},
                },
            },
            {"name": "g", "containerDisk": {"image": "x"}},
        ],
    }
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {"name": name},
        "spec": {"runStrategy": "Halted", "template": {"spec": spec}},
    }


EXPECTED = [
    ["Secret/keys"],
    ["DataVolume/dv", ["PersistentVolumeClaim/dv"]],
    ["PersistentVolumeClaim/pvc"],
    ["ConfigMap/map"],
    ["Secret/hidden"],
    ["ServiceAccount/robot"],
    ["Secret/user"],
    ["Secret/net"],
    ["NetworkAttachmentDefinition/lan"],
]


@pytest.fixture
async def made(instance: Instance) -> Instance:
    await open_gate(instance, "ObjectGraph")
    name = f"vm-{instance.name}"
    path = "/apis/kubevirt.io/v1/namespaces/default/virtualmachines"
    async with instance.session.post(path, json=machine(name)) as answer:
        assert answer.status == 201, await answer.text()
    await asyncio.to_thread(instance.plane.settle)
    instance.name = name
    return instance


async def test_the_gate_is_shut_unless_somebody_opens_it(instance: Instance):
    await open_gate(instance)
    for plural in ("virtualmachines", "virtualmachineinstances"):
        code, status = await graph(instance, plural=plural)
        assert (code, status["message"]) == (
            400,
            "ObjectGraph feature gate not enabled: Unable to return object graph.",
        )


async def test_an_instance_and_its_pod(instance: Instance):
    await open_gate(instance, "ObjectGraph")
    code, root = await graph(instance)
    assert code == 200
    (pod,) = root.pop("children")
    assert root == {
        "objectReference": {
            "apiGroup": "kubevirt.io",
            "kind": "VirtualMachineInstance",
            "name": instance.name,
            "namespace": "default",
        },
        "labels": {"kubevirt.io/dependency-type": "compute"},
    }
    assert pod["objectReference"]["kind"] == "Pod"
    assert pod["objectReference"]["apiGroup"] == ""
    assert pod["objectReference"]["name"].startswith(f"virt-launcher-{instance.name}-")


async def test_a_machine_and_everything_that_it_names(made: Instance):
    code, root = await graph(made, plural="virtualmachines")
    assert code == 200
    assert names(root) == [f"VirtualMachine/{made.name}", *EXPECTED]
    network = root["children"][-1]
    assert network["objectReference"]["namespace"] == "other"
    assert network["optional"] is True
    sorts = [child["labels"]["kubevirt.io/dependency-type"] for child in root["children"]]
    assert sorts == [*("config", "storage", "storage"), *["config"] * 5, "network"]


async def test_what_is_optional_may_be_left_out(made: Instance):
    _, root = await graph(made, {"includeOptionalNodes": False}, plural="virtualmachines")
    assert names(root)[1:] == EXPECTED[:-1]


async def test_part_of_the_tree_is_chosen_by_label(made: Instance):
    selector = {"matchLabels": {"kubevirt.io/dependency-type": "storage"}}
    _, root = await graph(made, {"labelSelector": selector}, plural="virtualmachines")
    assert names(root)[1:] == EXPECTED[1:3]
    nonsense = {"matchExpressions": [{"key": "x", "operator": "Near"}]}
    _, root = await graph(made, {"labelSelector": nonsense}, plural="virtualmachines")
    assert names(root)[1:] == EXPECTED


async def test_what_is_not_there_has_no_graph(made: Instance):
    made.name = "nothing"
    for plural, kind in (("virtualmachines", "virtualmachine"), ("virtualmachineinstances", "virtualmachineinstance")):
        code, status = await graph(made, plural=plural)
        assert (code, status["message"]) == (404, f'{kind}.kubevirt.io "nothing" not found')
