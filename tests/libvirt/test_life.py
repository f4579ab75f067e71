"""Machines from `kubectl apply` to their end, with guests that really boot (reference kubevirt-vm.md 3 and 9)."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.libvirt.stage import READY, Stage, alive
from tests.runtime.libvirt.driver.guests import GREETING

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("libvirt"), pytest.mark.timeout(600)]


def test_a_disk_imported_over_http_boots_as_the_root_disk(stage: Stage):
    stage.apply(stage.machine("sector", image="sector.img"))
    instance = stage.until_phase("sector", "Running")
    stage.until_console(instance, GREETING)
    stage.wait("dv", "sector-root", lambda found: found is not None and found["status"]["phase"] == "Succeeded")
    (node,) = stage.kubectl("get", "nodes", "-o", "name").split()
    assert instance["status"]["nodeName"] == node.removeprefix("node/")
    assert instance["status"]["machine"]["type"].startswith("pc-q35-")


def test_a_machine_that_is_deleted_leaves_nothing_behind(stage: Stage):
    stage.apply(stage.machine("sector", image="sector.img", terminationGracePeriodSeconds=0))
    instance = stage.until_phase("sector", "Running")
    process = stage.qemu(instance)
    directory = stage.places(instance)[1].parent
    stage.kubectl("delete", "vm", "sector", "--wait=true")
    stage.wait("vmi", "sector", lambda vmi: vmi is None)
    deadline = time.monotonic() + 30
    while (alive(process) or directory.exists()) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not alive(process)
    assert not directory.exists()


@pytest.mark.parametrize(("strategy", "again"), [("RerunOnFailure", False), ("Always", True)])
def test_a_guest_that_powers_off_stays_off_unless_it_is_always_to_run(stage: Stage, strategy: str, again: bool):
    stage.apply(stage.machine("linux", strategy=strategy))
    instance = stage.until_phase("linux", "Running")
    stage.until_console(instance, READY)
    process = stage.qemu(instance)
    with stage.serial(instance) as serial:
        serial.log_in()
        serial.power_off(process)
    if again:
        successor = stage.until_phase("linux", "Running", other_than=instance["metadata"]["uid"])
        stage.until_console(successor, READY)
    else:
        stage.until_status("linux", "Stopped")
        assert (stage.get("vmi", "linux") or {"status": {"phase": "Succeeded"}})["status"]["phase"] == "Succeeded"


def test_a_killed_qemu_is_a_failure_that_is_run_again(stage: Stage):
    stage.apply(stage.machine("sector", image="sector.img", strategy="RerunOnFailure"))
    instance = stage.until_phase("sector", "Running")
    os.kill(stage.qemu(instance), signal.SIGKILL)
    successor = stage.until_phase("sector", "Running", other_than=instance["metadata"]["uid"])
    stage.until_console(successor, GREETING)


def test_a_guest_shuts_down_when_it_is_asked_to(stage: Stage):
    """The power button is heard: the instance succeeds long before its grace is over."""
    stage.apply(stage.machine("linux", strategy="Manual", terminationGracePeriodSeconds=300))
    stage.until_status("linux", "Stopped")
    stage.kubectl("patch", "vm", "linux", "--type=merge", "-p", '{"spec":{"runStrategy":"Always"}}')
    instance = stage.until_phase("linux", "Running")
    stage.until_console(instance, READY)
    stage.kubectl("patch", "vm", "linux", "--type=merge", "-p", '{"spec":{"runStrategy":"Halted"}}')
    stage.until_status("linux", "Stopped")


def test_a_reboot_from_inside_is_the_same_run(stage: Stage):
    stage.apply(stage.machine("linux", strategy="RerunOnFailure"))
    instance = stage.until_phase("linux", "Running")
    stage.until_console(instance, READY)
    process = stage.qemu(instance)
    with stage.serial(instance) as serial:
        serial.log_in()
        serial.send("reboot -f\n")
        serial.until(READY)
        serial.log_in()
    after = stage.until_phase("linux", "Running")
    assert after["metadata"]["uid"] == instance["metadata"]["uid"]
    assert stage.qemu(after) == process


def test_the_agent_in_the_guest_tells_of_its_system_and_its_addresses(stage: Stage):
    stage.apply(stage.machine("linux"))
    found = stage.wait(
        "vmi",
        "linux",
        lambda vmi: vmi is not None and (vmi.get("status") or {}).get("guestOSInfo", {}).get("kernelRelease"),
    )
    assert any(one["type"] == "AgentConnected" for one in found["status"]["conditions"])
    (interface,) = found["status"]["interfaces"]
    assert (interface["name"], interface["ipAddress"], interface["interfaceName"]) == ("default", "10.0.2.15", "eth0")


def test_cloud_inits_data_reaches_the_guest(stage: Stage):
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "seed"},
        "stringData": {"userdata": "#!/bin/sh\necho RAN-USER-DATA-OF-$(hostname)\n"},
    }
    machine = stage.machine("linux", hostname="named")
    template = machine["spec"]["template"]["spec"]
    template["domain"]["devices"]["disks"].append({"name": "seed", "disk": {"bus": "virtio"}})
    template["volumes"].append({"name": "seed", "cloudInitNoCloud": {"secretRef": {"name": "seed"}}})
    stage.apply(secret, machine)
    instance = stage.until_phase("linux", "Running")
    stage.until_console(instance, "RAN-USER-DATA-OF-named")


def test_what_the_host_cannot_do_is_said(stage: Stage):
    machine = stage.machine("sector", image="sector.img")
    machine["spec"]["template"]["spec"]["domain"]["cpu"] = {"model": "host-passthrough"}
    stage.apply(machine)
    found = stage.wait(
        "vmi",
        "sector",
        lambda vmi: (
            vmi is not None
            and any(one["type"] == "Synchronized" for one in (vmi.get("status") or {}).get("conditions") or ())
        ),
    )
    condition = next(one for one in found["status"]["conditions"] if one["type"] == "Synchronized")
    assert condition["status"] == "False"
    assert condition["message"].startswith("spec.domain.cpu.model: host-passthrough is not available")
