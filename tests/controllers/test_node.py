"""Nodes for the runtime's machines (kubernetes-api.md 7, kubevirt-vm.md 13)."""

from solovirt.controllers.node import LEASES
from solovirt.kinds.core import names as core
from solovirt.machinery.clock import parse_timestamp
from solovirt.machinery.resource import ObjectKey
from tests.controllers.virtual_machine_instance.conftest import cluster as cluster_fixture

cluster = cluster_fixture


def node(cluster, name="node01"):
    return cluster.user.get(core.NODES, ObjectKey("", name))


async def test_every_machine_is_a_node(cluster):
    assert [one["metadata"]["name"] for one in cluster.user.list(core.NODES)] == ["node01", "node02"]
    found = node(cluster)
    labels, status = found["metadata"]["labels"], found["status"]
    assert labels["kubevirt.io/schedulable"] == "true"
    assert labels["kubernetes.io/hostname"] == "node01"
    assert labels["kubernetes.io/arch"] == "amd64"
    assert labels["kubernetes.io/os"] == "linux"
    assert {one["type"]: one["status"] for one in status["conditions"]} == {
        "MemoryPressure": "False",
        "DiskPressure": "False",
        "PIDPressure": "False",
        "Ready": "True",
    }
    assert status["capacity"]["devices.kubevirt.io/kvm"] == "1k"
    # 268435456Ki as the API server writes it back.
    assert status["allocatable"]["memory"] == "256Gi"
    assert status["addresses"][0] == {"type": "InternalIP", "address": "192.168.66.101"}
    assert status["nodeInfo"]["architecture"] == "amd64"


async def test_what_users_do_to_a_node_stays(cluster):
    def change(document):
        document["spec"]["unschedulable"] = True
        document["metadata"]["labels"] |= {"mine": "1", "kubernetes.io/hostname": "other"}

    await cluster.user.edit(core.NODES, ObjectKey("", "node01"), change)
    await cluster.manager.settle()
    found = node(cluster)
    assert found["spec"]["unschedulable"] is True
    assert found["metadata"]["labels"]["mine"] == "1"
    assert found["metadata"]["labels"]["kubernetes.io/hostname"] == "node01"


async def test_a_deleted_node_registers_again(cluster):
    before = node(cluster)["metadata"]["uid"]
    await cluster.delete("node01", core.NODES)
    assert node(cluster)["metadata"]["uid"] != before


async def test_a_node_that_the_runtime_does_not_know_is_not_ready(cluster):
    await cluster.stop()
    cluster.nodes = 1
    await cluster.start()
    assert {one["type"]: one["status"] for one in node(cluster, "node02")["status"]["conditions"]}["Ready"] == "Unknown"
    assert {one["type"]: one["status"] for one in node(cluster, "node01")["status"]["conditions"]}["Ready"] == "True"


async def test_a_heartbeat_is_renewed_before_it_expires_and_nothing_else_is_written(cluster):
    key = ObjectKey("kube-node-lease", "node01")
    first = cluster.user.get(LEASES, key)
    assert first["spec"]["holderIdentity"] == "node01"
    writes = cluster.watch(core.NODES, LEASES)
    await cluster.clock.advance(301)
    await cluster.manager.settle()
    later = cluster.user.get(LEASES, key)
    age = parse_timestamp(later["spec"]["renewTime"]) - parse_timestamp(first["spec"]["renewTime"])
    assert 0 < age.total_seconds() <= first["spec"]["leaseDurationSeconds"]
    assert writes.count() == {"nodes": 0, "leases": 2}
