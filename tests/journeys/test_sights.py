"""What kubectl shows on a machine's way: `get -w`, `describe`, `get events` (kubevirt-vm.md 1.2, 4.1, 4.2, 9 and 10)."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from tests.clients.kubectl import mask
from tests.journeys.conftest import Journey, machine


def test_a_start_and_a_stop_are_watched(journey: Journey):
    journey.apply(machine(runStrategy="Halted"))
    machines = journey.watch("vm")
    assert journey.watched(machines, 1) == ["vm 0s Stopped False"]
    assert journey.ask("start") == ""
    journey.advance(2)
    # Spec, status and conditions are written one after the other; what is printed of them may repeat.
    shown = journey.watched_until(machines, "Running")
    assert shown == ["vm 0s Stopped False", "vm 0s Starting False", "vm 1s Running True"]
    instances = journey.watch("vmi")
    (line,) = journey.watched(instances, 1)
    name, age, phase, address, node, ready = line.split()
    assert (name, age, phase, ready) == ("vm", "2s", "Running", "True")
    assert (address.rpartition(".")[0], node[:-1]) == (f"10.244.{int(node[-1])}", "node0")
    assert journey.ask("stop") == ""
    journey.advance(2)
    printed = [line.split()[2] for line in journey.watched_until(machines, "Stopped")]
    assert list(dict.fromkeys(printed)) == ["Running", "Stopping", "Stopped"]
    assert journey.events("VirtualMachine") == [
        ("Normal", "SuccessfulCreate", "Started the virtual machine by creating the new virtual machine instance vm"),
        ("Normal", "SuccessfulDelete", "Stopped the virtual machine by deleting the virtual machine instance <uid>"),
    ]
    pod = "virt-launcher-vm-"
    told = journey.events("VirtualMachineInstance")
    assert [(kind, reason, message.partition(pod)[0]) for kind, reason, message in told] == [
        ("Normal", "SuccessfulCreate", "Created virtual machine pod "),
        ("Normal", "Created", "VirtualMachineInstance defined."),
        ("Normal", "Started", "VirtualMachineInstance started."),
        ("Normal", "ShuttingDown", "Signaled Graceful Shutdown"),
        ("Normal", "SuccessfulDelete", "Deleted virtual machine pod "),
        ("Normal", "Stopped", "The VirtualMachineInstance was shut down."),
        ("Normal", "Deleted", "Signaled Deletion"),
    ]


@pytest.mark.slow
def test_each_phase_of_an_instance_is_watched(journey: Journey):
    journey.apply(machine(runStrategy="Halted"))
    journey.apply({**machine(), "metadata": {"name": "other"}})
    journey.advance(2)
    instances = journey.watch("vmi")
    journey.watched(instances, 1)
    journey.patch(runStrategy="Always")
    journey.advance(2)
    phases = [line.split()[2] for line in journey.watched(instances, 4)]
    assert phases == ["Pending", "Scheduling", "Scheduled", "Running"]


@pytest.mark.slow
def test_a_crash_loop(journey: Journey):
    """kubevirt-vm.md 3.1: 10 to 15 seconds, then 40 to 60, 90 to 135, 160 to 240, 250 to 300, 300."""
    first = journey.server.clock.now().isoformat()
    journey.start(2, annotations={"fake.solovirt.io/fail-to-start": "no bootable device"})
    assert journey.shown() == ("CrashLoopBackOff", "False")
    for count, (least, most) in enumerate([(10, 15), (40, 60), (90, 135), (160, 240), (250, 300)], start=1):
        assert journey.value("vm", "{.status.startFailure.consecutiveFailCount}") == str(count)
        again = datetime.fromisoformat(journey.value("vm", "{.status.startFailure.retryAfterTimestamp}"))
        failed = datetime.fromisoformat(journey.value("vmi", "{.metadata.creationTimestamp}") or first)
        first = again.isoformat()
        # Each try takes the second for which the guest boots.
        assert least <= (again - failed).total_seconds() - 1 <= most
        left = (again - journey.server.clock.now()).total_seconds()
        journey.advance(left - 1)
        assert journey.value("vm", "{.status.startFailure.consecutiveFailCount}") == str(count)
        journey.advance(3)
    assert journey.value("vm", "{.status.startFailure.consecutiveFailCount}") == "6"
    described = mask(journey.kubectl("describe", "vm", "vm"))
    assert "Printable Status:  CrashLoopBackOff" in described
    assert "Consecutive Fail Count:  6" in described
    told = journey.events("VirtualMachineInstance")
    assert ("Warning", "SyncFailed", "no bootable device") in told
    assert ("Warning", "Stopped", "The VirtualMachineInstance crashed.") in told
    # Mended, it runs at its next try, and the count is gone.
    template = machine()["spec"]["template"]
    template["metadata"]["annotations"]["fake.solovirt.io/fail-to-start"] = None
    journey.patch(template=template)
    journey.advance(310)
    assert journey.shown() == ("Running", "True")
    assert journey.value("vm", "{.status.startFailure}") == ""


@pytest.mark.slow
def test_instance_type_and_preference_changed_and_restarted(journey: Journey):
    """kubevirt-flavor.md 6: a machine keeps what it met; another name wants a restart (kubevirt-vm.md 8)."""
    for name, cpus in (("small", 2), ("large", 4)):
        journey.apply(
            {
                "apiVersion": "instancetype.kubevirt.io/v1beta1",
                "kind": "VirtualMachineInstancetype",
                "metadata": {"name": name},
                "spec": {"cpu": {"guest": cpus}, "memory": {"guest": f"{cpus}Gi"}},
            }
        )
    journey.apply(
        {
            "apiVersion": "instancetype.kubevirt.io/v1beta1",
            "kind": "VirtualMachinePreference",
            "metadata": {"name": "wide"},
            "spec": {"cpu": {"preferredCPUTopology": "cores"}, "machine": {"preferredMachineType": "q35"}},
        }
    )
    matchers: dict[str, Any] = {
        "instancetype": {"name": "small", "kind": "VirtualMachineInstancetype"},
        "preference": {"name": "wide", "kind": "VirtualMachinePreference"},
    }
    journey.start(domain={}, **matchers)
    assert journey.shown() == ("Running", "True")
    assert (
        journey.value("vmi", "{.spec.domain.cpu.cores} {.spec.domain.cpu.sockets} {.spec.domain.memory.guest}")
        == "2 1 2Gi"
    )
    annotations = journey.value("vmi", "{.metadata.annotations}")
    assert '"kubevirt.io/instancetype-name":"small"' in annotations
    assert '"kubevirt.io/preference-name":"wide"' in annotations
    assert journey.value("vm", "{.status.instancetypeRef.name}") == "small"
    kept = journey.value("vm", "{.status.instancetypeRef.controllerRevisionRef.name}")
    assert kept.startswith("vm-small-v1beta1-")

    journey.patch(instancetype={"name": "large", "kind": "VirtualMachineInstancetype"})
    journey.advance(1)
    required = journey.value("vm", "{.status.conditions[?(@.type=='RestartRequired')].status}")
    assert required == "True"
    assert journey.value("vmi", "{.spec.domain.cpu.cores}") == "2"
    assert journey.ask("restart") == ""
    journey.advance(40)
    assert journey.shown() == ("Running", "True")
    assert journey.value("vmi", "{.spec.domain.cpu.cores} {.spec.domain.memory.guest}") == "4 4Gi"
    assert journey.value("vm", "{.status.conditions[?(@.type=='RestartRequired')].status}") == ""
    assert journey.value("vm", "{.status.instancetypeRef.controllerRevisionRef.name}").startswith("vm-large-v1beta1-")


@pytest.mark.slow
def test_a_flavored_machine(journey: Journey):
    """kubevirt-flavor.md 4 and 5: refused while the flavor is missing, and every start reads it anew."""
    vm = machine(flavor={"name": "two", "kind": "VirtualMachineFlavor"})
    done = journey.kubectl.run("apply", "-f", "-", stdin=json.dumps(vm))
    missing = f'virtualmachineflavor.flavor.kubevirt.io "{journey.namespace}/two" not found'
    assert f"Could not find flavor: {missing}" in done.stderr
    flavor = {
        "apiVersion": "flavor.kubevirt.io/v1alpha1",
        "kind": "VirtualMachineFlavor",
        "metadata": {"name": "two"},
        "spec": {"cpu": {"cores": 2}},
    }
    journey.apply(flavor)
    journey.apply(vm)
    journey.advance(5)
    assert journey.shown() == ("Running", "True")
    assert journey.value("vmi", "{.status.currentCPUTopology.cores}") == "2"
    assert '"kubevirt.io/flavor-name":"two"' in journey.value("vmi", "{.metadata.annotations}")
    journey.apply({**flavor, "spec": {"cpu": {"cores": 3}}})
    assert journey.ask("restart") == ""
    journey.advance(40)
    assert journey.value("vmi", "{.status.currentCPUTopology.cores}") == "3"


@pytest.mark.slow
def test_a_change_that_takes_a_restart_and_its_end(journey: Journey):
    """kubevirt-vm.md 8."""
    journey.start()
    path = "{.status.conditions[?(@.type=='RestartRequired')].message}"
    assert journey.value("vm", path) == ""
    template = machine()["spec"]["template"]
    template["spec"]["hostname"] = "another"
    journey.patch(template=template)
    assert journey.value("vm", path) == "a non-live-updatable field was changed in the template spec"
    # Taken back, nothing is required any more.
    template["spec"]["hostname"] = None
    journey.patch(template=template)
    assert journey.value("vm", path) == ""
    template["spec"]["hostname"] = "another"
    journey.patch(template=template)
    described = mask(journey.kubectl("describe", "vm", "vm"))
    assert "Type:  RestartRequired" in described
    assert journey.ask("restart") == ""
    journey.advance(40)
    assert journey.shown() == ("Running", "True")
    assert journey.value("vmi", "{.spec.hostname}") == "another"
    assert journey.value("vm", path) == ""


@pytest.mark.slow
def test_a_probed_machine_is_ready_when_its_guest_is(journey: Journey):
    vm = machine(annotations={"fake.solovirt.io/answers-after": "20"})
    vm["spec"]["template"]["spec"]["readinessProbe"] = {"tcpSocket": {"port": 22}, "periodSeconds": 5}
    journey.apply(vm)
    journey.advance(5)
    assert journey.shown() == ("Running", "False")
    journey.advance(20)
    assert journey.shown() == ("Running", "True")
    assert journey.kubectl("get", "pods", "--no-headers").split()[1] == "1/1"
