"""
The serial console of a simulated guest: a login prompt, and a shell that knows a few commands.

Everybody may log in with whatever password. What the shell says follows from the guest; `poweroff`, `reboot` and a provoked panic are
wishes that come true.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import Enum, StrEnum, auto
from typing import TYPE_CHECKING

from solovirt.runtime.fake.line import Line

if TYPE_CHECKING:
    from solovirt.runtime.fake.life import Life

_LONGEST_LINE = 4096
_BACKSPACE, _INTERRUPT, _END_OF_FILE, _KILL, _ESCAPE = "\x7f\b", "\x03", "\x04", "\x15", "\x1b"
_NOT_FOUND, _FAILED = 127, 1
_PANIC = "c > /proc/sysrq-trigger"


class Wish(StrEnum):
    """What a user in the guest may want of the machine."""

    POWER_OFF = "power off"
    REBOOT = "reboot"
    PANIC = "panic"


class _Mode(Enum):
    NAME = auto()
    PASSWORD = auto()
    SHELL = auto()


def run(life: Life, now: datetime, command: str, *, user: str = "root") -> tuple[int, str, Wish | None]:
    """Run *command* in the guest: its exit code, its output, and what it wants of the machine."""
    words = command.split()
    if not words:
        return 0, "", None
    name, arguments = words[0].rpartition("/")[2], words[1:]
    wishes = {
        "poweroff": Wish.POWER_OFF,
        "halt": Wish.POWER_OFF,
        "shutdown": Wish.POWER_OFF,
        "reboot": Wish.REBOOT,
    }
    if name in wishes:
        return 0, "", Wish.REBOOT if name == "shutdown" and "-r" in arguments else wishes[name]
    if name == "echo" and " ".join(arguments) == _PANIC:
        return 0, "", Wish.PANIC
    code, output = _Programs(life, now, user).run(name, arguments)
    return code, output, None


class Console(Line):
    """A terminal on the first serial port. *grant* carries out wishes; *clock* is the control plane's."""

    def __init__(self, life: Life, clock: Callable[[], datetime], grant: Callable[[Wish], Awaitable[None]]) -> None:
        super().__init__()
        self._life = life
        self._clock = clock
        self._grant = grant
        self._mode = _Mode.NAME
        self._user = ""
        self._typed = ""
        self._in_escape = False
        self._greet()

    async def received(self, data: bytes) -> None:
        for character in data.decode(errors="replace"):
            wish = self._type(character)
            if wish is not None:
                self._forget_user()
                await self._grant(wish)

    def changed(self, life: Life, now: datetime) -> None:
        began_anew, self._life = life.starts != self._life.starts, life
        if began_anew:
            self._forget_user()
            self._greet()

    # -- typing

    def _type(self, character: str) -> Wish | None:
        if self._in_escape:
            # Arrow keys and their like: a sequence ends with a letter or a tilde.
            self._in_escape = not (character.isalpha() or character == "~")
            return None
        if character == _ESCAPE:
            self._in_escape = True
        elif character in "\r\n":
            return self._enter()
        elif character in _BACKSPACE:
            self._rub_out()
        elif character in (_INTERRUPT, _KILL):
            self._typed = ""
            self._tell("^C\n" if character == _INTERRUPT else "\n")
            self._prompt()
        elif character == _END_OF_FILE:
            self._end_of_file()
        elif character.isprintable() and len(self._typed) < _LONGEST_LINE:
            self._typed += character
            self._echo(character)
        return None

    def _rub_out(self) -> None:
        if self._typed:
            self._typed = self._typed[:-1]
            self._echo("\b \b")

    def _end_of_file(self) -> None:
        if not self._typed and self._mode is _Mode.SHELL:
            self._tell("logout\n\n")
            self._log_out()

    def _enter(self) -> Wish | None:
        line, self._typed = self._typed.strip(), ""
        self._tell("\n")
        wish = None
        if self._mode is _Mode.NAME:
            if line:
                self._user, self._mode = line, _Mode.PASSWORD
        elif self._mode is _Mode.PASSWORD:
            self._mode = _Mode.SHELL
            self._tell(f"Welcome to {_SYSTEM}: nothing here is real.\n")
        elif line in ("exit", "logout"):
            self._log_out()
            return None
        else:
            _, output, wish = run(self._life, self._clock(), line, user=self._user)
            self._tell(output)
        if wish is None:
            self._prompt()
        return wish

    def _log_out(self) -> None:
        self._forget_user()
        self._prompt()

    def _forget_user(self) -> None:
        self._user, self._typed, self._mode = "", "", _Mode.NAME

    def _greet(self) -> None:
        self._tell(f"\n{_SYSTEM} {self._life.hostname} ttyS0\n\n")
        self._prompt()

    def _prompt(self) -> None:
        if self._mode is _Mode.NAME:
            self._tell(f"{self._life.hostname} login: ")
        elif self._mode is _Mode.PASSWORD:
            self._tell("Password: ")
        else:
            self._tell(f"{self._user}@{self._life.hostname}:~{'#' if self._user == 'root' else '$'} ")

    def _echo(self, text: str) -> None:
        if self._mode is not _Mode.PASSWORD:
            self._tell(text)

    def _tell(self, text: str) -> None:
        self.say(text.replace("\n", "\r\n").encode())


_SYSTEM = "Solovirt Simulated Linux 1"


class _Programs:
    """What can be run in a guest by *user*. Each gives what it prints, or None if it fails for want of a file."""

    def __init__(self, life: Life, now: datetime, user: str) -> None:
        self._life = life
        self._now = now
        self._user = user

    def run(self, name: str, arguments: list[str]) -> tuple[int, str]:
        """Exit code and output."""
        program: Callable[[list[str]], str | None] | None = getattr(self, f"do_{name}", None)
        if program is None:
            return _NOT_FOUND, f"{name}: command not found\n"
        output = program(arguments)
        if output is None:
            return _FAILED, f"{name}: can't open '{' '.join(arguments)}': No such file or directory\n"
        return 0, output

    def do_cat(self, arguments: list[str]) -> str | None:
        about = self._life.about()
        files = {
            "/etc/hostname": f"{self._life.hostname}\n",
            "/etc/os-release": f'ID={about.os_id}\nNAME="{about.os_name}"\nPRETTY_NAME="{about.os_pretty_name}"\n'
            f'VERSION="{about.os_version}"\nVERSION_ID="{about.os_version_id}"\n',
            "/proc/uptime": f"{self._life.uptime(self._now):.2f} 0.00\n",
        }
        found = [files.get(one) for one in arguments]
        return None if not found or None in found else "".join(one for one in found if one)

    def do_date(self, arguments: list[str]) -> str:
        return f"{self._now:%a %b %e %H:%M:%S UTC %Y}\n"

    def do_echo(self, arguments: list[str]) -> str:
        return f"{' '.join(arguments)}\n"

    def do_help(self, arguments: list[str]) -> str:
        names = [name.removeprefix("do_") for name in dir(self) if name.startswith("do_")]
        return f"{' '.join(sorted([*names, 'exit', 'poweroff', 'reboot']))}\n"

    def do_hostname(self, arguments: list[str]) -> str:
        return f"{self._life.hostname}\n"

    def do_id(self, arguments: list[str]) -> str:
        number = 0 if self._user == "root" else 1000
        return f"uid={number}({self._user}) gid={number}({self._user})\n"

    def do_ip(self, arguments: list[str]) -> str:
        lines = ["1: lo: <LOOPBACK,UP>", "    inet 127.0.0.1/8 scope host lo"]
        for number, nic in enumerate(self._life.nics):
            lines += [f"{number + 2}: eth{number}: <BROADCAST,MULTICAST,UP>", f"    link/ether {nic.mac}"]
            for address in nic.addresses:
                lines.append(f"    inet{'6' if ':' in address else ''} {address} scope global eth{number}")
        return "\n".join(lines) + "\n"

    def do_ls(self, arguments: list[str]) -> str:
        return ""

    def do_pwd(self, arguments: list[str]) -> str:
        return "/root\n" if self._user == "root" else f"/home/{self._user}\n"

    def do_true(self, arguments: list[str]) -> str:
        return ""

    def do_uname(self, arguments: list[str]) -> str:
        about = self._life.about()
        known = {
            "-s": "Linux",
            "-n": self._life.hostname,
            "-r": about.kernel_release,
            "-v": about.kernel_version,
            "-m": about.machine,
        }
        if "-a" in arguments:
            return f"{' '.join(known.values())} GNU/Linux\n"
        return f"{' '.join(known[one] for one in arguments or ['-s'] if one in known)}\n"

    def do_uptime(self, arguments: list[str]) -> str:
        minutes, seconds = divmod(int(self._life.uptime(self._now)), 60)
        return f" {self._now:%H:%M:%S} up {minutes} min {seconds} s,  1 user,  load average: 0.00, 0.00, 0.00\n"

    def do_whoami(self, arguments: list[str]) -> str:
        return f"{self._user}\n"
