"""Rules on networks and interfaces (kubevirt-validation.md 5.2)."""

from __future__ import annotations

import pytest

from solovirt.kinds.kubevirt.cluster import Cluster
from tests.kinds.kubevirt.rules.specs import (
    DUPLICATE,
    EVERY_GATE,
    INVALID,
    NO_GATES,
    NOT_FOUND,
    REQUIRED,
    P,
    Row,
    causes_of,
    changed,
    check,
)

I0, N0 = f"{P}.domain.devices.interfaces[0]", f"{P}.networks[0]"
I1 = f"{P}.domain.devices.interfaces[1]"
INTERFACE, NETWORK = "domain.devices.interfaces.0", "networks.0"
SECOND, SECOND_NETWORK = "domain.devices.interfaces.1", "networks.1"
DHCP = f"{INTERFACE}.dhcpOptions"
MULTUS = {"name": "default", "multus": {"networkName": "x"}}


def second(network, **interface):
    return {SECOND_NETWORK: {"name": "second", **network}, SECOND: {"name": "second", **interface}}


def ranges(*given):
    parts = [dict(zip(("start", "end", "protocol"), one, strict=True)) for one in given]
    return {f"{INTERFACE}.portRanges": parts}


def claimed(**claim):
    return {
        NETWORK: {"name": "default", "resourceClaim": {"claimName": "c", "requestName": "r", **claim}},
        INTERFACE: {"name": "default", "sriov": {}},
        "resourceClaims": [{"name": "c", "resourceClaimName": "c"}],
    }


ROWS = [
    Row(99, {NETWORK: {"name": "default", "multus": {"networkName": "x", "default": True}}, **second({"multus": {"networkName": "y", "default": True}}, bridge={})}, f"{P}.networks", INVALID, "Multus CNI should only have one default network"),
    Row(99, second({"multus": {"networkName": "y", "default": True}}, bridge={}), f"{P}.networks", INVALID, "Pod network cannot be defined when Multus default network is defined"),
    Row(100, {NETWORK: {"name": "default", "pod": {}, "multus": {"networkName": "x"}}}, N0, REQUIRED, "should have only one network type"),
    Row(101, {NETWORK: {"name": "default", "multus": {}}}, N0, REQUIRED, "CNI delegating plugin must have a networkName"),
    Row(102, {f"{INTERFACE}.state": "sideways"}, f"{I0}.state", INVALID, "logical default interface state value is unsupported: sideways"),
    Row(103, {NETWORK: MULTUS, INTERFACE: {"name": "default", "sriov": {}, "state": "down"}}, f"{I0}.state", INVALID, '"default" interface\'s state "down" is not supported for SR-IOV NICs'),
    Row(103, {f"{INTERFACE}.state": "absent"}, f"{I0}.state", INVALID, '"default" interface\'s state "absent" is supported only for bridge binding'),
    Row(103, {INTERFACE: {"name": "default", "bridge": {}, "state": "absent"}}, f"{I0}.state", INVALID, '"default" interface\'s state "absent" is not supported on default networks'),
    Row(107, {INTERFACE: {"name": "default", "bridge": {}}}, f"{I0}.name", INVALID, "Bridge on pod network configuration is not enabled under kubevirt-config", Cluster(bridge_on_pod_network=False)),
    Row(108, {INTERFACE: {"name": "default", "passtBinding": {}}}, f"{I0}.name", INVALID, "PasstBinding feature gate is not enabled", NO_GATES),
    Row(108, {NETWORK: MULTUS, INTERFACE: {"name": "default", "passtBinding": {}}}, f"{I0}.name", INVALID, "PasstBinding interface only implemented with pod network"),
    Row(113, {NETWORK: {"name": "my.net", "pod": {}}, INTERFACE: {"name": "my.net", "bridge": {}}}, f"{I0}.name", INVALID, "Network interface name can only contain alphabetical characters, numbers, dashes (-) or underscores (_)"),
    Row(116, {f"{INTERFACE}.pciAddress": "0000:81"}, f"{I0}.pciAddress", INVALID, f"interface {I0}.name has malformed PCI address (0000:81)."),
    Row(118, {f"{INTERFACE}.ports": [{"port": 80, "name": "http"}, {"port": 81, "name": "http"}]}, f"{I0}.ports[1].name", DUPLICATE, "Duplicate name of the port: http"),
    Row(118, {f"{INTERFACE}.ports": [{"port": 80, "name": "HTTP!"}]}, f"{I0}.ports[0].name", INVALID, "Invalid name of the port: HTTP!"),
    Row(119, ranges((1, 2, "TCP")), f"{I0}.name", INVALID, "portRanges is specified on interface but the PortRangesSpec feature gate is not enabled"),
    Row(119, {**ranges((1, 2, "TCP")), f"{INTERFACE}.ports": [{"port": 80}]}, f"{I0}.name", INVALID, "Cannot define both ports and portRanges on interface", EVERY_GATE),
    Row(119, {INTERFACE: {"name": "default", "bridge": {}, "portRanges": [{"start": 1, "end": 2, "protocol": "TCP"}]}}, f"{I0}.name", INVALID, "portRanges are only supported on masquerade interfaces", EVERY_GATE),
    Row(120, ranges(*((10 * n, 10 * n, "TCP") for n in range(1, 12))), f"{I0}.portRanges", INVALID, "No more than 10 portRanges are allowed", EVERY_GATE),
    Row(120, ranges((0, 2, "TCP")), f"{I0}.portRanges[0].start", INVALID, "Start must be a valid port number, 0 < x < 65536", EVERY_GATE),
    Row(120, ranges((1, 70000, "TCP")), f"{I0}.portRanges[0].end", INVALID, "End must be a valid port number, 0 < x < 65536", EVERY_GATE),
    Row(120, ranges((3, 2, "TCP")), f"{I0}.portRanges[0].start", INVALID, "Start must be less than or equal to end", EVERY_GATE),
    Row(120, ranges((1, 5, "TCP"), (5, 9, "TCP")), f"{I0}.portRanges[1]", INVALID, "TCP portRanges [1-5] and [5-9] overlap", EVERY_GATE),
    Row(121, {DHCP: {"privateOptions": [{"option": 240, "value": "a"}, {"option": 240, "value": "b"}]}}, P, INVALID, "Found Duplicates: you have provided duplicate DHCPPrivateOptions"),
    Row(121, {DHCP: {"privateOptions": [{"option": 223, "value": "a"}]}}, P, INVALID, "provided DHCPPrivateOptions are out of range, must be in range 224 to 254"),
    Row(122, {DHCP: {"ntpServers": ["10.0.0.1", "fd10::1"]}}, f"{I0}.dhcpOptions.ntpServers[1]", INVALID, "NTP servers must be a list of valid IPv4 addresses."),
    Row(124, claimed(), f"{P}.networks", INVALID, "vmi.spec.networks contains DRA networks but NetworkDevicesWithDRA feature gate is not enabled"),
    Row(124, {**claimed(), **second({"multus": {"networkName": "y"}}, bridge={})}, f"{P}.networks", INVALID, "mixing Multus and DRA resourceClaim networks in the same VMI is not supported", EVERY_GATE),
    Row(124, claimed(claimName="lost"), f"{N0}.resourceClaim.claimName", NOT_FOUND, 'network references resourceClaim "lost" which is not defined in spec.resourceClaims', EVERY_GATE),
    Row(124, claimed(claimName=""), f"{N0}.resourceClaim.claimName", REQUIRED, "claimName is required for DRA network", EVERY_GATE),
    Row(124, claimed(requestName=""), f"{N0}.resourceClaim.requestName", REQUIRED, "requestName is required for DRA network", EVERY_GATE),
    Row(124, {**claimed(), **second({"resourceClaim": {"claimName": "c", "requestName": "r"}}, sriov={})}, f"{P}.networks[1]", DUPLICATE, 'duplicate claimName/requestName combination "c/r"', EVERY_GATE),
    Row(124, {**claimed(), INTERFACE: {"name": "default", "bridge": {}}}, f"{P}.domain.devices.interfaces", INVALID, 'DRA network "default" requires an SR-IOV or binding plugin interface', EVERY_GATE),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_a_broken_rule_gives_its_cause(row):
    check(row)


def test_ranges_of_different_protocols_do_not_meet():
    """Rule 120."""
    assert causes_of(changed(ranges((1, 5, "TCP"), (5, 9, "UDP"))), cluster=EVERY_GATE) == []


def test_a_claimed_network_passes_behind_its_gate():
    """Rule 124."""
    assert causes_of(changed(claimed()), cluster=EVERY_GATE) == []
