"""Guests outlive the server, and libvirtd."""

from __future__ import annotations

import pytest

from tests.libvirt.stage import READY, Stage, alive
from tests.runtime.libvirt.driver.guests import GREETING

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("libvirt"), pytest.mark.timeout(600)]


def started(instance):
    return [
        one["phaseTransitionTimestamp"]
        for one in instance["status"]["phaseTransitionTimestamps"]
        if one["phase"] == "Running"
    ]


def test_a_guest_runs_on_through_a_kill_of_the_server_and_is_taken_up_again(stage: Stage):
    stage.apply(stage.machine("linux", strategy="RerunOnFailure"))
    instance = stage.until_phase("linux", "Running")
    process = stage.qemu(instance)
    stage.until_console(instance, READY)
    with stage.serial(instance) as serial:
        serial.log_in()
        serial.run("kept=in-the-shell")
    stage.server.kill()
    assert alive(process)
    stage.start()
    after = stage.until_phase("linux", "Running")
    assert after["metadata"]["uid"] == instance["metadata"]["uid"]
    assert started(after) == started(instance)
    assert stage.qemu(after) == process
    with stage.serial(after) as serial:
        serial.send("\n")
        serial.until("# ")
        assert "in-the-shell" in serial.run("echo $kept")
        # It is not only seen but followed.
        serial.power_off(process)
    stage.until_status("linux", "Stopped")


def test_an_end_that_nobody_saw_is_known_afterwards(stage: Stage):
    stage.apply(stage.machine("linux", strategy="RerunOnFailure"))
    instance = stage.until_phase("linux", "Running")
    stage.until_console(instance, READY)
    with stage.serial(instance) as serial:
        serial.log_in()
        stage.server.kill()
        process = stage.qemu(instance)
        serial.power_off(process)
    stage.start()
    stage.until_status("linux", "Stopped")


def test_a_restart_of_libvirtd_harms_no_guest(stage: Stage):
    stage.apply(stage.machine("linux", strategy="RerunOnFailure"))
    instance = stage.until_phase("linux", "Running")
    stage.until_console(instance, READY)
    process = stage.qemu(instance)
    stage.daemon.kill()
    try:
        # Out of sight: nobody knows, and says so.
        (node,) = stage.kubectl("get", "nodes", "-o", "name").split()
        name = node.removeprefix("node/")
        stage.wait("node", name, lambda found: found is not None and ready(found) == "False")
        away = stage.until_phase("linux", "Unknown")
        assert away["metadata"]["uid"] == instance["metadata"]["uid"]
        assert alive(process)
    finally:
        stage.daemon.start()
    after = stage.until_phase("linux", "Running")
    assert after["metadata"]["uid"] == instance["metadata"]["uid"]
    stage.wait("node", name, lambda found: found is not None and ready(found) == "True")
    assert alive(process)
    with stage.serial(after) as serial:
        serial.log_in()
        serial.power_off(process)
    stage.until_status("linux", "Stopped")


def test_what_becomes_of_a_guest_while_libvirtd_is_away_is_seen_when_it_is_back(stage: Stage):
    stage.apply(stage.machine("sector", image="sector.img", strategy="RerunOnFailure"))
    instance = stage.until_phase("sector", "Running")
    process = stage.qemu(instance)
    stage.daemon.kill()
    try:
        stage.until_phase("sector", "Unknown")
        stage.kill(process)
    finally:
        stage.daemon.start()
    successor = stage.until_phase("sector", "Running", other_than=instance["metadata"]["uid"])
    stage.until_console(successor, GREETING)


def ready(node):
    return next(one["status"] for one in node["status"]["conditions"] if one["type"] == "Ready")
