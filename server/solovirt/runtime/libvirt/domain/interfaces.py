"""
Network interfaces.

The pod network of this runtime is QEMU's user-mode network: one for each guest, with address translation and a DHCP server, into which the
driver forwards ports. A Multus network is the bridge of that name on the host.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterator

from solovirt.runtime.libvirt.domain import topology
from solovirt.runtime.libvirt.domain.blueprint import Blueprint, Part, alias, pci_address
from solovirt.runtime.libvirt.domain.unsupported import Unsupported
from solovirt.runtime.libvirt.domain.xml import Xml, element
from solovirt.runtime.protocol import GuestId

# What Linux takes for the name of a network device, less what needs quoting somewhere.
_BRIDGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}")
_MAC = re.compile(r"[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){5}")
_REFUSED = {
    "sriov": "functions of the host's network cards are not passed through by the libvirt runtime",
    "passtBinding": "passt is not available with this version of libvirt",
    "binding": "network binding plugins need pods",
    "macvtap": "Macvtap network binding has been discontinued since v1.3",
    "passt": "Passt network binding has been discontinued since v1.3",
    "slirp": "Slirp interface support has been discontinued since v1.3",
}


def build(blueprint: Blueprint) -> Iterator[Xml]:
    """All that are not absent. Raises Unsupported for bindings and networks that there are none of here."""
    networks = {network["name"]: network for network in blueprint.instance.get("networks") or ()}
    for index, interface in enumerate(blueprint.devices.get("interfaces") or ()):
        if interface.get("state") == "absent":
            continue
        field = f"spec.domain.devices.interfaces[{index}]"
        yield _interface(blueprint, interface, networks.get(interface["name"]) or {}, field)


def mac(guest: GuestId, interface: Part) -> str:
    """The interface's MAC address: as asked for, else one that is this guest's own for ever."""
    if given := interface.get("macAddress"):
        return str(given).lower().replace("-", ":")
    digest = hashlib.sha256(f"{guest}/{interface['name']}".encode()).digest()
    # 02: locally administered, unicast.
    return ":".join(f"{byte:02x}" for byte in (0x02, *digest[:5]))


def _interface(blueprint: Blueprint, interface: Part, network: Part, field: str) -> Xml:
    for binding, why in _REFUSED.items():
        if interface.get(binding) is not None:
            raise Unsupported(f"{field}.{binding}", why)
    if interface.get("dhcpOptions") is not None:
        raise Unsupported(f"{field}.dhcpOptions", "the DHCP server of the user-mode network takes no options")
    if (given := interface.get("macAddress")) and _MAC.fullmatch(given) is None:
        raise Unsupported(f"{field}.macAddress", f"{given!r} is no MAC address")
    model = interface.get("model") or "virtio"
    kind, source = _connection(interface, network, field)
    boot_order = interface.get("bootOrder")
    return element(
        "interface",
        *source,
        element("mac", address=mac(blueprint.spec.id, interface)),
        element("model", type=blueprint.virtio_model if model == "virtio" else model),
        _driver(blueprint, model, kind, field),
        element("link", state="down") if interface.get("state") == "down" else None,
        element("boot", order=int(boot_order)) if boot_order else None,
        # Without a ROM the firmware does not try to boot from it.
        element("rom", enabled=False) if not boot_order and blueprint.architecture == "amd64" else None,
        element("acpi", index=int(interface["acpiIndex"])) if interface.get("acpiIndex") else None,
        pci_address(interface["pciAddress"], f"{field}.pciAddress") if interface.get("pciAddress") else None,
        alias(str(interface["name"]), f"{field}.name"),
        type=kind,
    )


def _connection(interface: Part, network: Part, field: str) -> tuple[str, list[Xml]]:
    """The type of the libvirt interface, and what says to what it is connected."""
    name = interface["name"]
    if (pod := network.get("pod")) is not None:
        return "user", list(_ranges(pod, field))
    if (multus := network.get("multus")) is not None and interface.get("masquerade") is None:
        bridge = str(multus.get("networkName") or "").rpartition("/")[2]
        if _BRIDGE.fullmatch(bridge) is None:
            raise Unsupported(f"{field}.bridge", f"{bridge!r} can't be the name of a bridge of the host")
        return "bridge", [element("source", bridge=bridge)]
    kind = next((key for key in network if key != "name"), "none")
    raise Unsupported(
        field, f"an interface can't be connected to the network {name!r}, which is of the kind {kind}, in this way"
    )


def _ranges(pod: Part, field: str) -> Iterator[Xml]:
    """The ranges of addresses inside the user-mode network, if they are not QEMU's."""
    for key, family in (("vmNetworkCIDR", "ipv4"), ("vmIPv6NetworkCIDR", "ipv6")):
        if text := pod.get(key):
            try:
                found = ipaddress.ip_network(text, strict=False)
            except ValueError as error:
                raise Unsupported(f"{field}.{key}", str(error)) from error
            yield element("ip", family=family, address=str(found.network_address), prefix=found.prefixlen)


def _driver(blueprint: Blueprint, model: str, connection: str, field: str) -> Xml | None:
    count = topology.of(blueprint).count
    if not blueprint.devices.get("networkInterfaceMultiqueue") or model != "virtio" or count == 1:
        return None
    if connection == "user":
        raise Unsupported(
            f"{field}.name", "the user-mode network has one queue only: networkInterfaceMultiqueue can't be had on it"
        )
    return element("driver", name="vhost", queues=count)
