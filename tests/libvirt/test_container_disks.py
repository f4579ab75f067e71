"""Machines on disks of container images, out of a registry on loopback."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.libvirt.stage import Stage
from tests.runtime.libvirt.driver.guests import GREETING

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("libvirt"), pytest.mark.timeout(600)]


def machine(stage: Stage, name: str, image: str) -> dict[str, Any]:
    """One whose root disk is in *image*, of the registry that may be spoken to without TLS."""
    host = stage.images.removeprefix("http://")
    patch = {"spec": {"config": {"insecureRegistries": [host]}}}
    stage.kubectl("patch", "cdi", "cdi", "--type=merge", "-p", json.dumps(patch))
    made = stage.machine(name, terminationGracePeriodSeconds=0)
    del made["spec"]["dataVolumeTemplates"]
    made["spec"]["template"]["spec"]["volumes"] = [{"name": "root", "containerDisk": {"image": f"{host}/{image}"}}]
    return made


def test_a_disk_out_of_an_image_boots_as_the_root_disk(shared_stage: Stage):
    stage = shared_stage
    stage.apply(machine(stage, "boxed", "disks/sector:v1"))
    instance = stage.until_phase("boxed", "Running")
    stage.until_console(instance, GREETING)
    # The image is not written to: what the guest writes goes into a layer of its own.
    layer = stage.places(instance)[1].parent / "made"
    assert [path.name for path in layer.iterdir()] == ["root.qcow2"]


def test_an_image_that_is_not_there_is_said_and_tried_again(shared_stage: Stage):
    """reference kubevirt-vm.md 3.1, rows 11 and 12, and 9, Synchronized."""
    stage = shared_stage
    stage.apply(machine(stage, "lost", "disks/nothing:v1"))
    stage.until_status("lost", "ImagePullBackOff")
    found = stage.get("vmi", "lost")
    assert found is not None
    (condition,) = [one for one in found["status"]["conditions"] if one["type"] == "Synchronized"]
    assert (condition["status"], condition["reason"]) == ("False", "ImagePullBackOff")
    assert condition["message"].startswith("Back-off pulling image ")
    events = json.loads(stage.kubectl("get", "events", "-o", "json"))["items"]
    told = {(one["type"], one["reason"]) for one in events if one["involvedObject"]["name"] == "lost"}
    assert {("Warning", "Failed"), ("Normal", "BackOff")} <= told
    stage.kubectl("delete", "vm", "lost", "--wait=true")
    stage.wait("vmi", "lost", lambda vmi: vmi is None)
