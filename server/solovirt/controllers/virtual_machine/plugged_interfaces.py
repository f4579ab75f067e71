"""
Network interfaces that a VirtualMachine's running instance is given and relieved of (reference kubevirt-vm.md 8).

New bridge and SR-IOV interfaces go to the instance, and so do states (up, down, absent) and, if it can migrate, other names of Multus networks. What is
absent is taken from the instance's spec when its guest has it no more, and from the template after that.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from solovirt.controllers.virtual_machine import printable_status
from solovirt.machinery.resource import Document

Devices = tuple[list[Document], list[Document]]
"""Interfaces and networks."""
_ABSENT = "absent"
_PLUGGABLE = ("bridge", "sriov")


def requires_restart(template: Document, instance: Document) -> bool:
    """Whether *template*, a spec, differs from what the instance has in more than what can be plugged."""
    wanted, wanted_networks = _named(_interfaces(template)), _named(template.get("networks"))
    has, has_networks = _named(_interfaces(instance["spec"])), _named(instance["spec"].get("networks"))
    if any(name not in wanted or _without_state(wanted[name]) != _without_state(one) for name, one in has.items()):
        return True
    if _has_pod_network(wanted_networks) and not _has_pod_network(has_networks):
        return True
    if has_networks.keys() - wanted_networks.keys():
        return True
    may_move = _is_migratable(instance)
    return any(
        _comparable(wanted_networks[name], may_move=may_move) != _comparable(one, may_move=may_move)
        for name, one in has_networks.items()
    )


def of_instance(vm: Document, instance: Document) -> Devices | None:
    """The interfaces and networks that *instance* should have by the template, None if it has them."""
    template, spec = vm["spec"]["template"]["spec"], instance["spec"]
    present, networks = _interfaces(spec), list(spec.get("networks") or ())
    wanted_networks = _named(template.get("networks"))
    interfaces = copy.deepcopy(present)
    by_name = _named(interfaces)
    for wanted in _interfaces(template):
        state, found = wanted.get("state") or "", by_name.get(wanted["name"])
        if found is None:
            is_pluggable = any(wanted.get(kind) is not None for kind in _PLUGGABLE)
            if state != _ABSENT and is_pluggable and wanted["name"] in wanted_networks:
                interfaces.append(copy.deepcopy(wanted))
                networks.append(copy.deepcopy(wanted_networks[wanted["name"]]))
        elif (found.get("state") or "") not in (state, _ABSENT):
            _set_state(found, state)
    seen = _seen(instance)
    interfaces = [one for one in interfaces if one.get("state") != _ABSENT or one["name"] in seen]
    networks = _of_interfaces(networks, interfaces)
    if _is_migratable(instance):
        networks = [_renamed(one, wanted_networks.get(one["name"])) for one in networks]
    return None if (interfaces, networks) == (present, list(spec.get("networks") or ())) else (interfaces, networks)


def of_template(vm: Document, instance: Document | None) -> Devices | None:
    """The template's interfaces and networks without those that are absent and gone, None if there are none of these."""
    template = vm["spec"]["template"]["spec"]
    known = _seen(instance) | _named(_interfaces((instance or {}).get("spec") or {})).keys()
    present = _interfaces(template)
    kept = [one for one in present if one.get("state") != _ABSENT or one["name"] in known]
    return None if len(kept) == len(present) else (kept, _of_interfaces(template.get("networks") or (), kept))


def put(spec: Document, devices: Devices) -> None:
    """Give *spec* these interfaces and networks."""
    spec["domain"].setdefault("devices", {})["interfaces"], spec["networks"] = copy.deepcopy(devices)


def _interfaces(spec: Document) -> list[Document]:
    return list(((spec.get("domain") or {}).get("devices") or {}).get("interfaces") or ())


def _named(things: Iterable[Document] | None) -> dict[str, Document]:
    return {thing["name"]: thing for thing in things or ()}


def _seen(instance: Document | None) -> set[str]:
    """The names of the interfaces that the guest has."""
    listed = ((instance or {}).get("status") or {}).get("interfaces") or ()
    return {str(one.get("name") or "") for one in listed}


def _of_interfaces(networks: Iterable[Document], interfaces: Iterable[Document]) -> list[Document]:
    names = {one["name"] for one in interfaces}
    return [network for network in networks if network["name"] in names]


def _is_migratable(instance: Document) -> bool:
    return bool(printable_status.condition(instance, "LiveMigratable").get("status") == "True")


def _has_pod_network(networks: dict[str, Document]) -> bool:
    return any(network.get("pod") is not None for network in networks.values())


def _without_state(interface: Document) -> dict[str, Any]:
    return {key: value for key, value in interface.items() if key != "state"}


def _comparable(network: Document, *, may_move: bool) -> Document:
    if not may_move or network.get("multus") is None:
        return network
    return {**network, "multus": {**network["multus"], "networkName": ""}}


def _renamed(network: Document, wanted: Document | None) -> Document:
    name = ((wanted or {}).get("multus") or {}).get("networkName")
    if name is None or network.get("multus") is None:
        return network
    return {**network, "multus": {**network["multus"], "networkName": name}}


def _set_state(interface: Document, state: str) -> None:
    if state:
        interface["state"] = state
    else:
        interface.pop("state", None)
