"""What a host can do, as libvirt says it (formats: libvirt's formatcaps and formatdomaincaps)."""

from __future__ import annotations

import struct
import zlib

import orjson
import pytest

from solovirt.runtime.libvirt import agent, capabilities, nodes, picture
from solovirt.runtime.libvirt.record import Nic
from solovirt.runtime.protocol import GuestError

HOST = """
<capabilities>
  <host>
    <uuid>3f1f9523-6d2a-4855-993f-cee4b5ed3dfa</uuid>
    <cpu><arch>x86_64</arch><model>EPYC</model><vendor>AMD</vendor></cpu>
    <topology><cells num='2'>
      <cell id='0'><memory unit='KiB'>4194304</memory><pages unit='KiB' size='4'>1048576</pages>
        <pages unit='KiB' size='2048'>16</pages><cpus num='2'><cpu id='0'/><cpu id='1'/></cpus></cell>
      <cell id='1'><memory unit='KiB'>4194304</memory><pages unit='KiB' size='2048'>8</pages>
        <cpus num='2'><cpu id='2'/><cpu id='3'/></cpus></cell>
    </cells></topology>
  </host>
  <guest><os_type>hvm</os_type><arch name='i686'><machine>pc</machine><domain type='qemu'/></arch></guest>
  <guest><os_type>hvm</os_type><arch name='x86_64'>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <machine maxCpus='288'>pc-q35-7.2</machine><machine canonical='pc-q35-7.2'>q35</machine><machine>pc-q35-6.1</machine>
    <machine canonical='pc-i440fx-7.2'>pc</machine><machine>pc-i440fx-7.2</machine>
    <domain type='qemu'/><domain type='kvm'/></arch></guest>
</capabilities>
"""
GUEST = """
<domainCapabilities>
  <machine>pc-q35-7.2</machine><vcpu max='288'/>
  <os supported='yes'><enum name='firmware'><value>efi</value></enum>
    <loader supported='yes'><value>/usr/share/OVMF/OVMF_CODE.fd</value>
      <enum name='secure'><value>no</value><value>yes</value></enum></loader></os>
  <cpu><mode name='host-passthrough' supported='no'/>
    <mode name='host-model' supported='yes'><model>EPYC</model><feature policy='require' name='acpi'/>
      <feature policy='disable' name='vme'/></mode>
    <mode name='custom' supported='yes'><model usable='yes'>qemu64</model><model usable='no'>Haswell</model></mode></cpu>
  <devices><tpm supported='yes'><enum name='backendModel'><value>passthrough</value></enum></tpm>
    <rng supported='no'><enum name='model'><value>virtio</value></enum></rng></devices>
  <features><genid supported='yes'/><sev supported='no'/></features>
</domainCapabilities>
"""


def host(**options) -> capabilities.HostCapabilities:
    return capabilities.parse(HOST, [GUEST], hostname="Rack 4.example", hypervisor_version=7002022, **options)


def test_the_host_is_read():
    found = host()
    assert (found.architecture, found.kubernetes_architecture) == ("x86_64", "amd64")
    assert (found.cpus, found.memory_bytes) == (4, 8 << 30)
    assert found.domain_types == {"qemu", "kvm"}
    assert found.emulator == "/usr/bin/qemu-system-x86_64"
    assert found.hugepages == {2 << 20: 24}
    assert found.hypervisor_version == (7, 2, 22)
    assert (found.machine("q35"), found.machine("virt")) == ("pc-q35-7.2", None)


def test_what_guests_may_have_is_read():
    guest = host().guest("q35")
    assert guest is not None
    assert guest.cpu_modes == {"host-model", "custom"}
    assert [model.name for model in guest.cpu_models if model.usable] == ["qemu64"]
    assert (guest.host_model, guest.host_features) == ("EPYC", frozenset({"acpi"}))
    assert (guest.firmware, guest.loaders, guest.secure_loader) == (
        frozenset({"efi"}),
        ("/usr/share/OVMF/OVMF_CODE.fd",),
        True,
    )
    assert guest.allows("tpm", "backendModel", "passthrough")
    assert not guest.allows("tpm", "backendModel", "emulator")
    assert not guest.allows("rng", "model", "virtio")
    assert guest.features == {"genid"}


def test_a_machine_that_was_not_asked_about_is_like_others_of_its_family():
    found = host()
    assert found.guest("pc-q35-6.1") == found.guest("q35")
    assert found.guest("pc") is None
    assert found.guest("nonsense") is None


@pytest.mark.parametrize("text", ["", "<capabilities>", "<other/>", "<capabilities/>"])
def test_what_is_no_capabilities_is_refused(text: str):
    with pytest.raises(capabilities.CapabilitiesError):
        capabilities.parse(text)


def test_a_node_is_what_the_host_is():
    node = nodes.describe("rack-4", host(), "qemu+ssh://root@192.0.2.7/system")
    assert (node.cpus, node.memory_bytes, node.architecture, node.address) == (4, 8 << 30, "amd64", "192.0.2.7")
    assert (node.cpu_models, node.host_model) == (("qemu64",), "EPYC")
    assert node.labels["cpu-feature.node.kubevirt.io/acpi"] == "true"
    assert node.labels["machine-type.node.kubevirt.io/pc-q35-7.2"] == "true"
    assert nodes.decode(nodes.encode(node)) == node
    assert nodes.node_name("Rack 4.example") == "rack-4.example"


def test_a_picture_is_png_whatever_it_was_taken_as():
    made = picture.png(b"P6\n2 1\n255\n" + bytes(range(6)))
    assert made.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", made[16:24]) == (2, 1)
    start = made.index(b"IDAT")
    (length,) = struct.unpack(">I", made[start - 4 : start])
    assert zlib.decompress(made[start + 4 : start + 4 + length]) == b"\0" + bytes(range(6))
    assert picture.png(made) == made
    for bad in (b"", b"P6\n2 2\n255\n123", b"GIF89a"):
        with pytest.raises(ValueError, match="picture"):
            picture.png(bad)


def test_an_agent_is_not_believed_to_make_sense():
    assert agent.result('{"return": {"version": "7.2"}}') == {"version": "7.2"}
    for answer in ("", "[]", "{}", '{"return', "null"):
        with pytest.raises(GuestError, match="can't be understood"):
            agent.result(answer)
    with pytest.raises(GuestError, match="refused: no such command"):
        agent.result('{"error": {"class": "CommandNotFound", "desc": "no such command"}}')
    assert agent.read_info(None, [], "x").hostname == ""
    assert agent.read_info({"name": 5, "id": "x" * 10_000}, {}, {}).os_id == "x" * 256


def test_interfaces_are_known_by_their_addresses():
    told = agent.read_interfaces(
        orjson.loads(
            '[{"name": "lo"}, 7, {"name": "eth0", "hardware-address": "02:AA:00:00:00:01", "ip-addresses": '
            '[{"ip-address": "fe80::1"}, {"ip-address": "fd00::5"}, {"ip-address": "10.0.2.15"}, "x"]}]'
        )
    )
    first, second = agent.interfaces((Nic("default", "02:aa:00:00:00:01"), Nic("other", "02:aa:00:00:00:02")), told)
    assert (first.addresses, first.guest_name) == (("10.0.2.15", "fd00::5"), "eth0")
    assert (second.addresses, second.guest_name) == ((), "")
