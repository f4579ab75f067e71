"""
From `kubectl apply` of a machine to the first line on its console, beside `virsh create` of the same domain.

The guest is a boot sector, so that what is measured is the way to it. It runs under software emulation, on a libvirtd of the benchmark's own (as root), and
its disk is there already.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import yaml

from benchmarks.measure import Figure, Report, median
from tests.libvirt.stage import Stage, libvirt_xml, served_images
from tests.runtime.libvirt.driver.daemon import LibvirtDaemon
from tests.runtime.libvirt.driver.guests import GREETING

_ROUNDS = 5
_NAP = 0.005
_PATIENCE = 60.0


def run(report: Report, scale: float) -> None:
    report.section("guests")
    with (
        tempfile.TemporaryDirectory(prefix="slv-", dir="/tmp") as home,
        tempfile.TemporaryDirectory(prefix="slv-", dir="/tmp") as directory,
        served_images() as images,
    ):
        daemon = LibvirtDaemon(Path(home))
        daemon.start()
        stage = Stage(Path(directory), daemon, images)
        try:
            stage.start()
            rounds = max(1, round(_ROUNDS * scale))
            ours, xml = _by_kubectl(stage, rounds)
            peer = [_by_virsh(daemon, xml, Path(directory)) for _ in range(rounds)]
        finally:
            stage.server.stop()
            daemon.close()
    detail = f"{median(peer):.2f} s (virsh create)"
    report.add(Figure("kubectl apply to the first console line", median(ours), "s", None, detail))


def _by_kubectl(stage: Stage, rounds: int) -> tuple[list[float], str]:
    """Seconds of each round, and the domain that libvirt was given."""
    seconds = []
    xml = ""
    guests = stage.server.data_dir / "libvirt" / "guests"
    disk = stage.machine("disk", image="sector.img")["spec"]["dataVolumeTemplates"][0]
    disk = {"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataVolume", **disk}
    stage.apply(disk)
    stage.wait("dv", "disk-root", lambda one: one is not None and (one.get("status") or {}).get("phase") == "Succeeded")
    for number in range(rounds):
        name = f"machine-{number}"
        machine = stage.machine(name, image="sector.img", terminationGracePeriodSeconds=0)
        machine["spec"].pop("dataVolumeTemplates")
        machine["spec"]["template"]["spec"]["volumes"] = [{"name": "root", "dataVolume": {"name": "disk-root"}}]
        document = yaml.safe_dump(machine)
        begun = time.monotonic()
        stage.kubectl("apply", "-f", "-", stdin=document)
        _await_greeting(lambda: guests.glob("*/console.log"))
        seconds.append(time.monotonic() - begun)
        xml = libvirt_xml(stage.daemon, stage.domain(stage.until_phase(name, "Running")), inactive=True)
        stage.kubectl("delete", "vm", name, "--wait=true")
        stage.wait("vmi", name, lambda one: one is None)
    return seconds, xml


def _by_virsh(daemon: LibvirtDaemon, xml: str, directory: Path) -> float:
    match = re.search(r"<log file='([^']*)'", xml)
    assert match is not None
    log = Path(match[1])
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    file = directory / "domain.xml"
    file.write_text(xml)
    virsh = ["virsh", "-c", daemon.uri]
    begun = time.monotonic()
    subprocess.run([*virsh, "create", str(file)], check=True, capture_output=True)
    _await_greeting(lambda: [log])
    took = time.monotonic() - begun
    name = re.search(r"<name>([^<]*)</name>", xml)
    assert name is not None
    subprocess.run([*virsh, "destroy", name[1]], check=True, capture_output=True)
    return took


def _await_greeting(logs: Callable[[], Iterable[Path]]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if any(GREETING in path.read_text(errors="replace") for path in logs() if path.exists()):
            return
        time.sleep(_NAP)
    raise TimeoutError("the guest said nothing")
