"""
What the agent in a guest says of itself, its system and its network.

The answers come from inside the guest, from whoever is root there: they are read as data, bounded in size, and never trusted to be complete.
Commands: https://qemu-project.gitlab.io/qemu/interop/qemu-ga-ref.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from solovirt.runtime.libvirt.record import Nic
from solovirt.runtime.protocol import AgentInfo, GuestError, GuestInterface

_LONGEST = 256
_MOST = 64
"""Interfaces, and addresses of each, that are taken note of."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a connected agent has said."""

    info: AgentInfo
    interfaces: Sequence[Mapping[str, Any]] = ()


def command(name: str, arguments: Mapping[str, Any] | None = None) -> str:
    """A command in the agent's language."""
    out: dict[str, Any] = {"execute": name}
    if arguments:
        out["arguments"] = dict(arguments)
    return orjson.dumps(out).decode()


def result(answer: str) -> Any:
    """What an answer returns. Raises GuestError if it is none."""
    try:
        decoded = orjson.loads(answer)
        if "error" in decoded:
            raise GuestError(f"the guest agent refused: {_text(decoded['error'].get('desc'))}")
        return decoded["return"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise GuestError("the guest agent's answer can't be understood") from error


def read_info(system: Any, agent: Any, hostname: Any) -> AgentInfo:
    """From the answers to guest-get-osinfo, guest-info and guest-get-host-name; {} for those that were not given."""
    system = system if isinstance(system, dict) else {}
    agent = agent if isinstance(agent, dict) else {}
    hostname = hostname if isinstance(hostname, dict) else {}
    return AgentInfo(
        os_name=_text(system.get("name")),
        os_version=_text(system.get("version")),
        os_version_id=_text(system.get("version-id")),
        os_pretty_name=_text(system.get("pretty-name")),
        os_id=_text(system.get("id")),
        kernel_release=_text(system.get("kernel-release")),
        kernel_version=_text(system.get("kernel-version")),
        machine=_text(system.get("machine")),
        hostname=_text(hostname.get("host-name")),
        version=_text(agent.get("version")),
    )


def read_interfaces(answer: Any) -> tuple[Mapping[str, Any], ...]:
    """The entries of guest-network-get-interfaces that are what they should be."""
    listed = answer if isinstance(answer, list) else []
    return tuple(one for one in listed[:_MOST] if isinstance(one, dict))


def interfaces(nics: Sequence[Nic], told: Sequence[Mapping[str, Any]]) -> tuple[GuestInterface, ...]:
    """The domain's interfaces with what the agent says of each, found by the MAC address."""
    by_mac = {_text(one.get("hardware-address")).lower(): one for one in told}
    out = []
    for nic in nics:
        found = by_mac.get(nic.mac)
        addresses = _addresses(found) if found is not None else ()
        name = _text(found.get("name")) if found is not None else ""
        out.append(GuestInterface(nic.name, nic.mac, addresses, name))
    return tuple(out)


def _addresses(interface: Mapping[str, Any]) -> tuple[str, ...]:
    listed = interface.get("ip-addresses")
    out = []
    for one in listed[:_MOST] if isinstance(listed, list) else ():
        address = _text(one.get("ip-address")) if isinstance(one, dict) else ""
        # Link-local ones mean nothing outside.
        if address and not address.lower().startswith("fe80:"):
            out.append(address)
    # IPv4 first: the first one is what status shows as the address.
    return tuple(sorted(out, key=lambda address: ":" in address))


def _text(value: Any) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""
