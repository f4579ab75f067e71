"""Instances that wait for one of another cluster (kubevirt-vm.md 3, WaitAsReceiver, and 9.1)."""

from __future__ import annotations

from tests.controllers.virtual_machine_instance.conftest import Cluster, instance


async def test_a_receiver_waits_without_pod_and_guest_until_it_is_deleted(cluster: Cluster):
    document = instance()
    document["metadata"]["annotations"] = {"kubevirt.io/create-migration-target": "true"}
    await cluster.create(document)
    await cluster.advance(40)
    assert cluster.phases() == ["Pending", "WaitingForSync"]
    assert cluster.pods() == []
    assert await cluster.guest() is None
    await cluster.delete()
    assert cluster.find() is None
