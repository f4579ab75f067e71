"""
Readiness and liveness (KubeVirt's spec.readinessProbe and spec.livenessProbe, which become the launcher pod's).

Periods, thresholds and the first verdict are Kubernetes': a container is not ready and alive until its probes have said otherwise, as often
in a row as their thresholds say.
"""

from __future__ import annotations

from typing import Any

import pytest

from solovirt.kinds.core import names as core
from solovirt.runtime.protocol import SupportsProbes
from tests.controllers.virtual_machine_instance.conftest import Cluster, instance

UNREADY = ("False", "ContainersNotReady", "containers with unready status: [compute]")
TCP = {"tcpSocket": {"port": 22}}


def pod_conditions(cluster: Cluster) -> dict[str, tuple[str, str]]:
    return {one["type"]: (one["status"], one.get("reason", "")) for one in cluster.pod()["status"]["conditions"]}


def pod_events(cluster: Cluster) -> list[tuple[str, str, str, int]]:
    found = [one for one in cluster.user.list(core.EVENTS) if one["involvedObject"]["kind"] == "Pod"]
    return [(one["source"]["component"], one["reason"], one["message"], one["count"]) for one in found]


async def test_the_fake_runtime_answers_probes(cluster):
    assert isinstance(cluster.runtime, SupportsProbes)


async def test_an_instance_is_ready_once_its_probe_has_succeeded(cluster):
    probe = {**TCP, "initialDelaySeconds": 4, "periodSeconds": 2}
    await cluster.create(instance(readinessProbe=probe))
    await cluster.advance(1)
    assert cluster.status()["phase"] == "Running"
    assert cluster.condition("Ready") == UNREADY
    assert pod_conditions(cluster)["Ready"] == pod_conditions(cluster)["ContainersReady"] == UNREADY[:2]
    (container,) = cluster.pod()["status"]["containerStatuses"]
    assert (container["ready"], container["started"]) == (False, True)
    await cluster.advance(3)
    assert cluster.condition("Ready") == UNREADY
    await cluster.advance(1)
    assert cluster.condition("Ready") == ("True", "", "")
    assert pod_conditions(cluster)["Ready"] == pod_conditions(cluster)["ContainersReady"] == ("True", "")
    assert cluster.pod()["status"]["containerStatuses"][0]["ready"]
    assert pod_events(cluster) == []


async def test_thresholds_count_answers_in_a_row(cluster):
    probe = {**TCP, "periodSeconds": 1, "successThreshold": 3, "failureThreshold": 2}
    await cluster.create(instance(annotations={"answers-after": "5", "hangs-after": "20"}, readinessProbe=probe))
    # Running after 1 second, answering after 6: the answers at 6, 7 and 8 make it ready.
    await cluster.advance(7.9)
    assert cluster.condition("Ready") == UNREADY
    await cluster.advance(0.1)
    assert cluster.condition("Ready") == ("True", "", "")
    # Failures at 21 and 22.
    await cluster.advance(13.9)
    assert cluster.condition("Ready") == ("True", "", "")
    await cluster.advance(0.1)
    assert cluster.condition("Ready") == UNREADY
    refused, hung = "connect: connection refused", "i/o timeout"
    told = [
        ("kubelet", "Unhealthy", f"Readiness probe failed: dial tcp 10.244.1.1:22: {why}") for why in (refused, hung)
    ]
    assert [event[:3] for event in pod_events(cluster)] == told
    assert [event[3] for event in pod_events(cluster)] == [5, 2]


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        ({"tcpSocket": {"port": 22}}, "dial tcp 10.244.1.1:22: i/o timeout"),
        ({"httpGet": {"port": 80, "path": "/well"}}, 'Get "http://10.244.1.1:80/well": dial tcp 10.244.1.1:80: i/o timeout'),
        ({"exec": {"command": ["cat", "/x"]}}, "command timed out"),
        ({"guestAgentPing": {}}, "the guest agent does not answer"),
    ],
    ids=["tcpSocket", "httpGet", "exec", "guestAgentPing"],
)  # fmt: skip
async def test_a_guest_that_is_not_alive_is_killed_and_its_instance_fails(cluster, check, problem):
    probe: dict[str, Any] = {**check, "initialDelaySeconds": 5, "periodSeconds": 2, "failureThreshold": 2}
    await cluster.create(instance(annotations={"hangs-after": "8"}, livenessProbe=probe))
    # It runs from second 1; asked at 6 and 8 it is well, at 10 and 12 it is not.
    await cluster.advance(11)
    assert cluster.status()["phase"] == "Running"
    await cluster.advance(1)
    assert cluster.phases()[-2:] == ["Running", "Failed"]
    assert cluster.pod()["status"]["phase"] == "Failed"
    assert [event[:3] for event in pod_events(cluster)] == [
        ("kubelet", "Unhealthy", f"Liveness probe failed: {problem}"),
        ("kubelet", "Killing", "Container compute failed liveness probe"),
    ]
    assert ("virt-handler", "Stopped", "The VirtualMachineInstance crashed.") in cluster.events("virt-handler")


async def test_an_agent_that_is_not_there_yet_is_no_ready_guest(cluster):
    probe = {"guestAgentPing": {}, "periodSeconds": 1}
    await cluster.create(instance(annotations={"agent-after": "6"}, readinessProbe=probe))
    await cluster.advance(6)
    assert cluster.condition("Ready") == UNREADY
    await cluster.advance(1)
    assert cluster.condition("Ready") == ("True", "", "")


async def test_a_ready_instance_stays_ready_over_a_restart_of_the_server(cluster):
    await cluster.create(instance(readinessProbe={**TCP, "periodSeconds": 5}))
    await cluster.advance(2)
    version = cluster.get()["metadata"]["resourceVersion"]
    assert cluster.condition("Ready") == ("True", "", "")
    await cluster.restart()
    await cluster.advance(20)
    assert cluster.get()["metadata"]["resourceVersion"] == version


async def test_the_liveness_of_a_guest_is_judged_after_a_restart_of_the_server_too(cluster):
    await cluster.create(instance(annotations={"hangs-after": "10"}, livenessProbe={**TCP, "periodSeconds": 5}))
    await cluster.advance(2)
    await cluster.restart()
    await cluster.advance(30)
    assert cluster.status()["phase"] == "Failed"


async def test_nobody_is_asked_any_more_when_the_guest_is_gone(cluster):
    await cluster.create(instance(annotations={"answers-after": "never"}, readinessProbe={**TCP, "periodSeconds": 1}))
    await cluster.advance(3)
    await cluster.delete()
    await cluster.advance(5)
    assert cluster.find() is None
    before = cluster.store.now.revision
    await cluster.advance(30)
    assert cluster.store.now.revision == before


async def test_the_pod_shows_the_probes(cluster):
    """As KubeVirt renders them: the compute container's, with ten seconds more for libvirt to start, and virt-probe asking the agent."""
    readiness = {"guestAgentPing": {}, "initialDelaySeconds": 5, "periodSeconds": 3, "timeoutSeconds": 4}
    await cluster.create(instance(readinessProbe=readiness, livenessProbe={**TCP, "initialDelaySeconds": 20}))
    (container,) = cluster.pod()["spec"]["containers"]
    assert container["readinessProbe"] == {
        "exec": {"command": ["virt-probe", "--domainName", "default_vmi", "--timeoutSeconds", "4", "--guestAgentPing"]},
        "initialDelaySeconds": 15,
        "periodSeconds": 3,
        "timeoutSeconds": 5,
        "successThreshold": 1,
        "failureThreshold": 3,
    }
    assert container["livenessProbe"] == {
        "tcpSocket": {"port": 22},
        "initialDelaySeconds": 30,
        "periodSeconds": 10,
        "timeoutSeconds": 1,
        "successThreshold": 1,
        "failureThreshold": 3,
    }
