"""Single parts of domains, where a rule is behind them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from solovirt.runtime.libvirt.domain import disks, images, interfaces
from solovirt.runtime.protocol import GuestId
from tests.runtime.libvirt.domain import hosts, making


def attributes(case: dict[str, Any], path: str) -> list[dict[str, str]]:
    return [dict(found.attrib) for found in making.tree(case).iterfind(path)]


def test_hostile_text_stays_text():
    tree = making.tree(making.CASES["hostile"])
    spec = making.CASES["hostile"]["instance"]["spec"]
    assert tree.findtext("os/cmdline") == spec["domain"]["firmware"]["kernelBoot"]["kernelArgs"]
    assert tree.findtext("sysinfo/system/entry[@name='serial']") == spec["domain"]["firmware"]["serial"]
    source = tree.find("devices/disk/source")
    assert source is not None
    assert source.get("file") == making.CASES["hostile"]["disks"][0]["path"]
    assert not list(tree.iter("evil"))
    # libvirt makes file names from it.
    name = tree.findtext("name") or ""
    assert "/" not in name
    assert not name.startswith(".")


def test_volumes_names_lead_nowhere_else():
    case = making.changed("minimal", devices={"disks": [{"name": "../../etc/passwd", "disk": {}}]})
    case["instance"]["spec"]["volumes"] = [{"name": "../../etc/passwd", "emptyDisk": {"capacity": "1Gi"}}]
    (image,) = images(making.guest_spec(case), hosts.PLACES).values()
    assert Path(image.path).parent == hosts.PLACES.made


def test_nothing_that_is_under_an_image_is_opened_by_its_header():
    """A qcow2 file names what is under it; one that a user uploaded could name any file of the host."""
    for disk in making.tree(making.CASES["volumes"]).iterfind("devices/disk"):
        end = disk.find("backingStore")
        assert end is not None
        while (under := end.find("backingStore")) is not None:
            end = under
        assert not end.attrib
        assert len(end) == 0


def test_what_guests_write_to_images_of_others_goes_into_an_overlay():
    found = images(making.guest_spec(making.CASES["volumes"]), hosts.PLACES)
    assert {name: image.base.path for name, image in found.items() if image.base} == {
        "container": "/images/a.raw",
        "ephemeral": "/dev/vg/base",
    }
    assert {name: image.size_bytes for name, image in found.items() if image.size_bytes} == {"empty": 10 << 20}
    assert {name for name, image in found.items() if image.is_disc} == {
        "configdrive",
        "map",
        "hidden",
        "account",
        "downward",
    }
    assert "unused" not in found


def test_disks_are_counted_by_bus_as_linux_does():
    assert [disks.letters(number) for number in (0, 25, 26, 27, 701, 702)] == ["a", "z", "aa", "ab", "zz", "aaa"]
    devices = [found["dev"] for found in attributes(making.CASES["volumes"], "devices/disk/target")]
    assert devices == ["vda", "sda", "sdb", "sdc", "sdd", "vdb", "vdc", "vdd", "vde", "sde", "vdf", "sdf", "vdg", "vdh"]


def test_scsi_disks_are_all_on_the_one_controller_that_guests_expect():
    """Reference libvirt-here.md 7: left to itself, libvirt derives the controller from the letter."""
    addresses = attributes(making.CASES["volumes"], "devices/disk/address[@type='drive']")
    assert addresses
    assert {address["controller"] for address in addresses} == {"0"}


def test_pci_express_ports_come_after_what_they_hang_on_and_some_stay_free():
    """Reference libvirt-here.md 7: "Root ports without the explicit index-0 entry are refused"."""
    found = attributes(making.CASES["minimal"], "devices/controller[@type='pci']")
    assert found[0] == {"type": "pci", "index": "0", "model": "pcie-root"}
    assert [one["model"] for one in found[1:]] == ["pcie-root-port"] * 16
    # Two disks, an interface, balloon, random numbers; controllers for USB, SCSI and serial ports.
    assert len(found) - 1 - 8 == 8
    assert attributes(making.CASES["bare-pc"], "devices/controller[@type='pci']") == []


def test_a_guest_that_takes_no_devices_later_has_no_free_ports():
    case = making.changed("minimal", devices={"disableHotplug": True})
    assert len(attributes(case, "devices/controller[@model='pcie-root-port']")) == 7


def test_a_mac_address_is_the_guests_own_for_ever():
    one = interfaces.mac(GuestId("a"), {"name": "default"})
    assert one == interfaces.mac(GuestId("a"), {"name": "default"})
    assert (
        len({one, interfaces.mac(GuestId("b"), {"name": "default"}), interfaces.mac(GuestId("a"), {"name": "x"})}) == 3
    )
    assert int(one[:2], 16) & 3 == 2  # locally administered, unicast
    assert interfaces.mac(GuestId("a"), {"name": "x", "macAddress": "DE-AD-00-00-BE-AF"}) == "de:ad:00:00:be:af"


@pytest.mark.parametrize(
    ("cpu", "resources", "expected"),
    [
        # Reference kubevirt-vm.md 6.2: sockets = limits.cpu, else requests.cpu (rounded up), else 1.
        ({}, {}, ("1", 1)),
        ({}, {"requests": {"cpu": "1500m"}}, ("2", 2)),
        ({}, {"requests": {"cpu": "1"}, "limits": {"cpu": "3"}}, ("3", 3)),
        ({"cores": 2, "threads": 2}, {"limits": {"cpu": "9"}}, ("4", 1)),
    ],
)
def test_processors_are_counted(cpu: dict[str, Any], resources: dict[str, Any], expected: tuple[str, int]):
    tree = making.tree(making.changed("minimal", cpu=cpu, resources=resources))
    topology = tree.find("cpu/topology")
    assert topology is not None
    assert (tree.findtext("vcpu"), int(topology.get("sockets") or 0)) == expected


def test_processors_that_may_be_added_are_there_and_off():
    """Reference libvirt-here.md 7: adding is refused unless the domain was defined with `current`."""
    tree = making.tree(making.changed("minimal", cpu={"sockets": 1, "cores": 2, "maxSockets": 4}))
    vcpu = tree.find("vcpu")
    assert vcpu is not None
    assert (vcpu.text, vcpu.get("current")) == ("8", "2")
    assert [one.get("enabled") for one in tree.iterfind("vcpus/vcpu")] == ["yes"] * 2 + ["no"] * 6


@pytest.mark.parametrize(
    ("domain", "disks", "total", "expected"),
    [
        # As KubeVirt counts: one shared thread; with auto two for each processor asked for, dedicated ones among them.
        ({}, [{}, {}], None, [None, None]),
        ({"ioThreadsPolicy": "shared"}, [{}, {}, {}], "1", ["1", "1", "1"]),
        ({}, [{"dedicatedIOThread": True}, {}], "2", ["2", "1"]),
        ({"ioThreadsPolicy": "auto"}, [{}, {}, {}], "2", ["1", "2", "1"]),
        (
            {"ioThreadsPolicy": "auto", "resources": {"requests": {"cpu": "2"}}},
            [{"dedicatedIOThread": True}, {}, {}, {}, {}],
            "4",
            ["4", "1", "2", "3", "1"],
        ),
    ],
)
def test_threads_for_disks(domain: dict[str, Any], disks: list[dict[str, Any]], total: str, expected: list[str | None]):
    listed = [{"name": f"d{number}", "disk": {"bus": "virtio"}, **disk} for number, disk in enumerate(disks)]
    case = making.changed("minimal", **domain, devices={"disks": listed})
    case["instance"]["spec"]["volumes"] = [{"name": one["name"], "emptyDisk": {"capacity": "1Mi"}} for one in listed]
    tree = making.tree(case)
    assert tree.findtext("iothreads") == total
    assert [driver.get("iothread") for driver in tree.iterfind("devices/disk/driver")] == expected


def test_the_block_size_of_the_file_system_is_shown(tmp_path: Path):
    image = tmp_path / "disk.img"
    image.touch()
    case = making.changed(
        "minimal", devices={"disks": [{"name": "root", "disk": {}, "blockSize": {"matchVolume": {}}}]}
    )
    case["disks"] = [{"volume": "root", "path": str(image)}]
    size = str(image.parent.stat().st_blksize)
    assert attributes(case, "devices/disk/blockio") == [{"logical_block_size": size, "physical_block_size": size}]


def test_a_reboot_ends_a_guest_whose_policy_that_is():
    assert making.tree(making.CASES["minimal"]).findtext("on_reboot") == "restart"
    assert making.tree(making.changed("minimal", rebootPolicy="Terminate")).findtext("on_reboot") == "destroy"


def test_libvirts_mock_driver_takes_what_it_is_given():
    from solovirt.runtime.libvirt.capabilities import HostCapabilities
    from solovirt.runtime.libvirt.domain import domain_xml

    case = making.changed("windows", cpu={"model": "host-passthrough"})
    host = HostCapabilities("", "x86_64", 1, 1 << 30, "", frozenset({"test"}), {}, domain_type="test")
    xml = domain_xml(making.guest_spec(case), host, hosts.PLACES, domain_type="test")
    assert '<domain type="test">' in xml
    assert "<emulator>" not in xml
