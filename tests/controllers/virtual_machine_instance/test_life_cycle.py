"""From creation to the end of an instance (kubevirt-vm.md 9 and 10)."""

import pytest

from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt import names
from solovirt.machinery.resource import ObjectKey
from tests.controllers.virtual_machine_instance.conftest import instance


async def test_an_instance_is_scheduled_and_then_runs(cluster):
    """9.1."""
    await cluster.create(instance())
    assert cluster.status()["phase"] == "Scheduled"
    assert cluster.condition("Ready") == ("False", "GuestNotRunning", "Guest VM is not reported as running")
    await cluster.advance(1)
    assert cluster.status()["phase"] == "Running"
    assert cluster.phases() == ["Pending", "Scheduling", "Scheduled", "Running"]
    assert cluster.condition("Ready") == ("True", "", "")


async def test_a_running_instance_tells_about_itself(cluster):
    """9.3."""
    made = await cluster.create(instance())
    await cluster.advance(1)
    vmi, pod = cluster.get(), cluster.pod()
    status = vmi["status"]
    mac = status["interfaces"][0]["mac"]
    assert status["nodeName"] == "node01"
    assert vmi["metadata"]["labels"]["kubevirt.io/nodeName"] == "node01"
    assert vmi["metadata"]["annotations"] == {
        "kubevirt.io/latest-observed-api-version": "v1",
        "kubevirt.io/storage-observed-api-version": "v1",
    }
    assert status["activePods"] == {pod["metadata"]["uid"]: "node01"}
    assert status["interfaces"] == [
        {
            "name": "default",
            "mac": mac,
            "ipAddress": "10.244.1.1",
            "ipAddresses": ["10.244.1.1"],
            "infoSource": "domain",
            "podInterfaceName": "eth0",
            "queueCount": 1,
            "linkState": "up",
        }
    ]
    assert status["volumeStatus"] == [{"name": "root", "target": "vda"}]
    assert status["machine"]["type"].startswith("pc-q35-")
    assert status["migrationTransport"] == "Unix"
    assert status["migrationMethod"] == "BlockMigration"
    assert status["qosClass"] == "Burstable"
    assert status["runtimeUser"] == 107
    assert status["guestOSInfo"] == {}
    assert status["launcherContainerImageVersion"] == pod["spec"]["containers"][0]["image"]
    assert (
        status["memory"]["guestAtBoot"]
        == status["memory"]["guestCurrent"]
        == status["memory"]["guestRequested"]
        == "1Gi"
    )
    assert status["memory"]["memoryOverhead"]
    assert status["currentCPUTopology"] == {"cores": 1, "sockets": 1, "threads": 1}
    assert status["selinuxContext"] == "none"
    assert cluster.condition("StorageLiveMigratable") == ("True", "", "")
    assert cluster.condition("LiveMigratable") == ("True", "", "")
    assert made["status"]["phase"] == "Pending"


async def test_an_instance_with_a_launcher_of_another_version_is_marked(cluster):
    """9.3 launcherContainerImageVersion."""
    await cluster.create(instance())
    await cluster.advance(1)
    image = cluster.status()["launcherContainerImageVersion"]
    assert "kubevirt.io/outdatedLauncherImage" not in cluster.get()["metadata"]["labels"]

    def older(pod):
        pod["spec"]["containers"][0]["image"] = "quay.io/kubevirt/virt-launcher:v1.8.0"

    await cluster.system.edit(core.PODS, ObjectKey("default", cluster.pod()["metadata"]["name"]), older)
    await cluster.manager.settle()
    assert cluster.status()["launcherContainerImageVersion"] == "quay.io/kubevirt/virt-launcher:v1.8.0" != image
    assert cluster.get()["metadata"]["labels"]["kubevirt.io/outdatedLauncherImage"] == ""


async def test_an_instance_that_is_to_leave_its_node_says_so(cluster):
    """9.2 EvictionRequested."""
    await cluster.create(instance())
    await cluster.advance(1)

    def mark(document):
        document["status"]["evacuationNodeName"] = "node01"

    await cluster.system.edit(names.VIRTUAL_MACHINE_INSTANCES, ObjectKey("default", "vmi"), mark)
    await cluster.manager.settle()
    assert cluster.condition("EvictionRequested") == ("True", "EvictionRequested", "VMI is marked for eviction")


async def test_the_agent_is_seen_when_it_answers(cluster):
    """9.2 AgentConnected, 9.3 interfaces and guestOSInfo."""
    await cluster.create(instance())
    await cluster.advance(1)
    assert cluster.condition("AgentConnected") is None
    await cluster.advance(1)
    assert cluster.condition("AgentConnected") == ("True", "", "")
    assert cluster.status()["guestOSInfo"]["machine"] == "x86_64"
    (interface,) = cluster.status()["interfaces"]
    assert (interface["interfaceName"], interface["infoSource"]) == ("eth0", "domain, guest-agent")


async def test_the_events_of_a_start(cluster):
    """10."""
    await cluster.create(instance())
    await cluster.advance(1)
    pod = cluster.pod()["metadata"]["name"]
    assert sorted(cluster.events()) == [
        ("virt-handler", "Created", "VirtualMachineInstance defined."),
        ("virt-handler", "Started", "VirtualMachineInstance started."),
        ("virtualmachine-controller", "SuccessfulCreate", f"Created virtual machine pod {pod}"),
    ]


async def test_a_guest_that_powers_off_has_succeeded(cluster):
    """9.1, 10."""
    await cluster.create(instance(annotations={"shutdown-after": "10"}))
    await cluster.advance(12)
    assert cluster.phases() == ["Pending", "Scheduling", "Scheduled", "Running", "Succeeded"]
    assert ("virt-handler", "Stopped", "The VirtualMachineInstance was shut down.") in cluster.events()
    assert await cluster.guest() is None
    assert cluster.pod()["status"]["phase"] == "Succeeded"
    assert cluster.condition("Ready")[0] == "False"
    assert cluster.condition("AgentConnected") is None


async def test_a_guest_that_crashes_has_failed(cluster):
    """9.1, 10."""
    await cluster.create(instance(annotations={"crash-after": "10"}))
    await cluster.advance(12)
    assert cluster.phases()[-2:] == ["Running", "Failed"]
    assert ("virt-handler", "Stopped", "The VirtualMachineInstance crashed.") in cluster.events()
    assert cluster.pod()["status"]["phase"] == "Failed"


async def test_a_guest_that_fails_to_start_never_was_running(cluster):
    """9.1: what the VM controller counts as a failed start."""
    await cluster.create(instance(annotations={"fail-to-start": "no bootable device"}))
    await cluster.advance(2)
    assert cluster.phases() == ["Pending", "Scheduling", "Scheduled", "Failed"]
    assert ("virt-handler", "SyncFailed", "no bootable device") in cluster.events()


async def test_a_refused_start_is_told_and_tried_again(cluster):
    """9.2 Synchronized, 10 SyncFailed."""
    await cluster.create(instance(annotations={"refuse-to-start": "out of hugepages"}))
    assert cluster.status()["phase"] == "Scheduled"
    assert cluster.condition("Synchronized") == ("False", "Synchronizing with the Domain failed.", "out of hugepages")
    assert ("virt-handler", "SyncFailed", "out of hugepages") in cluster.events()
    writes = cluster.watch(names.VIRTUAL_MACHINE_INSTANCES, core.EVENTS)
    await cluster.advance(600)
    assert writes.count() == {"virtualmachineinstances": 0, "events": 0}


async def test_a_guest_that_came_and_went_unseen_has_run(cluster):
    """9.1: the phases in between are told."""
    await cluster.create(instance(annotations={"shutdown-after": "10"}))
    await cluster.stop()
    await cluster.clock.advance(60)
    await cluster.start()
    assert cluster.phases() == ["Pending", "Scheduling", "Scheduled", "Running", "Succeeded"]


async def test_deleting_shuts_the_guest_down_and_then_the_instance_is_gone(cluster):
    """9.1, 10: a clean power-off ends in Succeeded."""
    await cluster.create(instance(annotations={"shutdown-seconds": "5"}))
    await cluster.advance(2)
    writes = cluster.store.watch(names.VIRTUAL_MACHINE_INSTANCES)
    await cluster.delete()
    assert cluster.condition("Ready") == ("False", "PodTerminating", "virt-launcher pod is terminating")
    assert cluster.pod()["metadata"]["deletionTimestamp"]
    await cluster.advance(4)
    assert cluster.status()["phase"] == "Running"
    await cluster.advance(1)
    assert cluster.find() is None
    assert cluster.pods() == []
    assert await cluster.runtime.list_guests() == []
    last = list(writes.pending())[-1].record.document("kubevirt.io/v1", "VirtualMachineInstance")
    assert last["status"]["phase"] == "Succeeded"
    reasons = [reason for _, reason, _ in cluster.events()]
    assert reasons[-4:] == ["ShuttingDown", "SuccessfulDelete", "Stopped", "Deleted"]


async def test_a_guest_that_ignores_the_request_is_killed_after_thirty_seconds(cluster):
    """9.1: grace expiry ends in Failed; 5 Grace: 30 s if unset."""
    await cluster.create(instance(annotations={"ignores-acpi": "true"}))
    await cluster.advance(2)
    seen = cluster.store.watch(names.VIRTUAL_MACHINE_INSTANCES)
    await cluster.delete()
    await cluster.advance(29)
    assert cluster.status()["phase"] == "Running"
    await cluster.advance(1)
    assert cluster.find() is None
    last = list(seen.pending())[-1].record.document("kubevirt.io/v1", "VirtualMachineInstance")
    assert last["status"]["phase"] == "Failed"
    events = cluster.events("virt-handler")
    assert ("virt-handler", "Deleted", "VirtualMachineInstance stopping") in events
    assert len([reason for _, reason, _ in events if reason == "ShuttingDown"]) == 1


async def test_the_grace_of_the_spec_counts(cluster):
    """5 Grace."""
    await cluster.create(instance(annotations={"ignores-acpi": "true"}, terminationGracePeriodSeconds=5))
    await cluster.advance(2)
    await cluster.delete()
    await cluster.advance(5)
    assert cluster.find() is None


async def test_without_grace_the_plug_is_pulled(cluster):
    await cluster.create(instance(terminationGracePeriodSeconds=0))
    await cluster.advance(2)
    await cluster.delete()
    assert cluster.find() is None
    assert "ShuttingDown" not in [reason for _, reason, _ in cluster.events()]


async def test_an_instance_deleted_before_it_runs_is_gone(cluster):
    """9.1: Pending and Scheduled lead to Failed."""
    await cluster.create(instance("early", annotations={"boot-seconds": "60"}))
    await cluster.create(instance("waiting", nodeSelector={"no": "where"}))
    await cluster.delete("early")
    await cluster.delete("waiting")
    assert cluster.find("early") is None
    assert cluster.find("waiting") is None
    assert cluster.pods() == []
    assert await cluster.runtime.list_guests() == []


async def test_pausing_shows_and_takes_readiness_away(cluster):
    """9.2 Paused; 9.4 readiness gate; 10."""
    await cluster.create(instance())
    await cluster.advance(2)
    await cluster.runtime.pause(await cluster.guest_id())
    await cluster.manager.settle()
    assert cluster.condition("Paused") == ("True", "PausedByUser", "VMI was paused by user")
    assert cluster.condition("Ready")[:2] == ("False", "ReadinessGatesNotReady")
    gate = next(
        one for one in cluster.pod()["status"]["conditions"] if one["type"] == "kubevirt.io/virtual-machine-unpaused"
    )
    assert (gate["status"], gate["reason"]) == ("False", "Paused")
    await cluster.runtime.resume(await cluster.guest_id())
    await cluster.manager.settle()
    assert cluster.condition("Paused") is None
    assert cluster.condition("Ready") == ("True", "", "")
    assert [message for _, reason, message in cluster.events() if "aused" in reason] == [
        "VirtualMachineInstance paused",
        "VirtualMachineInstance unpaused",
    ]


async def test_an_instance_can_start_paused(cluster):
    """3.2: startStrategy Paused."""
    await cluster.create(instance(startStrategy="Paused"))
    await cluster.advance(1)
    assert cluster.status()["phase"] == "Running"
    assert cluster.condition("Paused")[0] == "True"


async def test_a_guest_that_vanished_has_failed(cluster):
    """9.1: pod or launcher lost."""
    await cluster.create(instance())
    await cluster.advance(2)
    await cluster.runtime.lose(await cluster.guest_id())
    await cluster.manager.settle()
    assert cluster.status()["phase"] == "Failed"
    assert ("virt-handler", "Stopped", "The VirtualMachineInstance crashed.") in cluster.events()


async def test_deleting_the_pod_shuts_the_guest_down(cluster):
    """9.1: pod lost."""
    await cluster.create(instance())
    await cluster.advance(2)
    await cluster.delete(cluster.pod()["metadata"]["name"], core.PODS)
    await cluster.advance(1)
    assert cluster.status()["phase"] == "Succeeded"
    assert cluster.pods() == []


async def test_an_instance_that_loses_its_finalizer_takes_its_guest_along(cluster):
    await cluster.create(instance())
    await cluster.advance(2)

    def strip(document):
        document["metadata"]["finalizers"] = []

    await cluster.delete()
    await cluster.user.edit(names.VIRTUAL_MACHINE_INSTANCES, ObjectKey("default", "vmi"), strip)
    await cluster.manager.settle()
    assert cluster.find() is None
    assert await cluster.runtime.list_guests() == []


async def test_without_launcher_pods_everything_else_is_the_same(cluster):
    await cluster.stop()
    cluster.launcher_pods = False
    await cluster.start()
    await cluster.create(instance())
    await cluster.advance(2)
    assert cluster.phases() == ["Pending", "Scheduling", "Scheduled", "Running"]
    assert cluster.condition("Ready") == ("True", "", "")
    assert cluster.pods() == []
    await cluster.delete()
    await cluster.advance(1)
    assert cluster.find() is None


async def test_a_start_is_few_writes(cluster):
    """DESIGN budget: at most 12 a virtual machine, with its own object's."""
    writes = cluster.watch(names.VIRTUAL_MACHINE_INSTANCES, core.PODS, core.EVENTS)
    await cluster.create(instance(annotations={"agent-after": "never"}))
    await cluster.advance(2)
    # The instance is seen in each of its four phases; the pod is made as it will be; three events.
    assert writes.count() == {"virtualmachineinstances": 4, "pods": 1, "events": 3}


async def test_a_start_that_takes_no_time_is_fewer_writes(cluster):
    writes = cluster.watch(names.VIRTUAL_MACHINE_INSTANCES, core.PODS, core.EVENTS)
    await cluster.create(instance(annotations={"agent-after": "never", "boot-seconds": "0"}))
    assert cluster.phases() == ["Pending", "Scheduling", "Scheduled", "Running"]
    assert writes.count() == {"virtualmachineinstances": 2, "pods": 1, "events": 3}


async def test_watchers_see_each_phase_of_a_start(cluster):
    """kubevirt-vm.md 9.1."""
    watched = cluster.store.watch(names.VIRTUAL_MACHINE_INSTANCES)
    await cluster.create(instance(annotations={"agent-after": "never"}))
    await cluster.advance(2)
    seen = [event.record.document("kubevirt.io/v1", "VirtualMachineInstance") for event in watched.pending()]
    assert [one["status"]["phase"] for one in seen] == ["Pending", "Scheduling", "Scheduled", "Running"]
    told = [
        [
            (condition["status"], condition.get("reason", ""))
            for condition in one["status"].get("conditions", ())
            if condition["type"] == "Ready"
        ]
        for one in seen
    ]
    # 9.2: there is a pod as soon as the phase is Scheduling.
    assert told == [[], [("False", "GuestNotRunning")], [("False", "GuestNotRunning")], [("True", "")]]
    assert "kubevirt.io/nodeName" not in (seen[1]["metadata"].get("labels") or {})
    assert seen[2]["metadata"]["labels"]["kubevirt.io/nodeName"] == seen[2]["status"]["nodeName"]


async def test_a_settled_instance_is_not_written_again(cluster):
    await cluster.create(instance())
    await cluster.advance(5)
    writes = cluster.watch(names.VIRTUAL_MACHINE_INSTANCES, core.PODS, core.EVENTS)
    await cluster.advance(120)
    await cluster.restart()
    assert writes.count() == {"virtualmachineinstances": 0, "pods": 0, "events": 0}


@pytest.mark.parametrize("seconds", [0, 1.5, 10])
async def test_a_restart_changes_nothing_about_how_it_ends(cluster, seconds):
    await cluster.create(instance(annotations={"shutdown-after": "5"}))
    await cluster.advance(seconds)
    await cluster.restart()
    await cluster.advance(10)
    assert cluster.phases() == ["Pending", "Scheduling", "Scheduled", "Running", "Succeeded"]
    assert len(cluster.pods()) == 1
