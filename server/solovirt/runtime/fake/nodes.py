"""The simulated machines, and the addresses that they hand out."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from solovirt.runtime.fake.life import Nic
from solovirt.runtime.fake.scenario import Script
from solovirt.runtime.protocol import GuestId, NodeInfo

_CPUS = 64
_MEMORY_BYTES = 256 << 30
MAX_GUESTS = 110
"""As a kubelet limits pods."""
_GUEST_NETWORK = ipaddress.IPv4Address("10.244.0.0")
_NODE_NETWORK = ipaddress.IPv4Address("192.168.66.100")
_ADDRESSES_PER_NODE = 256
_MACHINE_TYPES = {"q35": "pc-q35-rhel9.6.0", "virt": "virt-rhel9.6.0", "s390-ccw-virtio": "s390-ccw-virtio-rhel9.6.0"}


def simulated(count: int, *, guests: int = MAX_GUESTS) -> tuple[NodeInfo, ...]:
    """*count* nodes, called node01, node02 and so on, with room for so many *guests* each."""
    size = max(1, -(-guests // MAX_GUESTS))
    return tuple(
        NodeInfo(
            name=f"node{number:02}",
            cpus=_CPUS * size,
            memory_bytes=_MEMORY_BYTES * size,
            max_guests=guests,
            address=str(_NODE_NETWORK + number),
            kernel_version="6.12.0",
            os_image="Solovirt Simulated Linux 1",
            runtime_version="fake://1",
        )
        for number in range(1, count + 1)
    )


def address(node: int, slot: int, *, guests: int = MAX_GUESTS) -> str:
    """The pod address of the guest in *slot* (from 1) of the *node*th node: 10.244.<node>.<slot>, unless there are more *guests* to a node."""
    width = max(_ADDRESSES_PER_NODE, 1 << (guests + 1).bit_length())
    return str(_GUEST_NETWORK + node * width + slot)


def nics(guest: GuestId, spec: Mapping[str, Any], script: Script, pod_address: str) -> tuple[Nic, ...]:
    """The interfaces of a guest with the instance spec *spec*: as asked for, else a MAC that is the guest's own for ever."""
    interfaces: Sequence[Mapping[str, Any]] = (spec.get("domain", {}).get("devices") or {}).get("interfaces") or ()
    pod_networks = {one["name"] for one in spec.get("networks") or () if one.get("pod") is not None}
    return tuple(
        Nic(
            interface["name"],
            (interface.get("macAddress") or _mac(guest, interface["name"])).lower().replace("-", ":"),
            (script.addresses or (pod_address,)) if interface["name"] in pod_networks else (),
            interface.get("state") != "down",
        )
        for interface in interfaces
        if interface.get("state") != "absent"
    )


def _mac(guest: GuestId, interface: str) -> str:
    digest = hashlib.sha256(f"{guest}/{interface}".encode()).digest()
    # 02: locally administered, unicast.
    return ":".join(f"{byte:02x}" for byte in (0x02, *digest[:5]))


def machine_type(spec: Mapping[str, Any]) -> str:
    """The machine that an alias stands for, as libvirt resolves it."""
    asked: str = (spec.get("domain", {}).get("machine") or {}).get("type") or "q35"
    return _MACHINE_TYPES.get(asked, asked)


def has_serial(spec: Mapping[str, Any]) -> bool:
    """Whether a guest with the instance spec *spec* has a serial port."""
    return (spec.get("domain", {}).get("devices") or {}).get("autoattachSerialConsole") is not False


def has_display(spec: Mapping[str, Any]) -> bool:
    """Whether it has a graphics card."""
    return (spec.get("domain", {}).get("devices") or {}).get("autoattachGraphicsDevice") is not False
