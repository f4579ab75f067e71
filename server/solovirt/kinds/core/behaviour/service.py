"""
Services: defaults, and the addresses and ports they are given (reference kubernetes-api.md 7).

Nothing routes to a cluster IP here, but clients show it, store it and expect it to stay: it is drawn once, unique among all services,
from the range that kubeadm uses. Which address is tried first follows from the service's name, so that a write that runs twice draws
the same.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterator, Sequence
from typing import Any

from solovirt.kinds.core import names
from solovirt.machinery.admission import Admission, Behaviour, LookUp
from solovirt.machinery.errors import (
    FieldError,
    duplicate,
    invalid,
    not_supported,
    required,
)
from solovirt.machinery.resource import Document

CLUSTER_RANGE = ipaddress.IPv4Network("10.96.0.0/12")
NODE_PORTS = range(30000, 32768)

# The lower end of the range is left to those who name their address, as Kubernetes does: min(max(16, size/16), 256).
_RESERVED = 256
_AFFINITY_SECONDS = 10800
_MAX_PORT = 65535
_EXTERNAL_NAME = "ExternalName"
_WITH_NODE_PORTS = ("NodePort", "LoadBalancer")
_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_PROTOCOLS = ("SCTP", "TCP", "UDP")


class ServiceBehaviour(Behaviour):
    """See the module."""

    needs_writer = True

    def mutate(self, obj: Document, old: Document | None, admission: Admission) -> None:
        if admission.subresource == "status":
            return
        spec = obj.setdefault("spec", {})
        _default(spec)
        if old is None:
            obj["status"] = {"loadBalancer": {}}
        else:
            _keep_allocated(spec, old.get("spec") or {})
        if spec["type"] == _EXTERNAL_NAME:
            return
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
        _allocate(obj, admission.lookup)

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        errors = _errors(obj["spec"])
        return errors or _allocation_errors(obj, None, admission.lookup)

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        spec, old_spec = obj["spec"], old.get("spec") or {}
        errors = []
        before, after = old_spec.get("clusterIP"), spec.get("clusterIP")
        if _EXTERNAL_NAME not in (spec["type"], old_spec.get("type")) and before and before != after:
            errors.append(invalid("spec.clusterIPs[0]", spec.get("clusterIPs"), "may not change once set"))
        errors += _errors(spec)
        return errors or _allocation_errors(obj, old, admission.lookup)


def _default(spec: dict[str, Any]) -> None:
    spec["type"] = spec.get("type") or "ClusterIP"
    spec["sessionAffinity"] = spec.get("sessionAffinity") or "None"
    if spec["sessionAffinity"] == "ClientIP":
        client = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        client.setdefault("timeoutSeconds", _AFFINITY_SECONDS)
    for port in spec.get("ports") or ():
        port["protocol"] = port.get("protocol") or "TCP"
        if port.get("targetPort") in (None, 0, ""):
            port["targetPort"] = port.get("port")
    if spec["type"] == _EXTERNAL_NAME:
        return
    spec["internalTrafficPolicy"] = spec.get("internalTrafficPolicy") or "Cluster"
    if spec["type"] in _WITH_NODE_PORTS:
        spec["externalTrafficPolicy"] = spec.get("externalTrafficPolicy") or "Cluster"
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    if spec.get("clusterIP") and not spec.get("clusterIPs"):
        spec["clusterIPs"] = [spec["clusterIP"]]
    elif spec.get("clusterIPs") and not spec.get("clusterIP"):
        spec["clusterIP"] = spec["clusterIPs"][0]


def _keep_allocated(spec: dict[str, Any], old: dict[str, Any]) -> None:
    """A client that leaves out what the server had drawn keeps it."""
    if _EXTERNAL_NAME in (spec["type"], old.get("type")):
        return
    if not spec.get("clusterIP"):
        for field in ("clusterIP", "clusterIPs"):
            if field in old:
                spec[field] = old[field]
    elif spec["clusterIP"] != old.get("clusterIP") and spec.get("clusterIPs") == old.get("clusterIPs"):
        # A client that knows the older field alone changed it there.
        spec["clusterIPs"] = [spec["clusterIP"], *(spec.get("clusterIPs") or ())[1:]]
    if spec["type"] in _WITH_NODE_PORTS and old.get("type") in _WITH_NODE_PORTS:
        drawn = {(port.get("port"), port.get("protocol")): port.get("nodePort") for port in old.get("ports") or ()}
        for port in spec.get("ports") or ():
            known = drawn.get((port.get("port"), port["protocol"]))
            if not port.get("nodePort") and known:
                port["nodePort"] = known


def _allocate(obj: Document, lookup: LookUp) -> None:
    spec = obj["spec"]
    needs_port = spec["type"] == "NodePort" or spec.get("allocateLoadBalancerNodePorts")
    portless = [port for port in spec.get("ports") or () if needs_port and not port.get("nodePort")]
    if spec.get("clusterIP") and not portless:
        return
    addresses, ports = _taken(lookup, except_for=None)
    seed = int.from_bytes(hashlib.blake2b(_identity(obj).encode(), digest_size=8).digest())
    if not spec.get("clusterIP"):
        free = _RESERVED + seed % (CLUSTER_RANGE.num_addresses - 1 - _RESERVED)
        while str(CLUSTER_RANGE[free]) in addresses:
            free = free + 1 if free + 2 < CLUSTER_RANGE.num_addresses else _RESERVED
        spec["clusterIP"] = str(CLUSTER_RANGE[free])
        spec["clusterIPs"] = [spec["clusterIP"]]
    ports |= {port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")}
    candidates = _from(seed, NODE_PORTS)
    for port in portless:
        number = next((one for one in candidates if one not in ports), None)
        if number is not None:
            port["nodePort"] = number


def _from(seed: int, numbers: range) -> Iterator[int]:
    """All of *numbers*, starting somewhere in the middle."""
    start = seed % len(numbers)
    yield from numbers[start:]
    yield from numbers[:start]


def _identity(obj: Document) -> str:
    metadata = obj["metadata"]
    return f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"


def _taken(lookup: LookUp, *, except_for: str | None) -> tuple[set[str], set[int]]:
    """Cluster IPs and node ports of all services but that of the identity *except_for*."""
    addresses: set[str] = set()
    ports: set[int] = set()
    for service in lookup.list(names.SERVICES):
        if _identity(service) == except_for:
            continue
        spec = service.get("spec") or {}
        addresses.update(spec.get("clusterIPs") or ())
        ports.update(port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort"))
    return addresses, ports


def _errors(spec: dict[str, Any]) -> list[FieldError]:
    errors = []
    if spec["type"] not in _TYPES:
        errors.append(not_supported("spec.type", spec["type"], _TYPES))
    if spec["sessionAffinity"] not in ("ClientIP", "None"):
        errors.append(not_supported("spec.sessionAffinity", spec["sessionAffinity"], ("ClientIP", "None")))
    if spec["type"] == _EXTERNAL_NAME:
        if not spec.get("externalName"):
            errors.append(required("spec.externalName"))
    elif not spec.get("ports") and spec.get("clusterIP") != "None":
        errors.append(required("spec.ports"))
    return errors + _port_errors(spec.get("ports") or [])


def _port_errors(ports: list[dict[str, Any]]) -> list[FieldError]:
    errors = []
    named: set[str] = set()
    used: set[tuple[Any, Any]] = set()
    for index, port in enumerate(ports):
        path = f"spec.ports[{index}]"
        name = port.get("name") or ""
        if not name and len(ports) > 1:
            errors.append(required(f"{path}.name"))
        elif name in named:
            errors.append(duplicate(f"{path}.name", name))
        elif name:
            named.add(name)
        if not 1 <= port.get("port", 0) <= _MAX_PORT:
            errors.append(invalid(f"{path}.port", port.get("port", 0), f"must be between 1 and {_MAX_PORT}, inclusive"))
        if port["protocol"] not in _PROTOCOLS:
            errors.append(not_supported(f"{path}.protocol", port["protocol"], _PROTOCOLS))
        target = port.get("targetPort")
        if isinstance(target, int) and not 1 <= target <= _MAX_PORT:
            errors.append(invalid(f"{path}.targetPort", target, f"must be between 1 and {_MAX_PORT}, inclusive"))
        key = (port["protocol"], port.get("port"))
        if key in used:
            errors.append(duplicate(path, {"protocol": key[0], "port": key[1]}))
        used.add(key)
    return errors


def _allocation_errors(obj: Document, old: Document | None, lookup: LookUp) -> list[FieldError]:
    """What is wrong with addresses and ports that the client chose. What it has already is right."""
    spec = obj["spec"]
    had = (old or {}).get("spec") or {}
    had_ports = {port.get("nodePort") for port in had.get("ports") or ()}
    address = spec.get("clusterIP")
    new_address = address if address not in (None, "", "None", had.get("clusterIP")) else None
    new_ports = {
        index: port["nodePort"]
        for index, port in enumerate(spec.get("ports") or ())
        if port.get("nodePort") and port["nodePort"] not in had_ports
    }
    if spec["type"] == _EXTERNAL_NAME or not (new_address or new_ports):
        return []
    addresses, ports = _taken(lookup, except_for=_identity(obj))
    errors = []
    if new_address is not None and (why := _address_error(new_address, addresses)) is not None:
        field, value, detail = why
        errors.append(invalid(field, value if value is not None else spec.get("clusterIPs"), detail))
    for index, number in new_ports.items():
        path = f"spec.ports[{index}].nodePort"
        if number not in NODE_PORTS:
            detail = (
                "provided port is not in the valid range. "
                f"The range of valid ports is {NODE_PORTS.start}-{NODE_PORTS.stop - 1}"
            )
            errors.append(invalid(path, number, detail))
        elif number in ports:
            errors.append(invalid(path, number, "provided port is already allocated"))
    return errors


def _address_error(address: str, taken: set[str]) -> tuple[str, str | None, str] | None:
    """Field, value (None: all of clusterIPs) and detail of what is wrong with a chosen address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "spec.clusterIPs[0]", address, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
    failed = f"failed to allocate IP {address}: "
    if parsed not in CLUSTER_RANGE:
        outside = f"the provided IP ({address}) is not in the valid range. The range of valid IPs is {CLUSTER_RANGE}"
        return "spec.clusterIPs", None, failed + outside
    if address in taken:
        return "spec.clusterIPs", None, failed + "provided IP is already allocated"
    return None
