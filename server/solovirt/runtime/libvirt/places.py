"""
Where a guest's files and sockets are.

    libvirt/guests/<guest>/     in the data directory: console.log, nvram.fd, and what is made for the guest (made/*.iso, made/*.qcow2)
    <sockets>/<digest>.…        serial, display and agent

A guest's directory is named by its id, or by a digest of it where the id is not a plain name, so that no id leads out of the directory. The path
of a Unix socket may have 107 bytes only, which a deep data directory uses up; then the sockets are in a directory of the user's own
for run-time files. Where everything is follows from the data directory and the id alone: a restarted server finds it again.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_LONGEST_SOCKET = 107
"""Bytes of sockaddr_un.sun_path, without the NUL that ends it."""
_DIGEST_LENGTH = 16
_LONGEST_NAME = _DIGEST_LENGTH + len("/.serial")


class PlacesError(Exception):
    """There is no place for sockets, or it belongs to somebody else; the text says which."""


def plain(name: str) -> str:
    """*name* if it is safe as the name of a file, else a digest of it."""
    return name if _PLAIN.fullmatch(name) else _digest(name)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_DIGEST_LENGTH]


@dataclass(frozen=True, slots=True)
class GuestPlaces:
    """The paths that belong to one guest. Nothing is there until `Places.make`."""

    directory: Path
    serial_socket: Path
    """The first serial port, served by QEMU to one client at a time."""
    display_socket: Path
    """VNC."""
    agent_socket: Path
    """The channel org.qemu.guest_agent.0, which libvirt itself connects to."""

    @property
    def console_log(self) -> Path:
        """Everything that the guest wrote to its serial port since it was last started."""
        return self.directory / "console.log"

    @property
    def nvram(self) -> Path:
        """UEFI's variables."""
        return self.directory / "nvram.fd"

    @property
    def tpm_state(self) -> Path:
        return self.directory / "tpm"

    @property
    def made(self) -> Path:
        """Holds the images that are made for this guest: overlays, empty disks, ISOs."""
        return self.directory / "made"

    def made_disk(self, volume: str, suffix: str = "qcow2") -> Path:
        """Where the image of *volume* goes; volumes' names are checked here once more, as they become paths."""
        return self.made / f"{plain(volume)}.{plain(suffix)}"

    def made_iso(self, volume: str) -> Path:
        return self.made_disk(volume, "iso")

    def sockets(self) -> tuple[Path, ...]:
        return (self.serial_socket, self.display_socket, self.agent_socket)


class Places:
    """The places of all guests of one control plane."""

    def __init__(self, data_dir: Path) -> None:
        self._user: int | None = None
        self._guests = data_dir.absolute() / "libvirt" / "guests"
        self._sockets = self._place_of_sockets(data_dir.absolute())

    @staticmethod
    def _place_of_sockets(data_dir: Path) -> Path:
        near = data_dir / "libvirt" / "sockets"
        if len(os.fsencode(near)) + 1 + _LONGEST_NAME <= _LONGEST_SOCKET:
            return near
        user = os.getuid()
        runtime = os.environ.get("XDG_RUNTIME_DIR") or ("/run" if user == 0 else "")
        # Sessions without a directory for such files share /tmp; `prepare` sees to it that nobody else owns what is used.
        base = Path(runtime) / "solovirt" if runtime else Path(f"/tmp/solovirt-{user}")  # noqa: S108
        return base / _digest(str(data_dir))

    def prepare(self) -> None:
        """Make the directories, for this user alone. Raises PlacesError."""
        # Each by itself: what `parents` makes is open to others.
        for directory in (self._guests.parent, self._guests, self._sockets.parent, self._sockets):
            try:
                directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            except OSError as error:
                raise PlacesError(f"{directory} can't be made: {error.strerror}") from error
        # Nobody else can have made what is in a directory of ours; the sockets' own may have been given to QEMU's user.
        found = self._sockets.parent.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
            raise PlacesError(f"{self._sockets.parent} belongs to somebody else, or others may write to it")
        if len(os.fsencode(self._sockets)) + 1 + _LONGEST_NAME > _LONGEST_SOCKET:
            raise PlacesError(f"{self._sockets} is too long a path for sockets; set XDG_RUNTIME_DIR to a short one")

    def let_through(self, user: int) -> None:
        """
        Let QEMU, which runs as *user*, go through our directories to the guests' files, which libvirt makes its own.

        Nobody else can list them. Nothing for a user who can go everywhere, or if it is not ours to decide.
        """
        if user in (0, os.getuid()) or os.getuid() != 0:
            return
        self._user = user
        for directory in (self._guests.parent.parent, self._guests.parent, self._guests):
            _let_through(directory)
        # QEMU itself makes the display's socket.
        os.chown(self._sockets, user, -1)
        _let_through(self._sockets)
        _let_through(self._sockets.parent)

    def let_through_to(self, path: Path) -> None:
        """The same for what a volume's disk is in, as far as that is below the data directory."""
        data_dir = self._guests.parent.parent
        if self._user is not None and path.is_relative_to(data_dir):
            for directory in path.relative_to(data_dir).parents:
                _let_through(data_dir / directory)

    def of(self, guest: str) -> GuestPlaces:
        """The places of the guest with this id."""
        digest = _digest(guest)
        return GuestPlaces(
            directory=self._guests / plain(guest),
            serial_socket=self._sockets / f"{digest}.serial",
            display_socket=self._sockets / f"{digest}.vnc",
            agent_socket=self._sockets / f"{digest}.agent",
        )

    def make(self, guest: str) -> GuestPlaces:
        """The places of a guest that is about to be defined, with its directories there."""
        places = self.of(guest)
        places.made.mkdir(parents=True, exist_ok=True, mode=0o700)
        for directory in (places.directory, places.made):
            directory.chmod(0o700 if self._user is None else 0o711)
        return places

    def remove(self, guest: str) -> None:
        """Delete everything of a guest that is gone. Nothing if there is nothing."""
        places = self.of(guest)
        shutil.rmtree(places.directory, ignore_errors=True)
        for socket in places.sockets():
            socket.unlink(missing_ok=True)

    def known(self) -> set[str]:
        """The names (`plain` of the ids) of guests that have a directory."""
        return {entry.name for entry in self._guests.iterdir()} if self._guests.is_dir() else set()


def _let_through(directory: Path) -> None:
    mode = stat.S_IMODE(directory.stat().st_mode)
    if mode & 0o111 != 0o111:
        directory.chmod(mode | 0o111)
