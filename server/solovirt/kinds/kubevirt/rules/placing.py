"""Rules on what the launcher pod gets of the spec: DNS, eviction, service account (reference kubevirt-validation.md 5.6)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from solovirt.kinds.kubevirt import denial
from solovirt.kinds.kubevirt.rules import dns
from solovirt.machinery.errors import Cause

Spec = Mapping[str, Any]

_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None", "")
_EVICTION_STRATEGIES = ("None", "LiveMigrate", "LiveMigrateIfPossible", "External")
_MOST_NAMESERVERS, _MOST_SEARCHES, _LONGEST_SEARCHES = 3, 6, 256


def check_dns(spec: Spec, path: str) -> Iterator[Cause]:
    """Rules 173 to 175."""
    policy, config = spec.get("dnsPolicy") or "", spec.get("dnsConfig")
    if policy not in _DNS_POLICIES:
        text = f"DNSPolicy: {policy} is not supported, valid values: [{' '.join(_DNS_POLICIES)}]"
        yield denial.not_supported(f"{path}.dnsPolicy", text)
    if policy == "None":
        if config is None:
            yield denial.required(f"{path}.dnsConfig", "must provide `dnsConfig` when `dnsPolicy` is None")
        elif not config.get("nameservers"):
            text = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            yield denial.required("nameservers", text)
    if config is None:
        return
    servers, searches = config.get("nameservers") or (), config.get("searches") or ()
    if len(servers) > _MOST_NAMESERVERS:
        text = f"must not have more than {_MOST_NAMESERVERS} nameservers: [{' '.join(servers)}]"
        yield denial.invalid("nameservers", text)
    for server in servers:
        try:
            ipaddress.ip_address(server)
        except ValueError:
            yield denial.invalid("nameservers", f"must be valid IP address: {server}")
    if len(searches) > _MOST_SEARCHES:
        yield denial.invalid("searchDomains", f"must not have more than {_MOST_SEARCHES} search paths")
    if len(" ".join(searches)) > _LONGEST_SEARCHES:
        text = f"must not have more than {_LONGEST_SEARCHES} characters (including spaces) in the search list"
        yield denial.invalid("searchDomains", text)
    for search in searches:
        for error in dns.subdomain_errors(search):
            yield denial.invalid("searchDomains", error)
    if any(not option.get("name") for option in config.get("options") or ()):
        yield denial.invalid("options", "Option.Name must not be empty")


def check_eviction(spec: Spec, path: str) -> Iterator[Cause]:
    """Rule 176."""
    strategy = spec.get("evictionStrategy")
    if strategy is not None and strategy not in _EVICTION_STRATEGIES:
        field = f"{path}.evictionStrategy"
        yield denial.invalid(field, f"{field} is set with an unrecognized option: {strategy}")


def check_service_account(spec: Spec, path: str) -> Iterator[Cause]:
    """Rule 187."""
    name = spec.get("serviceAccountName")
    if not name:
        return
    field = f"{path}.serviceAccountName"
    if errors := dns.subdomain_errors(name):
        yield denial.invalid(field, f"{field} is not a valid service account name: {'; '.join(errors)}")
    for volume in spec.get("volumes") or ():
        other = (volume.get("serviceAccount") or {}).get("serviceAccountName")
        if other and other != name:
            text = (
                f'spec.serviceAccountName "{name}" and serviceAccount volume "{other}" '
                "must reference the same service account"
            )
            yield denial.invalid(field, text)
