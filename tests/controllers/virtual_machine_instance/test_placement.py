"""Which node an instance gets, and what is said if there is none (kubevirt-vm.md 9.1, 9.2 PodScheduled)."""

from typing import Any

import pytest

from solovirt.controllers.virtual_machine_instance.placement import Placement, Unschedulable
from solovirt.kinds.core import names as core
from solovirt.machinery.resource import ObjectKey
from tests.controllers.virtual_machine_instance.conftest import instance


def node(name: str = "node01", *, cpu: str = "4", memory: str = "8Gi", pods: str = "10", **spec: Any) -> dict[str, Any]:
    labels = {"kubevirt.io/schedulable": "true", "kubernetes.io/arch": "amd64", "kubernetes.io/hostname": name}
    return {
        "metadata": {"name": name, "labels": labels | spec.pop("labels", {})},
        "spec": spec,
        "status": {
            "allocatable": {"cpu": cpu, "memory": memory, "pods": pods},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def vmi(name: str = "vmi", *, sockets: int = 1, **spec: Any) -> dict[str, Any]:
    document = instance(name, architecture="amd64", **spec)
    document["spec"]["domain"]["cpu"] = {"sockets": sockets, "cores": 1, "threads": 1}
    return document


class Nodes:
    """Objects that knows nodes, and instances."""

    def __init__(self, *nodes, instances=()) -> None:
        self._lists = {core.NODES: nodes}
        self._instances = instances

    def list(self, resource, namespace=None):
        return self._lists.get(resource, self._instances)


def placement(*nodes, instances=()) -> Placement:
    return Placement(Nodes(*nodes, instances=instances))  # type: ignore[arg-type]  # what is asked for is there


def test_instances_spread_over_nodes():
    place = placement(node("node01"), node("node02"))
    assert [place.find(vmi(name)) for name in "abcd"] == ["node01", "node02", "node01", "node02"]


def test_a_place_once_given_is_kept():
    place = placement(node("node01"), node("node02"))
    assert {place.find(vmi("a")) for _ in range(3)} == {"node01"}


def test_what_runs_already_is_in_the_books():
    running = vmi("old")
    running["status"] = {"phase": "Running", "nodeName": "node01"}
    ended = vmi("gone")
    ended["status"] = {"phase": "Succeeded", "nodeName": "node02"}
    assert placement(node("node01"), node("node02"), instances=[running, ended]).find(vmi("new")) == "node02"


def test_room_that_is_given_back_is_given_again():
    place = placement(node(pods="1"))
    place.find(vmi("a"))
    with pytest.raises(Unschedulable):
        place.find(vmi("b"))
    place.release(ObjectKey("default", "a"))
    assert place.find(vmi("b")) == "node01"


@pytest.mark.parametrize(
    ("nodes", "spec", "message"),
    [
        ([], {}, "no nodes available to schedule pods"),
        ([node(memory="1Gi")], {}, "0/1 nodes are available: 1 Insufficient memory."),
        ([node(cpu="100m"), node("n2", cpu="200m")], {"sockets": 3}, "0/2 nodes are available: 2 Insufficient cpu."),
        ([node(pods="0")], {}, "0/1 nodes are available: 1 Too many pods."),
        ([node(unschedulable=True)], {}, "0/1 nodes are available: 1 node(s) were unschedulable."),
        (
            [node(), node("n2", unschedulable=True)],
            {"nodeSelector": {"disk": "ssd"}},
            "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) were unschedulable.",
        ),
        (
            [node(labels={"kubevirt.io/schedulable": "false"})],
            {},
            "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
        ),
        (
            [node(taints=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}])],
            {},
            "0/1 nodes are available: 1 node(s) had untolerated taint {gpu: yes}.",
        ),
    ],
)
def test_no_room_is_explained_in_the_schedulers_words(nodes, spec, message):
    with pytest.raises(Unschedulable) as caught:
        placement(*nodes).find(vmi(**spec))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "toleration",
    [{"key": "gpu", "value": "yes"}, {"key": "gpu", "operator": "Exists"}, {"operator": "Exists"}],
)
def test_a_tolerated_taint_is_no_obstacle(toleration):
    tainted = node(taints=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}])
    assert placement(tainted).find(vmi(tolerations=[toleration])) == "node01"


@pytest.mark.parametrize(
    ("operator", "values", "fits"),
    [
        ("In", ["a", "b"], True),
        ("NotIn", ["a"], False),
        ("Exists", [], True),
        ("DoesNotExist", [], False),
        ("Gt", ["1"], False),
    ],
)
def test_required_affinity_counts(operator, values, fits):
    term = {"matchExpressions": [{"key": "zone", "operator": operator, "values": values}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}
    place = placement(node(labels={"zone": "a"}))
    if fits:
        assert place.find(vmi(affinity=affinity)) == "node01"
    else:
        with pytest.raises(Unschedulable):
            place.find(vmi(affinity=affinity))


async def test_an_instance_that_fits_nowhere_waits_in_scheduling(cluster):
    """9.1: the pod exists and is not ready."""
    await cluster.create(instance(nodeSelector={"disk": "ssd"}))
    message = "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."
    assert cluster.status()["phase"] == "Scheduling"
    assert cluster.condition("PodScheduled") == ("False", "Unschedulable", message)
    assert cluster.pod()["status"]["phase"] == "Pending"
    (condition,) = cluster.pod()["status"]["conditions"]
    assert (condition["reason"], condition["message"]) == ("Unschedulable", message)
    assert "nodeName" not in cluster.pod()["spec"]


async def test_it_starts_when_a_node_fits(cluster):
    await cluster.create(instance(nodeSelector={"disk": "ssd"}))

    def label(document):
        document["metadata"]["labels"]["disk"] = "ssd"

    await cluster.user.edit(core.NODES, ObjectKey("", "node02"), label)
    await cluster.manager.settle()
    await cluster.advance(1)
    assert cluster.phases() == ["Pending", "Scheduling", "Scheduled", "Running"]
    assert cluster.status()["nodeName"] == "node02"
    assert cluster.condition("PodScheduled") is None
    assert cluster.pod()["spec"]["nodeName"] == "node02"
    assert cluster.pod()["status"]["phase"] == "Running"


async def test_it_starts_when_another_makes_room(cluster):
    def cordon(document):
        document["spec"]["unschedulable"] = True

    await cluster.user.edit(core.NODES, ObjectKey("", "node02"), cordon)
    await cluster.manager.settle()
    huge = {"resources": {"requests": {"memory": "200Gi"}}, "devices": {}}
    await cluster.create(instance("first", domain=huge, networks=[], volumes=[]))
    await cluster.create(instance("second", domain=huge, networks=[], volumes=[]))
    await cluster.advance(1)
    assert cluster.status("first")["phase"] == "Running"
    assert cluster.condition("PodScheduled", "second")[2] == (
        "0/2 nodes are available: 1 Insufficient memory, 1 node(s) were unschedulable."
    )
    await cluster.delete("first")
    await cluster.advance(2)
    assert cluster.status("second")["phase"] == "Running"


async def test_losing_the_pod_while_waiting_for_a_node_is_the_end(cluster):
    """9.1: Scheduling to Failed, pod gone."""
    await cluster.create(instance(nodeSelector={"disk": "ssd"}))
    await cluster.delete(cluster.pod()["metadata"]["name"], core.PODS)
    assert cluster.status()["phase"] == "Failed"
