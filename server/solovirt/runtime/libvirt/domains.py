"""
Calls on domains, as functions of a connection: what `Host.call` runs in its threads.

Each finds its domain by UUID, does one thing, and raises libvirt's error if that can't be done.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

import libvirt

from solovirt.runtime.libvirt import identity, states
from solovirt.runtime.libvirt.identity import Identity
from solovirt.runtime.libvirt.states import Seen
from solovirt.runtime.protocol import GuestState

_EVERYTHING_KEPT = (
    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
)


class Taken(Exception):
    """There is a domain with this UUID or name, and it is somebody else's."""


@dataclass(frozen=True, slots=True)
class Found:
    """One domain of a host."""

    uuid: str
    name: str
    seen: Seen
    identity: Identity | None
    """None: it is none of Solovirt's."""


def find_all(connection: Any) -> list[Found]:
    """Every domain, running or not."""
    out = []
    for domain in connection.listAllDomains():
        # One that goes away meanwhile is none.
        with contextlib.suppress(libvirt.libvirtError):
            uuid, name = domain.UUIDString(), domain.name()
            out.append(Found(uuid, name, _seen(domain), _identity(domain)))
    return out


def states_of_all(connection: Any) -> dict[str, Seen]:
    """What every domain does, by UUID, in one request."""
    stats = connection.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_STATE)
    return {
        domain.UUIDString(): states.read(values.get("state.state", 0), values.get("state.reason", 0))
        for domain, values in stats
    }


def _seen(domain: Any) -> Seen:
    state, reason = domain.state()
    return states.read(state, reason)


def _identity(domain: Any) -> Identity | None:
    try:
        text = domain.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, identity.NAMESPACE)
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN_METADATA:
            raise
        return None
    return identity.read(text)


def look(connection: Any, uuid: str) -> Seen | None:
    """What the domain does; None if there is none."""
    domain = _find(connection, uuid)
    return None if domain is None else _seen(domain)


def _find(connection: Any, uuid: str) -> Any:
    try:
        return connection.lookupByUUIDString(uuid)
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
            raise
        return None


def define(connection: Any, xml: str, uuid: str, owner: Identity) -> str:
    """
    Define a domain and return its XML as libvirt completed it.

    libvirt would let a definition replace one with the same UUID: raises Taken if that is somebody else's.
    """
    present = _find(connection, uuid)
    if present is not None and _identity(present) != owner:
        raise Taken(f"a domain with the UUID {uuid} exists already: {present.name()}")
    domain = connection.defineXML(xml)
    return str(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))


def describe(connection: Any, uuid: str) -> str:
    """The XML of the domain as it is now."""
    return str(connection.lookupByUUIDString(uuid).XMLDesc(0))


def boot(connection: Any, uuid: str, *, paused: bool) -> Seen:
    """Start it, unless it runs, and say how it fares."""
    domain = connection.lookupByUUIDString(uuid)
    try:
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED if paused else 0)
    except libvirt.libvirtError:
        if not domain.isActive():
            raise
    return _seen(domain)


def shut_down(connection: Any, uuid: str) -> None:
    """Press the power button. Who is inside may not care."""
    connection.lookupByUUIDString(uuid).shutdown()


def destroy(connection: Any, uuid: str) -> None:
    """Pull the plug. Nothing if it is off or not there."""
    domain = _find(connection, uuid)
    if domain is None:
        return
    try:
        domain.destroy()
    except libvirt.libvirtError:
        if _find(connection, uuid) is not None and domain.isActive():
            raise


def remove(connection: Any, uuid: str) -> None:
    """Destroy and undefine, with everything that libvirt keeps of it. Nothing if it is not there."""
    domain = _find(connection, uuid)
    if domain is None:
        return
    destroy(connection, uuid)
    try:
        _undefine(domain)
    except libvirt.libvirtError as error:
        # Somebody else may have been quicker.
        if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
            raise


def _undefine(domain: Any) -> None:
    try:
        domain.undefineFlags(_EVERYTHING_KEPT)
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_INVALID_ARG:
            raise
        # Drivers refuse flags for what they never keep.
        domain.undefine()


def pause(connection: Any, uuid: str) -> Seen:
    domain = connection.lookupByUUIDString(uuid)
    if _seen(domain).state is not GuestState.PAUSED:
        domain.suspend()
    return _seen(domain)


def resume(connection: Any, uuid: str) -> Seen:
    domain = connection.lookupByUUIDString(uuid)
    if _seen(domain).state is GuestState.PAUSED:
        domain.resume()
    return _seen(domain)


def reset(connection: Any, uuid: str) -> None:
    connection.lookupByUUIDString(uuid).reset()


def reboot(connection: Any, uuid: str, *, agent: bool) -> None:
    """Through the agent where one answers, else by the power button, after which libvirt resets the machine that went off."""
    flags = libvirt.VIR_DOMAIN_REBOOT_GUEST_AGENT if agent else 0
    connection.lookupByUUIDString(uuid).reboot(flags)


def screenshot(connection: Any, uuid: str) -> tuple[str, bytes]:
    """The type and the bytes of a picture of the first display."""
    stream = connection.newStream()
    kind = str(connection.lookupByUUIDString(uuid).screenshot(stream, 0))
    picture = bytearray()
    stream.recvAll(lambda _stream, data, _opaque: picture.extend(data), None)
    stream.finish()
    return kind, bytes(picture)


def monitor(connection: Any, uuid: str, command: str) -> str:
    """The answer of QEMU's human monitor."""
    import libvirt_qemu

    domain = connection.lookupByUUIDString(uuid)
    return str(libvirt_qemu.qemuMonitorCommand(domain, command, libvirt_qemu.VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP))


def agent(connection: Any, uuid: str, command: str, seconds: int) -> str:
    """The agent's answer, which is JSON, to *command*, which is, too."""
    import libvirt_qemu

    return str(libvirt_qemu.qemuAgentCommand(connection.lookupByUUIDString(uuid), command, seconds, 0))
