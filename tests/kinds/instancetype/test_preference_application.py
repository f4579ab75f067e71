"""Preferences on an instance's spec: every field fills what is unset, and nothing else (reference kubevirt-flavor.md 6.3)."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from solovirt.kinds.instancetype import preference_application

EMPTY: dict[str, Any] = {"domain": {"devices": {}}}


def preferred(preference: dict[str, Any], spec: dict[str, Any] = EMPTY, **metadata: Any) -> dict[str, Any]:
    """What *spec* becomes, with the metadata beside it."""
    spec = copy.deepcopy(spec)
    preference_application.apply(preference, spec, metadata)
    return {**spec, "metadata": metadata} if metadata else spec


def devices(**fields: Any) -> dict[str, Any]:
    return {"domain": {"devices": fields}}


def domain(**fields: Any) -> dict[str, Any]:
    return {"domain": {"devices": {}, **fields}}


VIRTIO = {"name": "a", "disk": {"bus": "virtio"}}
POD = {"networks": [{"name": "n", "pod": {}}]}
OTHER = {"networks": [{"name": "n", "multus": {"networkName": "x"}}]}
ON = {"enabled": True}
OFF = {"enabled": False}
HYPERV = {
    "evmcs": ON,
    "frequencies": ON,
    "ipi": ON,
    "reenlightenment": ON,
    "relaxed": ON,
    "reset": ON,
    "runtime": ON,
    "spinlocks": {"enabled": True, "spinlocks": 8191},
    "synic": ON,
    "synictimer": {"enabled": True, "direct": ON},
    "tlbflush": ON,
    "vapic": ON,
    "vendorid": {"vendorid": "v"},
    "vpindex": ON,
}

FIELDS = [
    *(
        pytest.param({"devices": {field: True}}, EMPTY, devices(**{of: True}), devices(**{of: False}), id=field)
        for field, of in {
            "preferredAutoattachGraphicsDevice": "autoattachGraphicsDevice",
            "preferredAutoattachInputDevice": "autoattachInputDevice",
            "preferredAutoattachMemBalloon": "autoattachMemBalloon",
            "preferredAutoattachPodInterface": "autoattachPodInterface",
            "preferredAutoattachSerialConsole": "autoattachSerialConsole",
            "preferredBlockMultiQueue": "blockMultiQueue",
            "preferredNetworkInterfaceMultiQueue": "networkInterfaceMultiqueue",
            "preferredUseVirtioTransitional": "useVirtioTransitional",
        }.items()
    ),
    pytest.param({"devices": {"preferredRng": {}}}, EMPTY, devices(rng={}), None, id="rng"),
    pytest.param(
        {"devices": {"preferredTPM": {"persistent": True}}},
        EMPTY,
        devices(tpm={"persistent": True}),
        devices(tpm={}),
        id="tpm",
    ),
    pytest.param(
        {"devices": {"preferredVideoType": "virtio"}},
        EMPTY,
        devices(video={"type": "virtio"}),
        devices(video={"type": "vga"}),
        id="video",
    ),
    pytest.param(
        {"devices": {"preferredSoundModel": "ac97"}},
        devices(sound={"name": "s"}),
        devices(sound={"name": "s", "model": "ac97"}),
        devices(sound={"name": "s", "model": "ich9"}),
        id="sound",
    ),
    pytest.param({"devices": {"preferredSoundModel": "ac97"}}, EMPTY, EMPTY, None, id="no sound"),
    pytest.param(
        {"devices": {"preferredPanicDeviceModel": "isa"}},
        EMPTY,
        devices(panicDevices=[{"model": "isa"}]),
        devices(panicDevices=[{"model": "hyperv"}]),
        id="panic",
    ),
    pytest.param(
        {"devices": {"preferredPanicDeviceModel": "isa"}},
        devices(panicDevices=[{}, {"model": "hyperv"}]),
        devices(panicDevices=[{"model": "isa"}, {"model": "hyperv"}]),
        None,
        id="panics",
    ),
    pytest.param(
        {"devices": {"preferredDiskBus": "virtio"}},
        devices(disks=[{"name": "a"}]),
        devices(disks=[VIRTIO]),
        devices(disks=[{"name": "a", "disk": {"bus": "scsi"}}]),
        id="disk bus",
    ),
    pytest.param(
        {"devices": {"preferredCdromBus": "scsi", "preferredDiskBus": "virtio"}},
        devices(disks=[{"name": "a", "cdrom": {}}]),
        devices(disks=[{"name": "a", "cdrom": {"bus": "scsi"}}]),
        devices(disks=[{"name": "a", "cdrom": {"bus": "sata"}}]),
        id="cdrom bus",
    ),
    pytest.param(
        {"devices": {"preferredLunBus": "scsi"}},
        devices(disks=[{"name": "a", "lun": {}}]),
        devices(disks=[{"name": "a", "lun": {"bus": "scsi"}}]),
        devices(disks=[{"name": "a", "lun": {"bus": "sata"}}]),
        id="lun bus",
    ),
    *(
        pytest.param(
            {"devices": {field: value}},
            devices(disks=[VIRTIO]),
            devices(disks=[{**VIRTIO, of: value}]),
            devices(disks=[{**VIRTIO, of: other}]),
            id=field,
        )
        for field, of, value, other in (
            ("preferredDiskBlockSize", "blockSize", {"matchVolume": ON}, {"custom": {"logical": 512}}),
            ("preferredDiskCache", "cache", "none", "writeback"),
            ("preferredDiskIO", "io", "native", "threads"),
            ("preferredDiskDedicatedIoThread", "dedicatedIOThread", True, False),
        )
    ),
    pytest.param(
        {"devices": {"preferredDiskDedicatedIoThread": True, "preferredDiskCache": "none"}},
        devices(disks=[{"name": "a", "disk": {"bus": "sata"}}, {"name": "b", "cdrom": {}}]),
        devices(disks=[{"name": "a", "disk": {"bus": "sata"}, "cache": "none"}, {"name": "b", "cdrom": {}}]),
        None,
        id="I/O threads are for virtio alone, and what is about disks is not about CD-ROMs",
    ),
    pytest.param(
        {"devices": {"preferredInputBus": "virtio", "preferredInputType": "tablet"}},
        devices(inputs=[{"name": "i"}]),
        devices(inputs=[{"name": "i", "bus": "virtio", "type": "tablet"}]),
        devices(inputs=[{"name": "i", "bus": "usb", "type": "mouse"}]),
        id="inputs",
    ),
    pytest.param(
        {"devices": {"preferredInterfaceModel": "e1000"}},
        devices(interfaces=[{"name": "n", "bridge": {}}]),
        devices(interfaces=[{"name": "n", "bridge": {}, "model": "e1000"}]),
        devices(interfaces=[{"name": "n", "bridge": {}, "model": "virtio"}]),
        id="interface model",
    ),
    pytest.param(
        {"devices": {"preferredInterfaceMasquerade": {}}},
        {**devices(interfaces=[{"name": "n"}]), **POD},
        {**devices(interfaces=[{"name": "n", "masquerade": {}}]), **POD},
        {**devices(interfaces=[{"name": "n", "bridge": {}}]), **POD},
        id="masquerade",
    ),
    pytest.param(
        {"devices": {"preferredInterfaceMasquerade": {}}},
        {**devices(interfaces=[{"name": "n", "binding": {"name": "p"}}]), **POD},
        {**devices(interfaces=[{"name": "n", "binding": {"name": "p"}}]), **POD},
        {**devices(interfaces=[{"name": "n"}]), **OTHER},
        id="masquerade is for the pod network, and beside no plugin",
    ),
    *(
        pytest.param({"features": {field: ON}}, EMPTY, domain(features={of: ON}), domain(features={of: OFF}), id=of)
        for field, of in (
            ("preferredApic", "apic"),
            ("preferredPvspinlock", "pvspinlock"),
            ("preferredSmm", "smm"),
        )
    ),
    pytest.param(
        {"features": {"preferredKvm": {"hidden": True}}},
        EMPTY,
        domain(features={"kvm": {"hidden": True}}),
        domain(features={"kvm": {}}),
        id="kvm",
    ),
    pytest.param(
        {"features": {"preferredHyperv": HYPERV}},
        EMPTY,
        domain(features={"hyperv": HYPERV}),
        domain(features={"hyperv": dict.fromkeys(HYPERV, OFF)}),
        id="hyperv",
    ),
    pytest.param(
        {"firmware": {"preferredUseBios": True, "preferredUseBiosSerial": True}},
        EMPTY,
        domain(firmware={"bootloader": {"bios": {"useSerial": True}}}),
        domain(firmware={"bootloader": {"bios": {"useSerial": False}}}),
        id="bios",
    ),
    pytest.param(
        {"firmware": {"preferredUseBiosSerial": True}},
        domain(firmware={"bootloader": {"efi": {}}}),
        domain(firmware={"bootloader": {"efi": {}}}),
        domain(firmware={"bootloader": {}}),
        id="a serial BIOS is for a BIOS",
    ),
    pytest.param(
        {"firmware": {"preferredEfi": {"persistent": True}, "preferredUseEfi": True, "preferredUseSecureBoot": True}},
        EMPTY,
        domain(firmware={"bootloader": {"efi": {"persistent": True}}}),
        domain(firmware={"bootloader": {"bios": {}}}),
        id="efi",
    ),
    pytest.param(
        {"firmware": {"preferredUseEfi": True, "preferredUseSecureBoot": False}},
        EMPTY,
        domain(firmware={"bootloader": {"efi": {"secureBoot": False}}}),
        domain(firmware={"bootloader": {"efi": {"secureBoot": True}}}),
        id="the older fields for EFI",
    ),
    pytest.param(
        {"machine": {"preferredMachineType": "q35"}},
        EMPTY,
        domain(machine={"type": "q35"}),
        domain(machine={"type": "pc-q35-9"}),
        id="machine",
    ),
    pytest.param(
        {"clock": {"preferredClockOffset": {"timezone": "Europe/Berlin"}}},
        EMPTY,
        domain(clock={"timezone": "Europe/Berlin"}),
        domain(clock={"utc": {}}),
        id="clock offset",
    ),
    pytest.param(
        {"clock": {"preferredTimer": {"kvm": {}}}},
        EMPTY,
        domain(clock={"timer": {"kvm": {}}}),
        domain(clock={"timer": {}}),
        id="timer",
    ),
    pytest.param(
        {"preferredSubdomain": "x"}, EMPTY, {**EMPTY, "subdomain": "x"}, {**EMPTY, "subdomain": "y"}, id="sub"
    ),
    pytest.param(
        {"preferredTerminationGracePeriodSeconds": 15},
        EMPTY,
        {**EMPTY, "terminationGracePeriodSeconds": 15},
        {**EMPTY, "terminationGracePeriodSeconds": 0},
        id="grace",
    ),
    pytest.param(
        {"preferredArchitecture": "arm64"},
        EMPTY,
        {**EMPTY, "architecture": "arm64"},
        {**EMPTY, "architecture": "amd64"},
        id="architecture",
    ),
    pytest.param(
        {"preferredLaunchSecurity": {"sev": {}}},
        EMPTY,
        domain(launchSecurity={"sev": {}}),
        domain(launchSecurity={"snp": {}}),
        id="launch security",
    ),
    pytest.param(
        {"cpu": {"preferredCPUFeatures": [{"name": "a", "policy": "require"}, {"name": "b"}]}},
        domain(cpu={"cores": 1, "features": [{"name": "a", "policy": "forbid"}]}),
        domain(cpu={"cores": 1, "features": [{"name": "a", "policy": "forbid"}, {"name": "b"}]}),
        domain(cpu={"features": [{"name": "b"}, {"name": "a"}]}),
        id="CPU features",
    ),
]


@pytest.mark.parametrize(("preference", "unset", "filled", "given"), FIELDS)
def test_a_preference_fills_what_is_unset_and_nothing_else(preference, unset, filled, given):
    assert preferred(preference, unset) == filled
    if given is not None:
        assert preferred(preference, given) == given


@pytest.mark.parametrize(
    ("preference", "given", "overwritten"),
    [
        ({"devices": {"preferredDisableHotplug": False}}, devices(disableHotplug=True), devices(disableHotplug=False)),
        ({"features": {"preferredAcpi": OFF}}, domain(features={"acpi": ON}), domain(features={"acpi": OFF})),
    ],
)
def test_two_preferences_overwrite(preference, given, overwritten):
    assert preferred(preference, given) == overwritten


def test_annotations_join_those_that_are_there():
    found = preferred({"annotations": {"a": "b", "c": "d"}}, annotations={"a": "x", "y": "z"})
    assert found["metadata"]["annotations"] == {"a": "x", "c": "d", "y": "z"}


def test_an_empty_preference_changes_nothing():
    assert preferred({}) == EMPTY
    assert preferred({"cpu": {"preferredCPUTopology": "cores"}, "requirements": {"cpu": {"guest": 2}}}) == EMPTY


def test_nothing_of_the_preference_is_shared():
    preference = {"devices": {"preferredTPM": {"persistent": True}}}
    preferred(preference)["domain"]["devices"]["tpm"]["persistent"] = False
    assert preference == {"devices": {"preferredTPM": {"persistent": True}}}
