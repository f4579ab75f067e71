"""One row for each rule: what is changed in a good spec, and the cause that it must give (numbers: kubevirt-validation.md)."""

import pytest

from solovirt.kinds.kubevirt.cluster import Cluster
from solovirt.kinds.kubevirt.rules import instance
from tests.kinds.kubevirt.rules.specs import (
    DUPLICATE,
    INVALID,
    LABEL_TEXT,
    REQUIRED,
    UNSUPPORTED,
    P,
    causes_of,
    changed,
    good_spec,
)


def test_a_good_spec_has_no_causes():
    assert causes_of(good_spec()) == []


ROWS = [
    (69, {"hostname": "My_Host"}, f"{P}.hostname", INVALID, f"{P}.hostname does not conform to the kubernetes DNS_LABEL rules : {LABEL_TEXT}"),
    (72, {"domain.resources": {"requests": {"memory": "1k"}}}, f"{P}.domain.resources.requests.memory", INVALID, f"{P}.domain.resources.requests.memory '1k': must be greater than or equal to 1M."),
    (74, {"domain.resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "1024Mi"}}}, f"{P}.domain.resources.requests.memory", INVALID, f"{P}.domain.resources.requests.memory '2Gi' is greater than {P}.domain.resources.limits.memory '1Gi'"),
    (78, {"domain.machine.type": "pc-i440fx-2.10"}, f"{P}.domain.machine.type", INVALID, f"{P}.domain.machine.type is not supported: pc-i440fx-2.10 (allowed values: [q35* pc-q35*])"),
    (81, {"domain.resources": {"requests": {"cpu": 2}, "limits": {"cpu": "500m"}}}, f"{P}.domain.resources.requests.cpu", INVALID, f"{P}.domain.resources.requests.cpu '2' is greater than {P}.domain.resources.limits.cpu '500m'"),
    (93, {"domain.cpu.sockets": 5}, f"{P}.domain.cpu.sockets", INVALID, "Number of sockets in CPU topology is greater than the maximum sockets allowed"),
    (94, {"startStrategy": "Running"}, f"{P}.startStrategy", INVALID, f"{P}.startStrategy is set with an unrecognized option: Running"),
    (98, {"networks.1": {"name": "second", "pod": {}}, "domain.devices.interfaces.1": {"name": "second", "bridge": {}}}, f"{P}.interfaces", DUPLICATE, f"more than one interface is connected to a pod network in {P}.interfaces"),
    (100, {"networks.0": {"name": "default"}}, f"{P}.networks[0]", REQUIRED, "should have a network type"),
    (104, {"domain.devices.interfaces.0": {"name": "default"}}, f"{P}.domain.devices.interfaces[0]", INVALID, "logical default interface must have exactly one binding method or binding plugin"),
    (104, {"domain.devices.interfaces.0": {"name": "default", "bridge": {}, "masquerade": {}}}, f"{P}.domain.devices.interfaces[0]", INVALID, "logical default interface must have exactly one binding method or binding plugin"),
    (105, {"networks.0": {"name": "default", "multus": {"networkName": "x"}}}, f"{P}.domain.devices.interfaces[0].name", INVALID, "Masquerade interface only implemented with pod network"),
    (106, {"domain.devices.interfaces.0.macAddress": "02:00:00:00:00:00"}, f"{P}.domain.devices.interfaces[0].macAddress", INVALID, "The requested MAC address is reserved for the in-pod bridge. Please choose another one."),
    (109, {"networks.1": {"name": "default", "multus": {"networkName": "x"}}}, f"{P}.networks[1].name", DUPLICATE, 'Network with name "default" already exists, every network must have a unique name'),
    (110, {"networks.1": {"name": "lost", "multus": {"networkName": "x"}}}, f"{P}.networks[1].name", REQUIRED, f"{P}.networks[1].name 'lost' not found."),
    (111, {"domain.devices.interfaces.1": {"name": "default", "masquerade": {}}}, f"{P}.domain.devices.interfaces[1].name", DUPLICATE, "Only one interface can be connected to one specific network"),
    (112, {"domain.devices.interfaces.1": {"name": "lost", "bridge": {}}}, f"{P}.domain.devices.interfaces[1].name", INVALID, f"{P}.domain.devices.interfaces[1].name 'lost' not found."),
    (114, {"domain.devices.interfaces.0.model": "ne2000"}, f"{P}.domain.devices.interfaces[0].model", UNSUPPORTED, f"interface {P}.domain.devices.interfaces[0].name uses model ne2000 that is not supported."),
    (115, {"domain.devices.interfaces.0.macAddress": "de:ad"}, f"{P}.domain.devices.interfaces[0].macAddress", INVALID, f"interface {P}.domain.devices.interfaces[0].name has malformed MAC address (de:ad)."),
    (115, {"domain.devices.interfaces.0.macAddress": "de:ad:00:00:be:af:be:af"}, f"{P}.domain.devices.interfaces[0].macAddress", INVALID, f"interface {P}.domain.devices.interfaces[0].name has too long MAC address (de:ad:00:00:be:af:be:af)."),
    (117, {"domain.devices.interfaces.0.ports": [{"port": 0}]}, f"{P}.domain.devices.interfaces[0].ports[0].port", REQUIRED, "Port field is mandatory."),
    (117, {"domain.devices.interfaces.0.ports": [{"port": 80000}]}, f"{P}.domain.devices.interfaces[0].ports[0].port", INVALID, "Port field must be in range 0 < x < 65536."),
    (117, {"domain.devices.interfaces.0.ports": [{"port": 80, "protocol": "SCTP"}]}, f"{P}.domain.devices.interfaces[0].ports[0].protocol", INVALID, "Unknown protocol, only TCP or UDP allowed"),
    (125, {"domain.devices.disks.2": {"name": "lost", "disk": {}}}, f"{P}.domain.devices.disks[2].name", INVALID, f"{P}.domain.devices.disks[2].Name 'lost' not found."),
    (128, {"domain.devices.disks.0.bootOrder": 1, "domain.devices.interfaces.0.bootOrder": 1}, f"{P}.domain.devices.interfaces[0].bootOrder", INVALID, f"Boot order for {P}.domain.devices.interfaces[0].bootOrder already set for a different device."),
    (129, {"domain.devices.disks.0.bootOrder": 0}, f"{P}.domain.devices.disks[0].bootOrder", INVALID, f"{P}.domain.devices.disks[0] must have a boot order > 0, if supplied"),
    (130, {"domain.devices.disks.2": {"name": "root", "disk": {}}}, f"{P}.domain.devices.disks[2].name", INVALID, f"{P}.domain.devices.disks[2] and {P}.domain.devices.disks[0] must not have the same Name."),
    (131, {"domain.devices.disks.0.cdrom": {}}, f"{P}.domain.devices.disks[0]", INVALID, f"{P}.domain.devices.disks[0] can only have a single target type defined"),
    (132, {"domain.devices.disks.0.disk.bus": "ide"}, f"{P}.domain.devices.disks[0].disk.bus", INVALID, "IDE bus is not supported"),
    (132, {"domain.devices.disks.0": {"name": "root", "cdrom": {"bus": "virtio"}}}, f"{P}.domain.devices.disks[0].cdrom.bus", INVALID, "Bus type virtio is invalid for CD-ROM device"),
    (132, {"domain.devices.disks.0.disk.bus": "floppy"}, f"{P}.domain.devices.disks[0].disk.bus", INVALID, f"{P}.domain.devices.disks[0] is set with an unrecognized bus floppy, must be one of: [virtio scsi sata usb]"),
    (134, {"domain.devices.disks.0.serial": "a b"}, f"{P}.domain.devices.disks[0].serial", INVALID, f"{P}.domain.devices.disks[0] must be made up of the following characters [A-Za-z0-9_.+-], if specified"),
    (137, {"domain.devices.disks.0.cache": "unsafe"}, f"{P}.domain.devices.disks[0].cache", INVALID, f"{P}.domain.devices.disks[0].cache has invalid value unsafe"),
    (140, {"domain.devices.disks.0.name": "Root", "volumes.0.name": "Root"}, f"{P}.domain.devices.disks.domain.devices.disks[0].name", INVALID, LABEL_TEXT),
    (145, {"domain.devices.inputs": [{"name": "t", "type": "tablet", "bus": "ps2"}]}, f"{P}.domain.devices.inputs[0].bus", INVALID, "Input device can have only virtio or usb bus."),
    (150, {"readinessProbe": {"periodSeconds": 1}}, f"{P}.readinessProbe", REQUIRED, f"either {P}.readinessProbe.tcpSocket, {P}.readinessProbe.exec or {P}.readinessProbe.httpGet must be set if a {P}.readinessProbe is specified"),
    (153, {"domain.firmware.bootloader": {"efi": {}}}, f"{P}.domain", INVALID, f"{P}.domain has EFI SecureBoot enabled. SecureBoot requires SMM, which is currently disabled."),
    (156, {"volumes.2": {"name": "root", "emptyDisk": {"capacity": "1Gi"}}}, f"{P}.volumes[2].name", INVALID, f"{P}.volumes[2] and {P}.volumes[0] must not have the same Name."),
    (157, {"volumes.0": {"name": "root"}}, f"{P}.volumes[0]", INVALID, f"{P}.volumes[0] must have exactly one source type set"),
    (159, {"volumes.1.cloudInitNoCloud.userDataBase64": "YQ=="}, f"{P}.volumes[1].cloudInitNoCloud", INVALID, f"{P}.volumes[1].cloudInitNoCloud must have only one userdatasource set."),
    (160, {"volumes.1.cloudInitNoCloud": {"userDataBase64": "%"}}, f"{P}.volumes[1].cloudInitNoCloud.userDataBase64", INVALID, f"{P}.volumes[1].cloudInitNoCloud.userDataBase64.cloudInitNoCloud.userDataBase64 is not a valid base64 value."),
    (161, {"volumes.1.cloudInitNoCloud.userData": "x" * 2049}, f"{P}.volumes[1].cloudInitNoCloud", INVALID, f"{P}.volumes[1].cloudInitNoCloud userdata exceeds 2048 byte limit. Should use UserDataSecretRef for larger data."),
    (163, {"volumes.1.cloudInitNoCloud": {}}, f"{P}.volumes[1].cloudInitNoCloud", INVALID, f"{P}.volumes[1].cloudInitNoCloud must have at least one userdatasource or one networkdatasource set."),
    (164, {"volumes.0": {"name": "root", "hostDisk": {"path": "/d", "type": "Disk"}}}, f"{P}.volumes[0]", INVALID, "HostDisk feature gate is not enabled"),
    (165, {"volumes.0": {"name": "root", "configMap": {}}}, f"{P}.volumes[0].configMap.name", INVALID, f"{P}.volumes[0].configMap.name is a required field"),
    (173, {"dnsPolicy": "Sometimes"}, f"{P}.dnsPolicy", UNSUPPORTED, "DNSPolicy: Sometimes is not supported, valid values: [ClusterFirstWithHostNet ClusterFirst Default None ]"),
    (176, {"evictionStrategy": "Never"}, f"{P}.evictionStrategy", INVALID, f"{P}.evictionStrategy is set with an unrecognized option: Never"),
    (177, {"domain.devices.hostDevices": [{"name": "d", "deviceName": "x/y"}]}, f"{P}.HostDevices", INVALID, "Host Devices feature gate is not enabled in kubevirt-config"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "changes", "field", "reason", "message"), ROWS)
def test_a_broken_rule_gives_its_cause(rule, changes, field, reason, message):
    assert (field, reason, message) in causes_of(changed(changes)), rule


def test_an_empty_cd_rom_is_allowed():
    """Rule 125: the gate DeclarativeHotplugVolumes is on by default."""
    spec = good_spec()
    spec["domain"]["devices"]["disks"].append({"name": "tray", "cdrom": {"bus": "sata"}})
    assert causes_of(spec) == []


def test_guest_memory_above_the_limit_is_refused_only_without_live_update():
    """Rule 77."""
    spec = good_spec()
    spec["domain"]["resources"] = {"limits": {"memory": "512Mi"}}
    assert causes_of(spec) == []
    assert [field for field, _, _ in causes_of(spec, cluster=Cluster(live_update=False))] == [
        f"{P}.domain.memory.guest"
    ]


def test_discontinued_bindings_are_refused_for_new_objects_only():
    """Rule 123, and rule 189 where the gate is still listed."""
    field = f"{P}.domain.devices.interfaces[0]"
    for binding, name in (
        ("slirp", "Slirp interface support"),
        ("passt", "Passt network binding"),
        ("macvtap", "Macvtap network binding"),
    ):
        spec = good_spec()
        spec["domain"]["devices"]["interfaces"] = [{"name": "default", binding: {}}]
        assert causes_of(spec) == []
        before_all, discontinued = instance.check_discontinued(
            spec, P, cluster=Cluster(listed_gates=("Passt", "Macvtap"))
        )
        assert [(cause.field, cause.reason, cause.message) for cause in discontinued] == [
            (f"{field}.{binding}", INVALID, f"{name} has been discontinued since v1.3")
        ]
        text = f"{name} is discontinued since v1.3. Please refer to Kubevirt user guide for alternatives."
        expected = [] if binding == "slirp" else [(None, UNSUPPORTED, text)]
        assert [(cause.field, cause.reason, cause.message) for cause in before_all] == expected
        assert instance.check_discontinued(spec, P)[0] == []


def test_all_causes_are_collected():
    """kubevirt-validation.md 14."""
    spec = good_spec()
    spec["hostname"] = "A"
    spec["evictionStrategy"] = "Never"
    assert [field for field, _, _ in causes_of(spec)] == [f"{P}.hostname", f"{P}.evictionStrategy"]


@pytest.mark.parametrize(
    ("size", "guest", "expected"),
    [
        ("Guest memory is greater than the configured maxGuest memory", "4Gi", "2Gi"),
        ("MaxGuest must be 2Mi aligned", "1Gi", "2049Mi"),
        ("Memory hotplug is only available for VMs with at least 1Gi of guest memory", "512Mi", "2Gi"),
    ],
)
def test_memory_hotplug_has_its_conditions(size, guest, expected):
    """Rule 33."""
    from solovirt.kinds.kubevirt.rules import sizing

    spec = {"domain": {"memory": {"guest": guest, "maxGuest": expected}}}
    assert [(cause.field, cause.message) for cause in sizing.check_memory_hotplug(spec, P)] == [
        (f"{P}.domain.memory.guest", size)
    ]
