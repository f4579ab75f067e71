"""A libvirt host as a node."""

from __future__ import annotations

import os
import platform
import re
import socket
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from solovirt.runtime.libvirt.capabilities import HostCapabilities
from solovirt.runtime.protocol import NodeInfo

MAX_GUESTS = 110
"""As a kubelet limits pods."""
_NOT_IN_NAMES = re.compile(r"[^a-z0-9.-]+")
_LABEL_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_LONGEST_NAME = 253


def node_name(hostname: str) -> str:
    """*hostname* as an object of Kubernetes may be called."""
    return _NOT_IN_NAMES.sub("-", hostname.lower())[:_LONGEST_NAME].strip("-.") or "node"


def is_local(uri: str) -> bool:
    """Whether *uri* names a libvirtd (or a driver) on this machine."""
    return not urlsplit(uri).hostname


def describe(name: str, host: HostCapabilities, uri: str) -> NodeInfo:
    """The node that stands for *host*; what libvirt does not tell of a remote one is left out."""
    local = is_local(uri)
    version = ".".join(map(str, host.hypervisor_version))
    guest = host.guest("q35") or host.guest("virt") or host.guest("s390-ccw-virtio")
    return NodeInfo(
        name=name,
        architecture=host.kubernetes_architecture,
        cpus=max(1, host.cpus),
        memory_bytes=host.memory_bytes,
        max_guests=MAX_GUESTS,
        address=_own_address() if local else _address_of(uri),
        kernel_version=platform.release() if local else "",
        os_image=_os_image() if local else "",
        runtime_version=f"libvirt://{version}",
        labels=_labels(host),
        cpu_models=None if guest is None else tuple(sorted(one.name for one in guest.cpu_models if one.usable)),
        host_model=None if guest is None else guest.host_model,
        hugepages=dict(host.hugepages),
        machine_id=host.uuid,
        devices={} if host.domain_type != "kvm" else None,
    )


def _labels(host: HostCapabilities) -> Mapping[str, str]:
    """What KubeVirt's node labeller says of a host (its names: `<what>.node.kubevirt.io/<which>`)."""
    out: dict[str, str] = {"kubevirt.io/hypervisor": host.domain_type}
    for machine in {guest.machine for guest in host.guests.values()}:
        out[f"machine-type.node.kubevirt.io/{machine}"] = "true"
    for guest in host.guests.values():
        for feature in guest.host_features:
            out[f"cpu-feature.node.kubevirt.io/{feature}"] = "true"
    if host.cpu_vendor:
        out[f"cpu-vendor.node.kubevirt.io/{host.cpu_vendor}"] = "true"
    return {key: value for key, value in out.items() if _LABEL_VALUE.fullmatch(key.rpartition("/")[2])}


def _own_address() -> str:
    """The address by which this machine reaches others; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1, which goes where everything else does
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


def _address_of(uri: str) -> str:
    host = urlsplit(uri).hostname or "127.0.0.1"
    try:
        return str(socket.getaddrinfo(host, None)[0][4][0])
    except OSError:
        return host


def _os_image() -> str:
    for path in (Path("/etc/os-release"), Path("/usr/lib/os-release")):
        try:
            lines = path.read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            if line.startswith("PRETTY_NAME="):
                return line.partition("=")[2].strip().strip("\"'")
    return os.uname().sysname


def away(node: NodeInfo, message: str) -> NodeInfo:
    return replace(node, ready=False, message=message)


def encode(node: NodeInfo) -> bytes:
    return orjson.dumps(asdict(node), option=orjson.OPT_NON_STR_KEYS)


def decode(data: bytes) -> NodeInfo:
    """Raises ValueError (TypeError) for what `encode` has not written."""
    raw = orjson.loads(data)
    raw["hugepages"] = {int(size): count for size, count in raw["hugepages"].items()}
    if raw["cpu_models"] is not None:
        raw["cpu_models"] = tuple(raw["cpu_models"])
    return NodeInfo(**raw)
