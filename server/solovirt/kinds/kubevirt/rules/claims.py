"""Rules on devices that are claimed from Kubernetes' dynamic allocation: networks, GPUs, others (reference kubevirt-validation.md 5.2 and 5.6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from solovirt.kinds.kubevirt import denial
from solovirt.kinds.kubevirt.cluster import STANDARD, Cluster
from solovirt.machinery.errors import Cause, go_value

Spec = Mapping[str, Any]

_NETWORK_GATE = "NetworkDevicesWithDRA"


class _Claimable(NamedTuple):
    """A list of devices whose members may be claimed."""

    field: str
    label: str
    gate: str
    may_be_mixed: bool


_GPUS = _Claimable("gpus", "GPU", "GPUsWithDRA", may_be_mixed=False)
_HOST_DEVICES = _Claimable("hostDevices", "hostDevice", "HostDevicesWithDRA", may_be_mixed=True)


def check_networks(spec: Spec, path: str, *, cluster: Cluster = STANDARD) -> Iterator[Cause]:
    """Rule 124."""
    networks = spec.get("networks") or ()
    if not any("resourceClaim" in network for network in networks):
        return
    field = f"{path}.networks"
    if not cluster.has(_NETWORK_GATE):
        text = f"vmi.spec.networks contains DRA networks but {_NETWORK_GATE} feature gate is not enabled"
        yield denial.invalid(field, text)
        return
    if any(network.get("multus") is not None for network in networks):
        text = "mixing Multus and DRA resourceClaim networks in the same VMI is not supported"
        yield denial.invalid(field, text)
        return
    interfaces = ((spec.get("domain") or {}).get("devices") or {}).get("interfaces") or ()
    by_name = {interface.get("name"): interface for interface in interfaces}
    claims = {claim.get("name") for claim in spec.get("resourceClaims") or ()}
    seen: set[str] = set()
    for index, network in enumerate(networks):
        if (wanted := network.get("resourceClaim")) is None:
            continue
        interface = by_name.get(network.get("name"))
        if interface is not None and interface.get("sriov") is None and interface.get("binding") is None:
            name = go_value(network.get("name") or "")
            text = f"DRA network {name} requires an SR-IOV or binding plugin interface"
            yield denial.invalid(f"{path}.domain.devices.interfaces", text)
        yield from _check_reference(wanted, f"{field}[{index}]", claims, seen)


def _check_reference(wanted: Spec, field: str, claims: set[Any], seen: set[str]) -> Iterator[Cause]:
    claim, request = wanted.get("claimName") or "", wanted.get("requestName") or ""
    for key, value in (("claimName", claim), ("requestName", request)):
        if not value:
            yield denial.required(f"{field}.resourceClaim.{key}", f"{key} is required for DRA network")
    if not claim or not request:
        return
    if claim not in claims:
        text = f"network references resourceClaim {go_value(claim)} which is not defined in spec.resourceClaims"
        yield denial.not_found(f"{field}.resourceClaim.claimName", text)
    pair = f"{claim}/{request}"
    if pair in seen:
        yield denial.duplicate(field, f"duplicate claimName/requestName combination {go_value(pair)}")
    seen.add(pair)


def check(spec: Spec, path: str, *, cluster: Cluster = STANDARD) -> list[Cause]:
    """Rule 188: the claims themselves, and the devices that refer to them."""
    devices = (spec.get("domain") or {}).get("devices") or {}
    claims, gpus, others = spec.get("resourceClaims"), devices.get("gpus"), devices.get("hostDevices")
    if not claims and not gpus and not others:
        return []
    causes = list(_check_claims(claims or (), path))
    used: set[str] = set()
    causes += _check_devices(gpus or (), path, _GPUS, used, cluster)
    causes += _check_devices(others or (), path, _HOST_DEVICES, used, cluster)
    if not used <= {claim.get("name") for claim in claims or ()}:
        text = (
            "vmi.spec.resourceClaims must specify all claims used in vmi.spec.domain.devices.gpus and "
            "vmi.spec.domain.devices.hostDevices"
        )
        causes.append(denial.invalid(f"{path}.resourceClaims", text))
    return causes


def _check_claims(claims: Sequence[Spec], path: str) -> Iterator[Cause]:
    names: set[str] = set()
    for index, claim in enumerate(claims):
        field = f"{path}.resourceClaims[{index}]"
        name = claim.get("name") or ""
        if not name:
            yield denial.required(f"{field}.name", f"{field}.name is a required field")
        elif name in names:
            yield denial.duplicate(f"{field}.name", f"duplicate resourceClaims name {go_value(name)}")
        names.add(name)
        given = [key for key in ("resourceClaimName", "resourceClaimTemplateName") if claim.get(key)]
        if len(given) > 1:
            text = "at most one of resourceClaimName or resourceClaimTemplateName may be specified"
            yield denial.invalid(field, text)
        if not given:
            yield denial.invalid(field, "must specify one of: resourceClaimName, resourceClaimTemplateName")


def _is_claimed(device: Spec) -> bool:
    return not device.get("deviceName") and ("claimName" in device or "requestName" in device)


def _check_devices(
    devices: Sequence[Spec], path: str, kind: _Claimable, used: set[str], cluster: Cluster
) -> Iterator[Cause]:
    field = f"{path}.domain.devices.{kind.field}"
    where, label = f"vmi.spec.domain.devices.{kind.field}", kind.label
    claimed = [(index, device) for index, device in enumerate(devices) if _is_claimed(device)]
    if claimed and len(claimed) < len(devices) and not kind.may_be_mixed:
        text = f"{where} contains both DRA and non-DRA {label}s; each {label} must be either DRA or non-DRA"
        yield denial.invalid(field, text)
        return
    for device in devices:
        if not _is_claimed(device) and not device.get("deviceName"):
            text = (
                f"{where} contains {label}s without deviceName or claimRequest; "
                f"each {label} must specify either a deviceName or a claimRequest"
            )
            yield denial.required(field, text)
        if device.get("deviceName") and ("claimName" in device or "requestName" in device):
            yield denial.invalid(field, f"{where} contains {label}s with both deviceName and claimRequest")
    if claimed and not cluster.has(kind.gate):
        yield denial.invalid(field, f"{where} contains DRA enabled {label}s but feature gate is not enabled")
        return
    pairs: set[str] = set()
    for index, device in claimed:
        missing = [key for key in ("claimName", "requestName") if not device.get(key)]
        for key in missing:
            yield denial.required(f"{field}[{index}].{key}", f"{key} is required for DRA {label}")
        if missing:
            continue
        pair = f"{device['claimName']}/{device['requestName']}"
        if pair in pairs:
            yield denial.duplicate(f"{field}[{index}]", f"duplicate claimName/requestName pair {go_value(pair)}")
        pairs.add(pair)
        used.add(device["claimName"])
