"""Domains from the cases' documents."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import yaml

from solovirt.runtime.libvirt.domain import domain_xml
from solovirt.runtime.protocol import Contents, DiskImage, GuestId, GuestSpec
from tests.runtime.libvirt.domain import hosts

CASES: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "cases.yaml").read_text())
GOLDEN = Path(__file__).parent / "golden"


def guest_spec(case: dict[str, Any]) -> GuestSpec:
    metadata = case["instance"]["metadata"]
    return GuestSpec(
        GuestId(metadata["uid"]),
        metadata["namespace"],
        metadata["name"],
        "node01",
        case["instance"],
        disks=[DiskImage(**disk) for disk in case.get("disks", ())],
        start_paused=case.get("paused", False),
        contents=Contents(kernel=case.get("kernel", ""), initrd=case.get("initrd", "")),
    )


def make(case: dict[str, Any]) -> str:
    host = {"emulated": hosts.amd64(), "kvm": hosts.amd64(kvm=True), "arm64": hosts.arm64()}[case["host"]]
    return domain_xml(
        guest_spec(case), host, hosts.PLACES, domain_type=host.domain_type, cpus=tuple(case.get("cpus", ()))
    )


def changed(name: str, **domain: Any) -> dict[str, Any]:
    """A case with other members of spec.domain; *devices* are changed one by one."""
    case: dict[str, Any] = copy.deepcopy(CASES[name])
    devices = domain.pop("devices", {})
    case["instance"]["spec"]["domain"].update(domain)
    case["instance"]["spec"]["domain"]["devices"].update(devices)
    return case


def tree(case: dict[str, Any]) -> ET.Element:
    return ET.fromstring(make(case))  # noqa: S314 - made in this process
