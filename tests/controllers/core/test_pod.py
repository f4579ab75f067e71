"""The end of pods that nobody runs (reference kubernetes-api.md 3.4)."""

from __future__ import annotations

import pytest

from solovirt.kinds.core import names
from solovirt.kinds.kubevirt import names as kubevirt

PODS, INSTANCES = names.PODS, kubevirt.VIRTUAL_MACHINE_INSTANCES


async def pod(cluster, name="p", *, metadata=None, **spec):
    containers = [{"name": "compute", "image": "a:1"}]
    return await cluster.create(PODS, name, metadata=metadata or {}, spec={"containers": containers, **spec})


async def instance(cluster):
    domain = {"devices": {}, "resources": {"requests": {"memory": "64Mi"}}}
    return await cluster.create(INSTANCES, "vm", spec={"domain": domain})


async def test_a_pod_on_no_node_goes_at_once(cluster):
    await pod(cluster)
    await cluster.delete(PODS, "p")
    assert cluster.find(PODS, "p") is None


async def test_a_pod_on_a_node_goes_when_its_grace_is_over(cluster):
    await pod(cluster, nodeName="node1", terminationGracePeriodSeconds=60)
    await cluster.delete(PODS, "p")
    assert cluster.get(PODS, "p")["metadata"]["deletionTimestamp"] == "2026-01-01T00:01:00Z"
    assert cluster.get(PODS, "p")["metadata"]["deletionGracePeriodSeconds"] == 60
    await cluster.wait(59)
    assert cluster.find(PODS, "p") is not None
    await cluster.wait(1)
    assert cluster.find(PODS, "p") is None


async def test_no_grace_means_at_once(cluster):
    await pod(cluster, nodeName="node1")
    await cluster.delete(PODS, "p", grace_seconds=0)
    assert cluster.find(PODS, "p") is None


async def test_a_second_delete_can_only_shorten_the_grace(cluster):
    await pod(cluster, nodeName="node1")
    await cluster.delete(PODS, "p")
    await cluster.delete(PODS, "p", grace_seconds=50)
    assert cluster.get(PODS, "p")["metadata"]["deletionGracePeriodSeconds"] == 30
    await cluster.delete(PODS, "p", grace_seconds=10)
    await cluster.wait(10)
    assert cluster.find(PODS, "p") is None


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
async def test_a_launcher_pod_goes_when_its_guest_has_ended(cluster, owned_by, phase):
    vmi = await instance(cluster)
    await pod(cluster, metadata=owned_by(vmi), nodeName="node1", terminationGracePeriodSeconds=3600)
    await cluster.delete(PODS, "p")
    await cluster.wait(60)
    assert cluster.find(PODS, "p") is not None
    await cluster.api.edit(cluster.target(INSTANCES, "vm"), lambda obj: obj.update(status={"phase": phase}), _system())
    await cluster.settle()
    assert cluster.find(PODS, "p") is None


async def test_a_launcher_pod_goes_with_its_instance(cluster, owned_by):
    vmi = await instance(cluster)
    await pod(cluster, metadata=owned_by(vmi), nodeName="node1", terminationGracePeriodSeconds=3600)
    await cluster.patch(INSTANCES, "vm", {"metadata": {"finalizers": None}})
    await cluster.delete(INSTANCES, "vm")
    assert cluster.find(INSTANCES, "vm") is None
    assert cluster.find(PODS, "p") is None


async def test_a_grace_that_ended_while_nobody_looked_ends_at_the_start(cluster):
    await pod(cluster, nodeName="node1")
    await cluster.delete(PODS, "p")
    await cluster.halt()
    await cluster.wait(30)
    assert cluster.find(PODS, "p") is not None
    await cluster.run()
    assert cluster.find(PODS, "p") is None


def _system():
    from solovirt.machinery.control.manager import service_account
    from solovirt.machinery.verbs.protocol import Caller, FieldValidation

    user = service_account("kubevirt", "kubevirt-controller")
    return Caller(user, "virt-controller", field_validation=FieldValidation.IGNORE)
