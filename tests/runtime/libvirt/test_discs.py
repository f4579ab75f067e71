"""
Discs, read back as a guest would read them.

Labels, names and metadata are those of KubeVirt v1.9's pkg/cloud-init and pkg/config.
"""

from __future__ import annotations

import base64
import io
import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pycdlib import PyCdlib

from solovirt.runtime.libvirt import discs
from solovirt.runtime.libvirt.discs import Disc
from solovirt.runtime.libvirt.domain import Unsupported, images
from solovirt.runtime.libvirt.places import GuestPlaces
from solovirt.runtime.protocol import Contents, GuestId, GuestSpec

UUID = "5d307ca9-b3ef-428c-8861-06e72d69f223"
CLOUD_CONFIG = "#cloud-config\npassword: \u00e4<&>\n"


def guest(volume: dict[str, Any], *, contents: Contents | None = None, **instance: Any) -> GuestSpec:
    metadata = instance.pop("metadata", {})
    document = {
        "metadata": {"name": "vm.example", "namespace": "ns", **metadata},
        "spec": {
            "domain": {"firmware": {"uuid": UUID}, "devices": {"disks": [{"name": "v", "disk": {}}]}},
            "volumes": [{"name": "v", **volume}, {"name": "not-shown", "configMap": {}}],
            **instance,
        },
    }
    return GuestSpec(GuestId("uid"), "ns", "vm.example", "node01", document, contents=contents or Contents())


def only(spec: GuestSpec) -> Disc:
    (disc,) = discs.discs(spec).values()
    return disc


def read(image: bytes, view: str = "rr") -> tuple[str, dict[str, bytes]]:
    """Label and files, by the names of Rock Ridge (`rr`) or of Joliet."""
    iso = PyCdlib()
    iso.open_fp(io.BytesIO(image))
    files = {}
    key = f"{view}_path"
    for directory, _, names in iso.walk(**{key: "/"}):
        for name in names:
            path = f"{directory.rstrip('/')}/{name}"
            out = io.BytesIO()
            iso.get_file_from_iso_fp(out, **{key: path})
            files[path.lstrip("/").removesuffix(";1")] = out.getvalue()
    label = iso.pvd.volume_identifier.decode().rstrip()
    iso.close()
    return label, files


def test_no_cloud_data_is_at_the_top_of_a_disc_called_cidata():
    spec = guest({"cloudInitNoCloud": {"userData": CLOUD_CONFIG, "networkData": "version: 2"}})
    label, files = read(only(spec).image())
    assert label == "cidata"
    assert files.keys() == {"user-data", "meta-data", "network-config"}
    assert files["user-data"].decode() == CLOUD_CONFIG
    assert files["network-config"] == b"version: 2"
    assert json.loads(files["meta-data"]) == {"instance-id": UUID, "local-hostname": "vm"}


def test_windows_sees_the_same_names():
    image = only(guest({"cloudInitConfigDrive": {"userData": "x"}})).image()
    assert read(image, "joliet") == read(image, "rr")


def test_a_config_drive_is_openstacks():
    spec = guest(
        {"cloudInitConfigDrive": {"userDataBase64": base64.b64encode(b"#!/bin/sh\n").decode(), "networkData": "{}"}},
        hostname="web",
        metadata={"annotations": {"kubevirt.io/instancetype-name": "small"}},
    )
    label, files = read(only(spec).image())
    assert label == "config-2"
    assert files.keys() == {f"openstack/latest/{name}" for name in ("meta_data.json", "user_data", "network_data.json")}
    assert files["openstack/latest/user_data"] == b"#!/bin/sh\n"
    assert json.loads(files["openstack/latest/meta_data.json"]) == {
        "instance_type": "small",
        "instance_id": "vm.example.ns",
        "hostname": "web",
        "uuid": UUID,
    }


def test_there_is_no_network_configuration_unless_some_is_given():
    assert "network-config" not in only(guest({"cloudInitNoCloud": {"userData": "x"}})).files


def test_network_data_alone_will_do():
    files = only(guest({"cloudInitNoCloud": {"networkData": "version: 2"}})).files
    assert files["user-data"] == b""


@pytest.mark.parametrize("names", [("userdata", "networkdata"), ("userData", "networkData")])
def test_data_out_of_secrets_goes_before_what_the_volume_says(names: tuple[str, str]):
    contents = Contents(files={"v": {names[0]: b"secret", names[1]: b"net"}})
    files = only(guest({"cloudInitNoCloud": {"userData": "open", "secretRef": {"name": "s"}}}, contents=contents)).files
    assert (files["user-data"], files["network-config"]) == (b"secret", b"net")


@pytest.mark.parametrize(
    ("source", "method", "path", "key"),
    [
        ("cloudInitNoCloud", "noCloud", "meta-data", "public-keys"),
        ("cloudInitConfigDrive", "configDrive", "openstack/latest/meta_data.json", "public_keys"),
    ],
)
def test_public_keys_are_numbered(source: str, method: str, path: str, key: str):
    def credential(secret: str, how: str) -> dict[str, Any]:
        return {"sshPublicKey": {"source": {"secret": {"secretName": secret}}, "propagationMethod": {how: {}}}}

    secrets = {"one": {"b": b"ssh-rsa B", "a": b"ssh-rsa A", "empty": b""}, "two": {"k": b"ssh-ed25519 C"}}
    spec = guest(
        {source: {"userData": "x"}},
        accessCredentials=[credential("one", method), credential("other", "qemuGuestAgent"), credential("two", method)],
        contents=Contents(access_secrets=secrets),
    )
    metadata = json.loads(only(spec).files[path])
    assert metadata[key] == {"0": "ssh-rsa A", "1": "ssh-rsa B", "2": "ssh-ed25519 C"}


def test_a_secret_with_keys_that_is_not_there_is_told():
    credential = {
        "sshPublicKey": {"source": {"secret": {"secretName": "gone"}}, "propagationMethod": {"noCloud": {}}},
    }
    with pytest.raises(Unsupported, match=r"accessCredentials\[0\].*the Secret gone was not found"):
        discs.discs(guest({"cloudInitNoCloud": {"userData": "x"}}, accessCredentials=[credential]))


def test_a_volume_without_any_data_is_refused_as_by_kubevirt():
    message = "userDataBase64, userData, networkDataBase64 or networkData is required for a cloud-init data source"
    with pytest.raises(Unsupported, match=message):
        discs.discs(guest({"cloudInitNoCloud": {}}))


def test_base64_that_is_none_is_refused():
    with pytest.raises(Unsupported, match="userDataBase64"):
        discs.discs(guest({"cloudInitNoCloud": {"userDataBase64": "%%%"}}))


@pytest.mark.parametrize(
    ("volume", "label"),
    [
        ({"configMap": {"name": "m"}}, "cfgdata"),
        ({"configMap": {"name": "m", "volumeLabel": "mine"}}, "mine"),
        ({"secret": {"secretName": "s", "volumeLabel": "hidden"}}, "hidden"),
        ({"downwardAPI": {"fields": [], "volumeLabel": "me"}}, "me"),
        ({"serviceAccount": {"serviceAccountName": "default"}}, "cfgdata"),
    ],
)
def test_objects_become_files(volume: dict[str, Any], label: str):
    files = {"token": b"abc", "empty": b"", "a.b-c_D": bytes(range(256)), "deep/er/labels": b"x"}
    found = read(only(guest(volume, contents=Contents(files={"v": files}))).image())
    assert found == (label, files)


def test_answers_for_windows_are_on_a_disc_of_their_own_name():
    volume = {"sysprep": {"configMap": {"name": "m"}}}
    files = {"Autounattend.xml": b"<x/>", "more.txt": b"y"}
    assert read(only(guest(volume, contents=Contents(files={"v": files}))).image()) == ("unattendCD", files)


def test_a_sysprep_volume_without_answers_is_refused_as_by_kubevirt():
    contents = Contents(files={"v": {"other.xml": b""}})
    message = "Sysprep drive should contain autounattend.xml or unattend.xml but neither were found."
    with pytest.raises(Unsupported, match=message):
        discs.discs(guest({"sysprep": {"secret": {"name": "s"}}}, contents=contents))


def test_what_was_not_looked_up_is_refused():
    with pytest.raises(Unsupported, match="was not found"):
        discs.discs(guest({"secret": {"secretName": "s"}}))


def test_a_label_that_is_too_long_is_refused():
    contents = Contents(files={"v": {}})
    with pytest.raises(Unsupported, match="volumeLabel"):
        discs.discs(guest({"configMap": {"name": "m", "volumeLabel": "x" * 33}}, contents=contents))


def test_long_names_are_there_for_those_who_can_read_them():
    """A ConfigMap's keys have up to 253 characters; Joliet ends at 64."""
    files = {"k" * 253: b"long", "short": b"s", "d" * 70 + "/f": b"deep"}
    image = Disc("cfgdata", files).image()
    assert read(image) == ("cfgdata", files)
    assert read(image, "joliet") == ("cfgdata", {"short": b"s"})


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "", "."])
def test_files_stay_on_their_disc(path: str):
    with pytest.raises(ValueError, match="no path on a disc"):
        Disc("cfgdata", {path: b""}).image()


def test_many_files_fit():
    files = {f"key-{number}": str(number).encode() for number in range(500)}
    assert read(Disc("cfgdata", files).image()) == ("cfgdata", files)


def test_discs_are_written_for_their_owner_alone_and_in_whole_mebibytes(tmp_path: Path):
    places = GuestPlaces(tmp_path / "guest", tmp_path / "s", tmp_path / "d", tmp_path / "a")
    spec = guest({"cloudInitNoCloud": {"userData": "first"}})
    discs.write(spec, places)
    (image,) = images(spec, places).values()
    path = Path(image.path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    # As KubeVirt says in status.volumeStatus (reference kubevirt-vm.md 9.3: size).
    assert path.stat().st_size == 1 << 20
    discs.write(replace(spec, instance=guest({"cloudInitNoCloud": {"userData": "second"}}).instance), places)
    assert read(path.read_bytes())[1]["user-data"] == b"second"
    assert [file.name for file in path.parent.iterdir()] == [path.name]
