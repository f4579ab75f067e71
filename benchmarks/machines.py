"""The objects that the load consists of: VirtualMachines of the size that the peer was measured with."""

from __future__ import annotations

from typing import Any

import aiohttp

from benchmarks.target import expect

NAMESPACE = "benchmark"
VMS = f"/apis/kubevirt.io/v1/namespaces/{NAMESPACE}/virtualmachines"


async def prepare(client: aiohttp.ClientSession) -> None:
    """Make the namespace, and VirtualMachine itself as a custom resource where the server has none."""
    async with client.post("/api/v1/namespaces", json={"metadata": {"name": NAMESPACE}}) as answer:
        await expect(answer, 409 if answer.status == 409 else 201)
    async with client.get("/apis/kubevirt.io/v1") as answer:
        if answer.status != 404:
            return
    async with client.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", json=definition()) as answer:
        await expect(answer, 201)
    for _ in range(1000):
        async with client.get(VMS) as answer:
            if answer.status == 200:
                return
    raise RuntimeError("the server does not serve the custom resource that it took")


def definition() -> dict[str, Any]:
    """VirtualMachine as a CustomResourceDefinition with its whole schema, for servers that don't have it."""
    from solovirt.kinds.kubevirt.models.vm import VirtualMachine
    from solovirt.machinery.schema.structural import structural

    schema = structural(VirtualMachine)
    schema["properties"]["metadata"] = {"type": "object"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "virtualmachines.kubevirt.io"},
        "spec": {
            "group": "kubevirt.io",
            "names": {"plural": "virtualmachines", "singular": "virtualmachine", "kind": "VirtualMachine"},
            "scope": "Namespaced",
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": {"status": {}},
                }
            ],
        },
    }


def virtual_machine(name: str, **labels: str) -> dict[str, Any]:
    """A manifest of about 2.3 kB that is not started."""
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {
            "name": name,
            "labels": {"app": "bench", "tier": "backend", **labels},
            "annotations": {"example.com/description": "A machine to measure with. " * 12},
        },
        "spec": {
            "runStrategy": "Halted",
            "template": {
                "metadata": {"labels": {"kubevirt.io/vm": name, "app": "bench"}},
                "spec": {
                    "domain": {
                        "cpu": {"cores": 2, "sockets": 1, "threads": 1, "model": "host-model"},
                        "memory": {"guest": "2Gi"},
                        "resources": {"requests": {"memory": "2Gi", "cpu": "500m"}},
                        "machine": {"type": "q35"},
                        "features": {"acpi": {"enabled": True}, "smm": {"enabled": True}},
                        "firmware": {"bootloader": {"efi": {"secureBoot": False}}},
                        "devices": {
                            "disks": [
                                {"name": f"disk{number}", "disk": {"bus": "virtio"}, "bootOrder": number + 1}
                                for number in range(4)
                            ],
                            "interfaces": [{"name": "default", "masquerade": {}, "model": "virtio"}],
                            "rng": {},
                        },
                    },
                    "terminationGracePeriodSeconds": 30,
                    "networks": [{"name": "default", "pod": {}}],
                    "volumes": [
                        {"name": "disk0", "containerDisk": {"image": "quay.io/containerdisks/fedora:latest"}},
                        {"name": "disk1", "cloudInitNoCloud": {"userData": "#cloud-config\n" + "packages: [a]\n" * 40}},
                        {"name": "disk2", "emptyDisk": {"capacity": "2Gi"}},
                        {"name": "disk3", "emptyDisk": {"capacity": "4Gi"}},
                    ],
                },
            },
        },
    }


def started(name: str) -> dict[str, Any]:
    """The same, to be started, by a guest that needs no time to boot."""
    document = virtual_machine(name)
    document["spec"]["runStrategy"] = "Always"
    document["spec"]["template"]["metadata"]["annotations"] = {"fake.solovirt.io/boot-seconds": "0"}
    return document
