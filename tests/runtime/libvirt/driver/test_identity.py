"""Whose a domain is, and where its guest's files are: names that somebody chose lead nowhere else."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from solovirt.runtime.libvirt import identity
from solovirt.runtime.libvirt.identity import Identity
from solovirt.runtime.libvirt.places import Places, PlacesError, plain
from solovirt.runtime.protocol import GuestId, GuestSpec


def spec(id: str = "uid-1", name: str = "vm", namespace: str = "default", **firmware: str) -> GuestSpec:
    return GuestSpec(GuestId(id), namespace, name, "node", {"spec": {"domain": {"firmware": firmware}}})


@pytest.mark.parametrize("name", ["vm", "<&>\"'", "ünïcode", "a" * 253])
def test_a_stamped_domain_says_whose_it_is(name: str):
    mine = Identity("owner", GuestId("uid"), "default", name, "node")
    stamped = identity.stamp("<domain><name>x</name></domain>", mine)
    assert identity.read(stamped) == mine
    assert identity.read(identity.stamp(stamped, mine)) == mine
    assert stamped.count("owner=") == 1


def test_a_domain_without_the_whole_mark_is_somebody_elses():
    assert identity.read("<domain><name>x</name></domain>") is None
    partial = f"<guest xmlns='{identity.NAMESPACE}' owner='me' id='uid'/>"
    assert identity.read(partial) is None


def test_guests_of_the_same_name_have_domains_of_their_own():
    names = {identity.domain_name(spec(id=uid)) for uid in ("uid-1", "uid-2")}
    assert len(names) == 2
    assert all(name.startswith("default_vm_") for name in names)


@pytest.mark.parametrize("name", ["../../etc", "a/b", "a\nb", "x" * 300])
def test_a_domains_name_is_a_safe_file_name(name: str):
    made = identity.domain_name(spec(name=name))
    assert "/" not in made
    assert "\n" not in made
    assert len(made) < 200


def test_a_domains_uuid_is_the_firmwares_or_the_guests():
    given = "5d307ca9-b3ef-428c-8861-06e72d69f223"
    assert identity.domain_uuid(spec(uuid=given.upper())) == given
    assert identity.domain_uuid(spec(id=given)) == given
    assert identity.domain_uuid(spec(id="uid-1")) != identity.domain_uuid(spec(id="uid-2"))


@pytest.mark.parametrize("id", ["../../etc/passwd", "..", ".", "", "a/b", "a\0b", "x" * 200, "\ud800"])
def test_a_guests_files_are_in_its_own_directory(tmp_path, id: str):
    places = Places(tmp_path).of(id)
    assert places.directory.parent == tmp_path / "libvirt" / "guests"
    assert places.directory.name not in (".", "..", "")
    for path in places.sockets():
        assert path.parent == places.serial_socket.parent
        assert "\0" not in str(path)


def test_volumes_names_lead_nowhere_else(tmp_path):
    places = Places(tmp_path).of("uid")
    assert places.made_disk("../../x").parent == places.made
    assert plain("../../x") != "../../x"


@pytest.fixture
def short(monkeypatch) -> Iterator[Path]:
    """A directory with a short path, which is where run-time files are."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        monkeypatch.setenv("XDG_RUNTIME_DIR", directory)
        yield Path(directory)


def test_sockets_fit_into_their_addresses_however_deep_the_data_is(tmp_path, short):
    deep = tmp_path / ("d" * 120)
    places = Places(deep)
    places.prepare()
    socket = places.of("uid").serial_socket
    assert socket.is_relative_to(short)
    assert len(str(socket)) <= 107  # sockaddr_un.sun_path less its NUL
    assert socket == Places(deep).of("uid").serial_socket
    assert socket != Places(tmp_path / "other" / ("d" * 120)).of("uid").serial_socket
    assert Places(short / "data").of("uid").serial_socket.is_relative_to(short / "data")


def test_a_directory_of_somebody_elses_is_not_used(tmp_path, short):
    (tmp_path / "elsewhere").mkdir()
    (short / "solovirt").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PlacesError, match="belongs to somebody else"):
        Places(tmp_path / ("d" * 120)).prepare()


def test_what_is_removed_is_gone(tmp_path):
    places = Places(tmp_path)
    places.prepare()
    made = places.make("uid")
    made.console_log.write_text("x")
    made.serial_socket.write_text("x")
    assert places.known() == {"uid"}
    places.remove("uid")
    assert places.known() == set()
    assert not made.serial_socket.exists()
    places.remove("uid")
