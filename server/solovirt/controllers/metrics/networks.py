"""Network interfaces in metrics' words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_CORE_BINDINGS = ("masquerade", "bridge", "sriov")


def interfaces(spec: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str, str]]:
    """Name, type of binding, network, binding and model of each interface of an instance's spec whose network is there."""
    networks = {network["name"]: network for network in spec.get("networks") or ()}
    for interface in ((spec.get("domain") or {}).get("devices") or {}).get("interfaces") or ():
        network = networks.get(interface["name"])
        if network is None:
            continue
        if network.get("pod") is not None:
            called = "pod networking"
        elif network.get("multus") is not None:
            called = network["multus"]["networkName"]
        else:
            continue
        kind, binding = _binding(interface)
        yield interface["name"], kind, called, binding, interface.get("model") or "<none>"


def _binding(interface: Mapping[str, Any]) -> tuple[str, str]:
    for binding in _CORE_BINDINGS:
        if interface.get(binding) is not None:
            return "core", binding
    if interface.get("binding") is not None:
        return "plugin", interface["binding"]["name"]
    return "", ""
