"""Rules on memory, CPUs, the machine and its place (kubevirt-validation.md 5.1)."""

from __future__ import annotations

import pytest

from solovirt.kinds.kubevirt.cluster import Cluster
from solovirt.kinds.kubevirt.rules import sizing
from tests.kinds.kubevirt.rules.specs import (
    INVALID,
    REQUIRED,
    SUBDOMAIN_TEXT,
    UNSUPPORTED,
    P,
    Row,
    causes_of,
    changed,
    check,
)

REQUESTS, LIMITS, CPU = f"{P}.domain.resources.requests", f"{P}.domain.resources.limits", f"{P}.domain.cpu"
DEDICATED, NUMA = f"{CPU}.dedicatedCpuPlacement", f"{CPU}.numa.guestMappingPassthrough"
PAGES = f"{P}.domain.memory.hugepages.pageSize"
REQUIRED_NODES = "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
TERMS = f"{P}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
SPREAD = f"{P}.topologySpreadConstraints[0]"
ARM_THREADS = {"architecture": "arm64", "domain.machine.type": "virt", "domain.cpu.threads": 2}


def resources(requests=None, limits=None):
    return {"domain.resources": {"requests": requests or {}, "limits": limits or {}}}


def dedicated(requests=None, limits=None, **cpu):
    return {
        **resources(requests, limits),
        "domain.cpu": {"dedicatedCpuPlacement": True, **cpu},
    }


def spread(**constraint):
    return {
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", **constraint}
        ]
    }


ROWS = [
    Row(69, {"hostname": "a" * 64}, f"{P}.hostname", INVALID, f"{P}.hostname does not conform to the kubernetes DNS_LABEL rules : must be no more than 63 bytes"),
    Row(70, {"subdomain": "No_Domain"}, f"{P}.subdomain", INVALID, f"{P}.subdomain does not conform to the kubernetes DNS_SUBDOMAIN rules : {SUBDOMAIN_TEXT}"),
    Row(71, resources({"memory": "-1"}), f"{REQUESTS}.memory", INVALID, f"{REQUESTS}.memory '-1': must be greater than or equal to 0."),
    Row(72, resources({"memory": "10"}), f"{REQUESTS}.memory", INVALID, f"{REQUESTS}.memory '10': must be greater than or equal to 1M."),
    Row(73, resources(None, {"memory": "-1"}), f"{LIMITS}.memory", INVALID, f"{LIMITS}.memory '-1': must be greater than or equal to 0."),
    Row(75, {"domain.memory.hugepages": {"pageSize": "big"}}, PAGES, INVALID, f"{PAGES} 'big': quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"),
    Row(76, {**resources({"memory": "64Mi"}), "domain.memory.hugepages": {"pageSize": "1Gi"}}, f"{REQUESTS}.memory", INVALID, f"{REQUESTS}.memory '64Mi' must be equal to or larger than page size {PAGES} '1Gi'"),
    Row(76, {**resources({"memory": "65Mi"}), "domain.memory.hugepages": {"pageSize": "2Mi"}}, f"{REQUESTS}.memory", INVALID, f"{REQUESTS}.memory '65Mi' is not a multiple of the page size {PAGES} '2Mi'"),
    Row(77, resources(None, {"memory": "512Mi"}), f"{P}.domain.memory.guest", INVALID, f"{P}.domain.memory.guest '1Gi' must be equal to or less than the memory limit {LIMITS}.memory '512Mi'", Cluster(live_update=False)),
    Row(78, {"architecture": "arm64", "domain.machine.type": "q35"}, f"{P}.domain.machine.type", INVALID, f"{P}.domain.machine.type is not supported: q35 (allowed values: [virt*])"),
    Row(79, {"domain.firmware.acpi": {}}, f"{P}.acpi", INVALID, "ACPI was set but no SLIC nor MSDM volume reference was set"),
    Row(79, {"domain.firmware.acpi": {"slicNameRef": "lost"}}, f"{P}.acpi.slicNameRef", INVALID, f"{P}.acpi.slicNameRef does not have a matching Volume."),
    Row(79, {"domain.firmware.acpi": {"msdmNameRef": "root"}}, f"{P}.acpi.msdmNameRef", INVALID, f"{P}.acpi.msdmNameRef refers to Volume of unsupported type."),
    Row(80, resources({"cpu": "-1"}), f"{REQUESTS}.cpu", INVALID, f"{REQUESTS}.cpu '-1': must be greater than or equal to 0."),
    Row(80, resources(None, {"cpu": "-1"}), f"{LIMITS}.cpu", INVALID, f"{LIMITS}.cpu '-1': must be greater than or equal to 0."),
    Row(82, {**dedicated(cores=1), "domain.memory": {}}, f"{LIMITS}.memory", INVALID, f"{REQUESTS}.memory, {LIMITS}.memory, {P}.domain.memory.hugepages or {P}.domain.memory.guest should be provided"),
    Row(83, dedicated({"cpu": "500m"}), f"{REQUESTS}.cpu", INVALID, "provided resources CPU requests must be an interger"),
    Row(83, dedicated(None, {"cpu": "1500m"}), f"{LIMITS}.cpu", INVALID, "provided resources CPU limits must be an interger"),
    Row(84, dedicated({"memory": "1Gi"}, {"memory": "2Gi"}, cores=1), f"{REQUESTS}.memory", INVALID, f"{REQUESTS}.memory must be equal to {LIMITS}.memory"),
    Row(85, dedicated(), DEDICATED, INVALID, f"either {REQUESTS}.cpu or {LIMITS}.cpu or {CPU}.cores must be provided when DedicatedCPUPlacement is true "),
    Row(86, dedicated({"cpu": 1}, {"cpu": 2}), DEDICATED, INVALID, f"{REQUESTS}.cpu or {LIMITS}.cpu must be equal when DedicatedCPUPlacement is true "),
    Row(87, dedicated({"cpu": 2}, None, cores=2), DEDICATED, INVALID, f"{REQUESTS}.cpu or {LIMITS}.cpu must not be provided at the same time with {CPU}.cores when DedicatedCPUPlacement is true "),
    Row(88, dedicated(cores=1, threads=3), DEDICATED, INVALID, f"Not more than two threads must be provided at {CPU}.threads (got 3) when DedicatedCPUPlacement is true"),
    Row(89, ARM_THREADS, f"{P}.architecture", INVALID, f"threads must not be greater than 1 at {CPU}.threads (got 2) when {P}.architecture is arm64"),
    Row(90, {"domain.cpu.numa": {"guestMappingPassthrough": {}}}, NUMA, INVALID, f"{DEDICATED} must be set to true when NUMA topology strategy is set in {NUMA}"),
    Row(90, {"domain.cpu.numa": {"guestMappingPassthrough": {}}}, NUMA, INVALID, f"{P}.domain.memory.hugepages must be requested when NUMA topology strategy is set in {NUMA}"),
    Row(91, {"domain.cpu.isolateEmulatorThread": True}, f"{CPU}.isolateEmulatorThread", INVALID, "IsolateEmulatorThread should be only set in combination with DedicatedCPUPlacement"),
    Row(92, {"domain.cpu.features": [{"name": "vmx", "policy": "maybe"}]}, f"{CPU}.features[0].policy", UNSUPPORTED, "CPU feature vmx uses policy maybe that is not supported."),
    Row(95, {"startStrategy": "Paused", "livenessProbe": {"exec": {"command": ["true"]}}}, f"{P}.startStrategy", INVALID, f"either {P}.startStrategy or {P}.livenessProbe should be provided.Pausing VMI with LivenessProbe is not supported"),
    Row(96, {"domain.cpu.realtime": {}}, DEDICATED, REQUIRED, f"{DEDICATED} must be set to true when {CPU}.realtime is used"),
    Row(96, {"domain.cpu.realtime": {}}, NUMA, REQUIRED, f"{NUMA} must be defined when {CPU}.realtime is used"),
    Row(97, {REQUIRED_NODES: {"nodeSelectorTerms": []}}, TERMS, INVALID, f"{TERMS}: Required value: must have at least one node selector term"),
    Row(97, {REQUIRED_NODES: {"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In"}]}]}}, f"{TERMS}[0].matchExpressions[0].values", INVALID, f"{TERMS}[0].matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"),
    Row(97, {REQUIRED_NODES: {"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "Like"}]}]}}, f"{TERMS}[0].matchExpressions[0].operator", INVALID, f'{TERMS}[0].matchExpressions[0].operator: Invalid value: "Like": not a valid selector operator'),
    Row(97, {REQUIRED_NODES: {"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "Exists", "values": ["a"]}]}]}}, f"{TERMS}[0].matchExpressions[0].values", INVALID, f"{TERMS}[0].matchExpressions[0].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
    Row(97, {REQUIRED_NODES: {"nodeSelectorTerms": [{"matchExpressions": [{"key": "cores", "operator": "Gt", "values": []}]}]}}, f"{TERMS}[0].matchExpressions[0].values", INVALID, f"{TERMS}[0].matchExpressions[0].values: Required value: must be specified single value when `operator` is 'Lt' or 'Gt'"),
    Row(97, {REQUIRED_NODES: {"nodeSelectorTerms": [{"matchFields": [{"key": "metadata.labels", "operator": "In", "values": ["a"]}]}]}}, f"{TERMS}[0].matchFields[0].key", INVALID, f'{TERMS}[0].matchFields[0].key: Invalid value: "metadata.labels": not a valid field selector key'),
    Row(97, {"affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 0, "preference": {}}]}, f"{P}.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight", INVALID, f"{P}.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 0: must be in the range 1-100"),
    Row(97, {"affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": ""}]}, f"{P}.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey", INVALID, f"{P}.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Required value: can not be empty"),
    Row(97, {"affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 101, "podAffinityTerm": {"topologyKey": "zone"}}]}, f"{P}.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight", INVALID, f"{P}.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 101: must be in the range 1-100"),
    Row(97, spread(maxSkew=0), f"{SPREAD}.maxSkew", INVALID, f"{SPREAD}.maxSkew: Invalid value: 0: must be greater than zero"),
    Row(97, spread(whenUnsatisfiable="Cry"), f"{SPREAD}.whenUnsatisfiable", INVALID, f'{SPREAD}.whenUnsatisfiable: Unsupported value: "Cry": supported values: "DoNotSchedule", "ScheduleAnyway"'),
    Row(97, spread(whenUnsatisfiable="ScheduleAnyway", minDomains=2), f"{SPREAD}.minDomains", INVALID, f"{SPREAD}.minDomains: Invalid value: 2: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway"),
    Row(97, {"topologySpreadConstraints": 2 * spread()["topologySpreadConstraints"]}, f"{SPREAD}.{{topologyKey, whenUnsatisfiable}}", INVALID, f'{SPREAD}.{{topologyKey, whenUnsatisfiable}}: Duplicate value: "{{zone, DoNotSchedule}}"'),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_a_broken_rule_gives_its_cause(row):
    check(row)


def test_what_is_well_placed_passes():
    """Rule 97."""
    nodes = {
        "nodeSelectorTerms": [{"matchExpressions": [{"key": "example.com/zone", "operator": "In", "values": ["a"]}]}]
    }
    pods = [{"topologyKey": "zone", "labelSelector": {"matchLabels": {"a": "b"}}, "namespaces": ["x"]}]
    changes = {
        REQUIRED_NODES: nodes,
        "affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution": pods,
        **spread(minDomains=1, labelSelector={"matchExpressions": [{"key": "a", "operator": "Exists"}]}),
    }
    assert causes_of(changed(changes)) == []


@pytest.mark.parametrize("rule", [32, 93])
def test_more_sockets_than_ever_are_refused(rule):
    """Rules 32 and 93 are one check of one field."""
    spec = {"domain": {"cpu": {"sockets": 3, "maxSockets": 2}}}
    assert [(cause.field, cause.message) for cause in sizing.check_max_sockets(spec, P)] == [
        (f"{CPU}.sockets", "Number of sockets in CPU topology is greater than the maximum sockets allowed")
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"domain.memory": {"maxGuest": "2Gi"}}, "Guest memory must be configured when memory hotplug is enabled"),
        ({"domain.memory.guest": "1025Mi", "domain.memory.maxGuest": "4Gi"}, "Guest memory must be 2Mi aligned"),
        ({"domain.memory": {"guest": "3Gi", "maxGuest": "3073Mi", "hugepages": {"pageSize": "1Gi"}}}, "MaxGuest must be 1Gi aligned"),
        ({"architecture": "arm64"}, "Memory hotplug is only available for x86_64 VMs"),
        ({"domain.cpu.realtime": {}}, "Memory hotplug is not compatible with realtime VMs"),
        ({"domain.cpu.numa": {"guestMappingPassthrough": {}}}, "Memory hotplug is not compatible with guest mapping passthrough"),
        ({"domain.launchSecurity": {"sev": {}}}, "Memory hotplug is not compatible with encrypted VMs"),
    ],
)  # fmt: skip
def test_memory_that_can_grow_has_its_conditions(changes, message):
    """Rule 33."""
    found = sizing.check_memory_hotplug(changed(changes), P)
    assert [(cause.field, cause.message) for cause in found] == [(f"{P}.domain.memory.guest", message)]
