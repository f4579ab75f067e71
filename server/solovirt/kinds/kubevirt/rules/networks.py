"""Rules on networks and interfaces (reference kubevirt-validation.md 5.2)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from solovirt.kinds.kubevirt import denial, feature_gates
from solovirt.kinds.kubevirt.cluster import STANDARD, Cluster
from solovirt.kinds.kubevirt.rules import claims, dns
from solovirt.machinery.errors import Cause

Spec = Mapping[str, Any]

BINDINGS = ("bridge", "masquerade", "sriov", "passtBinding", "slirp", "macvtap", "passt", "binding")
"""The fields of an interface of which exactly one says how it is connected."""
_IS_BINDING = frozenset(BINDINGS)
_HARDWARE = frozenset(("model", "macAddress", "pciAddress"))
_PLAIN_NETWORK = frozenset(("name", "pod"))
_INTERFACE_NAME = re.compile("[A-Za-z0-9-_]+")
_DISCONTINUED = {
    "slirp": "Slirp interface support has been discontinued since v1.3",
    "passt": "Passt network binding has been discontinued since v1.3",
    "macvtap": "Macvtap network binding has been discontinued since v1.3",
}
_SOURCES = ("pod", "multus", "resourceClaim")
_MODELS = ("e1000", "e1000e", "igb", "ne2k_pci", "pcnet", "rtl8139", "virtio")
_STATES = ("", "up", "down", "absent")
_BRIDGE_MAC = "02:00:00:00:00:00"
_MAC_BYTES = 6
_MOST_PORT = 65535
_MOST_PORT_RANGES = 10
_PRIVATE_OPTIONS = range(224, 255)
PCI_ADDRESS = re.compile(r"^([\da-fA-F]{4}):([\da-fA-F]{2}):([\da-fA-F]{2})\.([0-7])$")


def _interfaces(spec: Spec) -> Sequence[Spec]:
    return ((spec.get("domain") or {}).get("devices") or {}).get("interfaces") or ()


def _networks(spec: Spec) -> Sequence[Spec]:
    return spec.get("networks") or ()


def _default_network(network: Spec) -> bool:
    return network.get("pod") is not None or bool((network.get("multus") or {}).get("default"))


def _name(thing: Spec) -> str:
    return str(thing.get("name") or "")


def check(spec: Spec, path: str, *, cluster: Cluster = STANDARD) -> list[Cause]:
    """Rules 98 to 122 and 124, in their order."""
    networks = _networks(spec)
    causes: list[Cause] = []
    if len(networks) != 1 or not _is_plain(networks[0]):
        causes += _check_pod_networks(networks, path)
        causes += _check_sources(networks, path)
        causes += claims.check_networks(spec, path, cluster=cluster)
    by_name = {_name(network): network for network in networks}
    for index, interface in enumerate(_interfaces(spec)):
        field = f"{path}.domain.devices.interfaces[{index}]"
        if "state" in interface:
            causes += _check_state(interface, field, by_name)
        causes += _check_binding(interface, field, by_name, cluster)
    causes += _check_pairing(spec, path)
    for index, interface in enumerate(_interfaces(spec)):
        field = f"{path}.domain.devices.interfaces[{index}]"
        if not interface.keys().isdisjoint(_HARDWARE):
            causes += _check_hardware(interface, field)
        if "ports" in interface or "portRanges" in interface:
            causes += _check_ports(interface, field, by_name, cluster)
        if "dhcpOptions" in interface:
            causes += _check_dhcp(interface, field, path)
    return causes


def check_discontinued(spec: Spec, path: str) -> list[Cause]:
    """Rule 123: bindings that are gone. Objects that exist may keep them."""
    return [
        denial.invalid(f"{path}.domain.devices.interfaces[{index}].{binding}", text)
        for index, interface in enumerate(_interfaces(spec))
        if not interface.keys().isdisjoint(_DISCONTINUED)
        for binding, text in _DISCONTINUED.items()
        if interface.get(binding) is not None
    ]


def check_discontinued_gates(spec: Spec, *, cluster: Cluster = STANDARD) -> list[Cause]:
    """Rule 189: bindings that are gone, used where the gate that once opened them is still listed."""
    if not cluster.listed_gates:
        return []
    return [
        denial.not_supported(None, text)
        for gate, (binding, text) in feature_gates.DISCONTINUED_BINDINGS.items()
        if gate in cluster.listed_gates and any(one.get(binding) is not None for one in _interfaces(spec))
    ]


def _is_plain(network: Spec) -> bool:
    """Whether it is the pod network, as nearly every machine's only network is: alone it breaks no rule on networks."""
    return network.keys() <= _PLAIN_NETWORK and network.get("pod") is not None


def _check_pod_networks(networks: Sequence[Spec], path: str) -> Iterator[Cause]:
    pods = sum(network.get("pod") is not None for network in networks)
    multus_default = sum(bool((network.get("multus") or {}).get("default")) for network in networks)
    if pods > 1:
        field = f"{path}.interfaces"
        yield denial.duplicate(field, f"more than one interface is connected to a pod network in {field}")
    if multus_default > 1:
        yield denial.invalid(f"{path}.networks", "Multus CNI should only have one default network")
    if multus_default and pods:
        text = "Pod network cannot be defined when Multus default network is defined"
        yield denial.invalid(f"{path}.networks", text)


def _check_sources(networks: Sequence[Spec], path: str) -> Iterator[Cause]:
    for index, network in enumerate(networks):
        field = f"{path}.networks[{index}]"
        sources = [source for source in _SOURCES if network.get(source) is not None]
        if not sources:
            yield denial.required(field, "should have a network type")
        elif len(sources) > 1:
            yield denial.required(field, "should have only one network type")
        if (multus := network.get("multus")) is not None and not multus.get("networkName"):
            yield denial.required(field, "CNI delegating plugin must have a networkName")


def _check_state(interface: Spec, field: str, by_name: Mapping[str, Spec]) -> Iterator[Cause]:
    name, state = _name(interface), interface.get("state") or ""
    field = f"{field}.state"
    if state not in _STATES:
        yield denial.invalid(field, f"logical {name} interface state value is unsupported: {state}")
        return
    subject = f'"{name}" interface\'s state "{state}" is'
    if state in ("up", "down") and interface.get("sriov") is not None:
        yield denial.invalid(field, f"{subject} not supported for SR-IOV NICs")
    if state == "absent" and interface.get("bridge") is None:
        yield denial.invalid(field, f"{subject} supported only for bridge binding")
    if state == "absent" and _default_network(by_name.get(name, {})):
        yield denial.invalid(field, f"{subject} not supported on default networks")


def _check_binding(interface: Spec, field: str, by_name: Mapping[str, Spec], cluster: Cluster) -> Iterator[Cause]:
    name = _name(interface)
    network = by_name.get(name)
    if len([key for key in interface.keys() & _IS_BINDING if interface[key] is not None]) != 1:
        yield denial.invalid(field, f"logical {name} interface must have exactly one binding method or binding plugin")
    if interface.get("masquerade") is not None:
        if network is not None and network.get("pod") is None:
            yield denial.invalid(f"{field}.name", "Masquerade interface only implemented with pod network")
        if (interface.get("macAddress") or "").replace("-", ":") == _BRIDGE_MAC:
            text = "The requested MAC address is reserved for the in-pod bridge. Please choose another one."
            yield denial.invalid(f"{field}.macAddress", text)
    on_pod_network = network is not None and network.get("pod") is not None
    if interface.get("bridge") is not None and on_pod_network and not cluster.bridge_on_pod_network:
        text = "Bridge on pod network configuration is not enabled under kubevirt-config"
        yield denial.invalid(f"{field}.name", text)
    if interface.get("passtBinding") is not None:
        if not cluster.has("PasstBinding"):
            yield denial.invalid(f"{field}.name", "PasstBinding feature gate is not enabled")
        if network is not None and not on_pod_network:
            yield denial.invalid(f"{field}.name", "PasstBinding interface only implemented with pod network")


def _check_pairing(spec: Spec, path: str) -> Iterator[Cause]:
    """Rules 109 to 113: names are unique, and each network has its interface and the other way round."""
    networks = [_name(network) for network in _networks(spec)]
    interfaces = [_name(interface) for interface in _interfaces(spec)]
    if networks == interfaces and len(set(networks)) == len(networks) and all(map(_INTERFACE_NAME.fullmatch, networks)):
        # As most have it: one interface for each network, in the same order.
        return
    for index, name in enumerate(networks):
        field = f"{path}.networks[{index}].name"
        if name in networks[:index]:
            text = f'Network with name "{name}" already exists, every network must have a unique name'
            yield denial.duplicate(field, text)
    for index, name in enumerate(networks):
        if name not in interfaces:
            field = f"{path}.networks[{index}].name"
            yield denial.required(field, f"{field} '{name}' not found.")
    for index, name in enumerate(interfaces):
        field = f"{path}.domain.devices.interfaces[{index}].name"
        if name in interfaces[:index]:
            yield denial.duplicate(field, "Only one interface can be connected to one specific network")
        if name not in networks:
            yield denial.invalid(field, f"{field} '{name}' not found.")
        if not _INTERFACE_NAME.fullmatch(name):
            text = "Network interface name can only contain alphabetical characters, numbers, dashes (-) or underscores (_)"
            yield denial.invalid(field, text)


def mac_length(mac: str) -> int | None:
    """How many bytes *mac* has, written with colons, dashes or dots as Go's net.ParseMAC reads it; None if it is none."""
    if re.fullmatch(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5,19}|[0-9A-Fa-f]{2}(-[0-9A-Fa-f]{2}){5,19}", mac):
        count = (len(mac) + 1) // 3
    elif re.fullmatch(r"[0-9A-Fa-f]{4}(\.[0-9A-Fa-f]{4}){2,9}", mac):
        count = (len(mac) + 1) // 5 * 2
    else:
        return None
    return count if count in (6, 8, 20) else None


def _check_hardware(interface: Spec, field: str) -> Iterator[Cause]:
    """Rules 114 to 116."""
    name_path = f"{field}.name"
    if (model := interface.get("model")) and model not in _MODELS:
        text = f"interface {name_path} uses model {model} that is not supported."
        yield denial.not_supported(f"{field}.model", text)
    if mac := interface.get("macAddress"):
        length = mac_length(mac)
        if length is None:
            text = f"interface {name_path} has malformed MAC address ({mac})."
            yield denial.invalid(f"{field}.macAddress", text)
        elif length > _MAC_BYTES:
            text = f"interface {name_path} has too long MAC address ({mac})."
            yield denial.invalid(f"{field}.macAddress", text)
    if (address := interface.get("pciAddress")) and not PCI_ADDRESS.match(address):
        text = f"interface {name_path} has malformed PCI address ({address})."
        yield denial.invalid(f"{field}.pciAddress", text)


def _check_ports(interface: Spec, field: str, by_name: Mapping[str, Spec], cluster: Cluster) -> Iterator[Cause]:
    """Rules 117 to 120."""
    network = by_name.get(_name(interface))
    names: set[str] = set()
    for index, port in enumerate(interface.get("ports") or () if network and network.get("pod") is not None else ()):
        port_path = f"{field}.ports[{index}]"
        number = port.get("port") or 0
        if number == 0:
            yield denial.required(f"{port_path}.port", "Port field is mandatory.")
        elif not 0 < number <= _MOST_PORT:
            yield denial.invalid(f"{port_path}.port", "Port field must be in range 0 < x < 65536.")
        if port.get("protocol") not in (None, "", "TCP", "UDP"):
            yield denial.invalid(f"{port_path}.protocol", "Unknown protocol, only TCP or UDP allowed")
        if name := port.get("name"):
            if name in names:
                yield denial.duplicate(f"{port_path}.name", f"Duplicate name of the port: {name}")
            if not dns.is_port_name(name):
                yield denial.invalid(f"{port_path}.name", f"Invalid name of the port: {name}")
            names.add(name)
    ranges = interface.get("portRanges") or ()
    if not ranges:
        return
    if not cluster.has("PortRangesSpec"):
        text = "portRanges is specified on interface but the PortRangesSpec feature gate is not enabled"
        yield denial.invalid(f"{field}.name", text)
    if interface.get("ports"):
        yield denial.invalid(f"{field}.name", "Cannot define both ports and portRanges on interface")
    if interface.get("masquerade") is None:
        yield denial.invalid(f"{field}.name", "portRanges are only supported on masquerade interfaces")
    yield from _check_port_ranges(ranges, field)


def _check_port_ranges(ranges: Sequence[Spec], field: str) -> Iterator[Cause]:
    if len(ranges) > _MOST_PORT_RANGES:
        yield denial.invalid(f"{field}.portRanges", f"No more than {_MOST_PORT_RANGES} portRanges are allowed")
    seen: list[tuple[str, int, int]] = []
    for index, one in enumerate(ranges):
        path = f"{field}.portRanges[{index}]"
        start, end, protocol = one.get("start") or 0, one.get("end") or 0, one.get("protocol") or "TCP"
        if not 0 < start <= _MOST_PORT:
            yield denial.invalid(f"{path}.start", "Start must be a valid port number, 0 < x < 65536")
        if not 0 < end <= _MOST_PORT:
            yield denial.invalid(f"{path}.end", "End must be a valid port number, 0 < x < 65536")
        if start > end:
            yield denial.invalid(f"{path}.start", "Start must be less than or equal to end")
        for other, first, last in seen:
            if other == protocol and start <= last and first <= end:
                text = f"{protocol} portRanges [{first}-{last}] and [{start}-{end}] overlap"
                yield denial.invalid(path, text)
        seen.append((protocol, start, end))


def _check_dhcp(interface: Spec, field: str, path: str) -> Iterator[Cause]:
    """Rules 121 and 122."""
    options = interface.get("dhcpOptions") or {}
    private = [option.get("option") for option in options.get("privateOptions") or ()]
    if len(set(private)) != len(private):
        yield denial.invalid(path, "Found Duplicates: you have provided duplicate DHCPPrivateOptions")
    if any(option not in _PRIVATE_OPTIONS for option in private):
        text = "provided DHCPPrivateOptions are out of range, must be in range 224 to 254"
        yield denial.invalid(path, text)
    for index, server in enumerate(options.get("ntpServers") or ()):
        try:
            ipaddress.IPv4Address(server)
        except ValueError:
            text = "NTP servers must be a list of valid IPv4 addresses."
            yield denial.invalid(f"{field}.dhcpOptions.ntpServers[{index}]", text)
