"""What a host can't do is said, with the field that asks for it; nothing is left out silently."""

from __future__ import annotations

from typing import Any

import pytest

from solovirt.runtime.libvirt.domain import Unsupported
from solovirt.runtime.protocol import GuestError
from tests.runtime.libvirt.domain import making

NET = {"networks": [{"name": "n", "pod": {}}]}
DEVICES = "spec.domain.devices"


def refused(case: dict[str, Any]) -> str:
    with pytest.raises(Unsupported) as caught:
        making.make(case)
    assert isinstance(caught.value, GuestError)
    assert str(caught.value).startswith(f"{caught.value.field}: ")
    return caught.value.field


@pytest.mark.parametrize(
    ("domain", "field"),
    [
        ({"launchSecurity": {"sev": {}}}, "spec.domain.launchSecurity"),
        ({"machine": {"type": "pc-q35-99.0"}}, "spec.domain.machine.type"),
        ({"memory": {}}, "spec.domain.memory.guest"),
        # Reference libvirt-here.md 2: "For type qemu, CPU mode host-passthrough is refused".
        ({"cpu": {"model": "host-passthrough"}}, "spec.domain.cpu.model"),
        ({"cpu": {"model": "Nonesuch"}}, "spec.domain.cpu.model"),
        ({"cpu": {"model": "EPYC"}}, "spec.domain.cpu.model"),
        ({"cpu": {"cores": 1000}}, "spec.domain.cpu"),
        ({"cpu": {"cores": 2, "dedicatedCpuPlacement": True}}, "spec.domain.cpu.dedicatedCpuPlacement"),
        ({"cpu": {"realtime": {}}}, "spec.domain.cpu.dedicatedCpuPlacement"),
        ({"cpu": {"numa": {"guestMappingPassthrough": {}}}}, "spec.domain.cpu.numa"),
        ({"memory": {"guest": "64Mi", "hugepages": {"pageSize": "2Mi"}}}, "spec.domain.memory.hugepages.pageSize"),
        ({"firmware": {"bootloader": {"efi": {}}}}, "spec.domain.firmware.bootloader.efi"),
        ({"firmware": {"bootloader": {"efi": {"persistent": True}}}}, "spec.domain.firmware.bootloader.efi.persistent"),
        ({"firmware": {"acpi": {"slicNameRef": "x"}}}, "spec.domain.firmware.acpi"),
        (
            {"firmware": {"kernelBoot": {"container": {"image": "x", "kernelPath": "/k"}}}},
            "spec.domain.firmware.kernelBoot.container.kernelPath",
        ),
        ({"features": {"hyperv": {"relaxed": {}}}}, "spec.domain.features.hyperv"),
        ({"features": {"hypervPassthrough": {}}}, "spec.domain.features.hypervPassthrough"),
        ({"features": {"pvspinlock": {}}}, "spec.domain.features.pvspinlock"),
        ({"clock": {"timer": {"hyperv": {}}}}, "spec.domain.clock.timer.hyperv"),
        ({"clock": {"timer": {"kvm": {"present": True}}}}, "spec.domain.clock.timer.kvm"),
        ({"ioThreadsPolicy": "supplementalPool"}, "spec.domain.ioThreadsPolicy"),
    ],
)
def test_a_domain_asks_for_more_than_the_host_has(domain: dict[str, Any], field: str):
    assert refused(making.changed("minimal", **domain)) == field


@pytest.mark.parametrize(
    ("devices", "field"),
    [
        ({"gpus": [{"name": "g"}]}, "gpus"),
        ({"hostDevices": [{"name": "h"}]}, "hostDevices"),
        ({"filesystems": [{"name": "f", "virtiofs": {}}]}, "filesystems"),
        ({"downwardMetrics": {}}, "downwardMetrics"),
        ({"clientPassthrough": {}}, "clientPassthrough"),
        ({"tpm": {}}, "tpm"),
        ({"tpm": {"persistent": True}}, "tpm.persistent"),
        ({"video": {"type": "vmvga"}}, "video.type"),
        ({"sound": {"name": "s", "model": "sb16"}}, "sound.model"),
        ({"watchdog": {"name": "w", "diag288": {}}}, "watchdog.diag288"),
        ({"panicDevices": [{"model": "hyperv"}]}, "panicDevices[0].model"),
        ({"panicDevices": [{"model": "pvpanic"}]}, "panicDevices[0].model"),
        ({"inputs": [{"name": "i", "type": "joystick"}]}, "inputs[0].type"),
        ({"inputs": [{"name": "i", "type": "tablet", "bus": "ps2"}]}, "inputs[0].bus"),
        ({"inputs": [{"name": "a b", "type": "tablet"}]}, "inputs[0].name"),
        ({"interfaces": [{"name": "default", "sriov": {}}]}, "interfaces[0].sriov"),
        ({"interfaces": [{"name": "default", "binding": {"name": "p"}}]}, "interfaces[0].binding"),
        ({"interfaces": [{"name": "default", "passtBinding": {}}]}, "interfaces[0].passtBinding"),
        ({"interfaces": [{"name": "default", "masquerade": {}, "dhcpOptions": {}}]}, "interfaces[0].dhcpOptions"),
        ({"interfaces": [{"name": "default", "masquerade": {}, "macAddress": "x"}]}, "interfaces[0].macAddress"),
        ({"interfaces": [{"name": "default", "masquerade": {}, "pciAddress": "x"}]}, "interfaces[0].pciAddress"),
        ({"interfaces": [{"name": "other", "bridge": {}}]}, "interfaces[0]"),
        ({"disks": [{"name": "nothing", "disk": {"bus": "virtio"}}]}, "disks[0].name"),
        ({"disks": [{"name": "root", "disk": {"bus": "floppy"}}]}, "disks[0].disk.bus"),
        ({"disks": [{"name": "root", "lun": {"bus": "scsi"}}]}, "disks[0].lun"),
        ({"disks": [{"name": "root", "lun": {"bus": "scsi", "reservation": True}}]}, "disks[0].lun.reservation"),
        ({"disks": [{"name": "root", "disk": {"bus": "virtio"}, "errorPolicy": "x"}]}, "disks[0].errorPolicy"),
        ({"disks": [{"name": "root", "disk": {"bus": "virtio"}, "serial": "<x>"}]}, "disks[0].serial"),
        ({"disks": [{"name": "root", "disk": {"bus": "sata", "pciAddress": "x"}}]}, "disks[0].disk.pciAddress"),
        (
            {"disks": [{"name": "root", "disk": {"bus": "virtio"}, "shareable": True, "cache": "writeback"}]},
            "disks[0].cache",
        ),
        (
            {"disks": [{"name": "root", "disk": {"bus": "virtio"}, "io": "native", "cache": "writeback"}]},
            "disks[0].io",
        ),
        (
            {
                "disks": [
                    {"name": "root", "disk": {}, "blockSize": {"custom": {"logical": 512, "discardGranularity": 1024}}}
                ]
            },
            "disks[0].blockSize.custom.discardGranularity",
        ),
        ({"disks": [{"name": "root", "disk": {}, "changedBlockTracking": True}]}, "disks[0].changedBlockTracking"),
        ({"disks": [{"name": "root", "disk": {}, "blockSize": {"matchVolume": {}}}]}, "disks[0].blockSize.matchVolume"),
    ],
)
def test_devices_that_there_are_none_of_here(devices: dict[str, Any], field: str):
    assert refused(making.changed("minimal", devices=devices)) == f"{DEVICES}.{field}"


@pytest.mark.parametrize(
    ("volume", "field"),
    [
        ({"downwardMetrics": {}}, "spec.volumes[0].downwardMetrics"),
        ({"persistentVolumeClaim": {"claimName": "elsewhere"}}, "spec.volumes[0].persistentVolumeClaim"),
        ({"containerDisk": {"image": "x"}}, "spec.volumes[0].containerDisk"),
        ({"hostDisk": {"path": "/a/../etc/passwd", "type": "Disk"}}, "spec.volumes[0].hostDisk.path"),
        ({"hostDisk": {"path": "relative", "type": "Disk"}}, "spec.volumes[0].hostDisk.path"),
        ({"somethingNew": {}}, "spec.volumes[0].somethingNew"),
        ({}, "spec.volumes[0]"),
    ],
)
def test_volumes_without_anything_to_show(volume: dict[str, Any], field: str):
    case = making.changed("minimal", devices={"disks": [{"name": "v", "disk": {"bus": "virtio"}}]})
    case["instance"]["spec"]["volumes"] = [{"name": "v", **volume}]
    assert refused(case) == field


def test_guests_of_another_architecture():
    case = making.changed("minimal")
    case["instance"]["spec"]["architecture"] = "arm64"
    assert refused(case) == "spec.architecture"


def test_several_queues_on_the_user_mode_network():
    case = making.changed("minimal", cpu={"cores": 2}, devices={"networkInterfaceMultiqueue": True})
    assert refused(case) == f"{DEVICES}.interfaces[0].name"


def test_a_bridge_whose_name_is_none():
    case = making.changed("minimal", devices={"interfaces": [{"name": "default", "bridge": {}}]})
    case["instance"]["spec"]["networks"] = [{"name": "default", "multus": {"networkName": "ns/br0;reboot"}}]
    assert refused(case) == f"{DEVICES}.interfaces[0].bridge"


def test_messages_on_a_serial_port_that_is_not_there():
    firmware = {"bootloader": {"bios": {"useSerial": True}}}
    case = making.changed("minimal", firmware=firmware, devices={"autoattachSerialConsole": False})
    assert refused(case) == "spec.domain.firmware.bootloader.bios.useSerial"


@pytest.mark.parametrize("character", ["\0", "\x1b", "\ud800", "\uffff"])
def test_characters_that_xml_can_not_express(character: str):
    assert refused(making.changed("minimal", firmware={"kernelBoot": {"kernelArgs": f"quiet {character}"}})) == "spec"


def test_an_emulated_guest_may_say_that_it_wants_none_of_kvm():
    features = {"hyperv": {"relaxed": {"enabled": False}}, "kvm": {"hidden": True}, "pvspinlock": {"enabled": False}}
    case = making.changed("minimal", features=features, clock={"utc": {}, "timer": {"kvm": {"present": False}}})
    found = making.tree(case).find("features")
    assert found is not None
    assert [child.tag for child in found] == ["acpi", "vmport"]
