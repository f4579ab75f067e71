"""What the agent in a simulated guest answers: the commands of QEMU's guest agent that KubeVirt uses."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from solovirt.runtime.fake import shell
from solovirt.runtime.protocol import GuestError

if TYPE_CHECKING:
    from solovirt.runtime.fake.life import Life

FREEZE, THAW = "guest-fsfreeze-freeze", "guest-fsfreeze-thaw"
FILE_SYSTEMS = ("/",)
"""Where they are mounted."""
_DISK_BYTES, _USED_BYTES = 10 << 30, 1 << 30


_CHANGING = (FREEZE, THAW)
_UNCHANGED = ("guest-set-user-password", "guest-ssh-add-authorized-keys", "guest-ssh-remove-authorized-keys")
"""Commands that succeed and that nobody sees anything of."""


def answer(life: Life, now: datetime, command: str, arguments: Mapping[str, Any]) -> Any:
    """What it returns for *command*, of those that change nothing. Raises GuestError for one that it does not know."""
    if command in _UNCHANGED:
        return {}
    if command not in _COMMANDS:
        raise GuestError(f"The command {command} has not been found")
    tell: Callable[[Mapping[str, Any]], Any] = getattr(_Agent(life, now), _method(command))
    return tell(arguments)


def _method(command: str) -> str:
    return command.removeprefix("guest-").replace("-", "_")


class _Agent:
    """The agent of the guest *life*: a method for each command."""

    def __init__(self, life: Life, now: datetime) -> None:
        self._life = life
        self._now = now

    def ping(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    def sync(self, arguments: Mapping[str, Any]) -> Any:
        return arguments.get("id")

    def info(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        names = sorted([*_COMMANDS, *_CHANGING, *_UNCHANGED])
        commands = [{"name": name, "enabled": True, "success-response": True} for name in names]
        return {"version": self._life.about().version, "supported_commands": commands}

    def get_osinfo(self, arguments: Mapping[str, Any]) -> dict[str, str]:
        about = self._life.about()
        return {
            "id": about.os_id,
            "name": about.os_name,
            "pretty-name": about.os_pretty_name,
            "version": about.os_version,
            "version-id": about.os_version_id,
            "kernel-release": about.kernel_release,
            "kernel-version": about.kernel_version,
            "machine": about.machine,
        }

    def get_host_name(self, arguments: Mapping[str, Any]) -> dict[str, str]:
        return {"host-name": self._life.hostname}

    def get_time(self, arguments: Mapping[str, Any]) -> int:
        return int(self._now.timestamp()) * 1_000_000_000

    def get_timezone(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return {"zone": "UTC", "offset": 0}

    def get_users(self, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        logged_in = self._now.timestamp() - self._life.uptime(self._now)
        return [{"user": "root", "login-time": round(logged_in, 6)}]

    def get_fsinfo(self, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [
            {
                "name": "vda1",
                "mountpoint": mount,
                "type": "ext4",
                "used-bytes": _USED_BYTES,
                "total-bytes": _DISK_BYTES,
                "disk": [{"bus-type": "virtio", "serial": "", "dev": "/dev/vda1"}],
            }
            for mount in FILE_SYSTEMS
        ]

    def fsfreeze_status(self, arguments: Mapping[str, Any]) -> str:
        return "frozen" if self._life.is_frozen else "thawed"

    def network_get_interfaces(self, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [
            {
                "name": f"eth{number}",
                "hardware-address": nic.mac,
                "ip-addresses": [
                    {"ip-address": address, "ip-address-type": "ipv6" if ":" in address else "ipv4", "prefix": 24}
                    for address in nic.addresses
                ],
            }
            for number, nic in enumerate(self._life.nics)
        ]

    def exec(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Run at once; the number that it gets is what it said, so that nobody has to remember it."""
        command = " ".join([str(arguments.get("path") or ""), *(str(one) for one in arguments.get("arg") or ())])
        code, output, _ = shell.run(self._life, self._now, command)
        return {"pid": int.from_bytes(_MARK + f"{code}:{output}".encode(), "big")}

    def exec_status(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        number = int(arguments.get("pid") or 0)
        packed = number.to_bytes((number.bit_length() + 7) // 8, "big")
        code, separator, output = packed[len(_MARK) :].partition(b":")
        if not packed.startswith(_MARK) or not separator or not code.isdigit():
            raise GuestError(f"PID {number} does not exist")
        return {"exited": True, "exitcode": int(code), "out-data": base64.b64encode(output).decode()}


_MARK = b"\1"
_COMMANDS = tuple(f"guest-{name.replace('_', '-')}" for name in vars(_Agent) if not name.startswith("_"))
