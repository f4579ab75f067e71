"""Rules on memory, CPUs and the machine (reference kubevirt-validation.md 5.1)."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import Any

from solovirt.kinds.kubevirt import denial
from solovirt.kinds.kubevirt.cluster import STANDARD, Cluster
from solovirt.kinds.kubevirt.rules import dns
from solovirt.machinery import quantity
from solovirt.machinery.errors import Cause

Spec = Mapping[str, Any]

_SMALLEST_REQUEST = 10**6
_POLICIES = ("", "force", "require", "optional", "disable", "forbid")
_MOST_THREADS_WHEN_DEDICATED = 2


def check_names(spec: Spec, path: str) -> list[Cause]:
    """Rules 69 and 70: hostname and subdomain."""
    causes = []
    if (hostname := spec.get("hostname")) and (errors := dns.label_errors(hostname)):
        field = f"{path}.hostname"
        text = f"{field} does not conform to the kubernetes DNS_LABEL rules : {', '.join(errors)}"
        causes.append(denial.invalid(field, text))
    if (subdomain := spec.get("subdomain")) and (errors := dns.subdomain_errors(subdomain)):
        field = f"{path}.subdomain"
        text = f"{field} does not conform to the kubernetes DNS_SUBDOMAIN rules : {', '.join(errors)}"
        causes.append(denial.invalid(field, text))
    return causes


def _resources(spec: Spec) -> tuple[Spec, Spec]:
    resources = _domain(spec).get("resources") or {}
    return resources.get("requests") or {}, resources.get("limits") or {}


def _domain(spec: Spec) -> Spec:
    return spec.get("domain") or {}


def _shown(value: str | float | None) -> str | None:
    """A quantity as Go prints it, whatever way the user wrote it."""
    try:
        return None if value is None else quantity.text(value)
    except quantity.QuantityError:
        return str(value)


def check_memory(spec: Spec, path: str, *, cluster: Cluster = STANDARD) -> list[Cause]:
    """Rules 71 to 77."""
    requests, limits = _resources(spec)
    memory = _domain(spec).get("memory") or {}
    guest, hugepages = memory.get("guest"), memory.get("hugepages")
    request, most = quantity.number(requests.get("memory")), quantity.number(limits.get("memory"))
    is_in_order = (request == 0 or request >= _SMALLEST_REQUEST) and most >= 0 and not 0 < most < request
    fits = guest is None or most <= 0 or cluster.live_update or quantity.number(guest) <= most
    if is_in_order and fits and hugepages is None:
        return []
    requests_path = f"{path}.domain.resources.requests.memory"
    limits_path = f"{path}.domain.resources.limits.memory"
    asked, limit = _shown(requests.get("memory")), _shown(limits.get("memory"))
    causes = []
    if request < 0:
        causes.append(denial.invalid(requests_path, f"{requests_path} '{asked}': must be greater than or equal to 0."))
    if 0 < request < _SMALLEST_REQUEST:
        causes.append(denial.invalid(requests_path, f"{requests_path} '{asked}': must be greater than or equal to 1M."))
    if most < 0:
        causes.append(denial.invalid(limits_path, f"{limits_path} '{limit}': must be greater than or equal to 0."))
    if most > 0 and request > most:
        causes.append(
            denial.invalid(requests_path, f"{requests_path} '{asked}' is greater than {limits_path} '{limit}'")
        )
    if hugepages is not None:
        causes += _check_hugepages(hugepages, path, asked, request)
    if not fits:
        field = f"{path}.domain.memory.guest"
        text = f"{field} '{_shown(guest)}' must be equal to or less than the memory limit {limits_path} '{limit}'"
        causes.append(denial.invalid(field, text))
    return causes


def _check_hugepages(hugepages: Spec, path: str, asked: Any, request: int | Fraction) -> list[Cause]:
    """Rules 75 and 76."""
    page_path = f"{path}.domain.memory.hugepages.pageSize"
    requests_path = f"{path}.domain.resources.requests.memory"
    page = hugepages.get("pageSize", "")
    try:
        size = quantity.parse(page)
    except quantity.QuantityError as error:
        return [denial.invalid(page_path, f"{page_path} '{page}': {error}")]
    if asked is None or size <= 0:
        return []
    if request < size:
        text = f"{requests_path} '{asked}' must be equal to or larger than page size {page_path} '{page}'"
        return [denial.invalid(requests_path, text)]
    if request % size:
        text = f"{requests_path} '{asked}' is not a multiple of the page size {page_path} '{page}'"
        return [denial.invalid(requests_path, text)]
    return []


def check_machine(spec: Spec, path: str, *, cluster: Cluster = STANDARD) -> list[Cause]:
    """Rule 78: the machine type is one that the cluster emulates."""
    machine = (_domain(spec).get("machine") or {}).get("type")
    architecture = spec.get("architecture") or cluster.architecture
    emulated = cluster.emulated_machines.get(architecture)
    if not machine or emulated is None or any(fnmatchcase(machine, pattern) for pattern in emulated):
        return []
    field = f"{path}.domain.machine.type"
    text = f"{field} is not supported: {machine} (allowed values: [{' '.join(emulated)}])"
    return [denial.invalid(field, text)]


def check_cpu(spec: Spec, path: str) -> list[Cause]:
    """Rules 80 to 93: requests and limits, dedicated placement, topology, features."""
    causes = _check_cpu_resources(spec, path)
    cpu = _domain(spec).get("cpu") or {}
    cpu_path = f"{path}.domain.cpu"
    if cpu.get("dedicatedCpuPlacement"):
        causes += _check_dedicated(spec, path)
    if spec.get("architecture") == "arm64" and (threads := cpu.get("threads") or 0) > 1:
        text = f"threads must not be greater than 1 at {cpu_path}.threads (got {threads}) when {path}.architecture is arm64"
        causes.append(denial.invalid(f"{path}.architecture", text))
    if "numa" in cpu or "realtime" in cpu:
        causes += _check_numa(spec, path)
    if cpu.get("isolateEmulatorThread") and not cpu.get("dedicatedCpuPlacement"):
        text = "IsolateEmulatorThread should be only set in combination with DedicatedCPUPlacement"
        causes.append(denial.invalid(f"{cpu_path}.isolateEmulatorThread", text))
    for index, feature in enumerate(cpu.get("features") or ()):
        if (policy := feature.get("policy", "")) not in _POLICIES:
            text = f"CPU feature {feature.get('name', '')} uses policy {policy} that is not supported."
            causes.append(denial.not_supported(f"{cpu_path}.features[{index}].policy", text))
    return causes + check_max_sockets(spec, path)


def _check_cpu_resources(spec: Spec, path: str) -> list[Cause]:
    """Rules 80 and 81."""
    requests, limits = _resources(spec)
    request, most = quantity.number(requests.get("cpu")), quantity.number(limits.get("cpu"))
    if request >= 0 and most >= 0 and not 0 < most < request:
        return []
    requests_path = f"{path}.domain.resources.requests.cpu"
    limits_path = f"{path}.domain.resources.limits.cpu"
    asked, limit = _shown(requests.get("cpu")), _shown(limits.get("cpu"))
    causes = []
    if request < 0:
        causes.append(denial.invalid(requests_path, f"{requests_path} '{asked}': must be greater than or equal to 0."))
    if most < 0:
        causes.append(denial.invalid(limits_path, f"{limits_path} '{limit}': must be greater than or equal to 0."))
    if most > 0 and request > most:
        causes.append(
            denial.invalid(requests_path, f"{requests_path} '{asked}' is greater than {limits_path} '{limit}'")
        )
    return causes


def check_max_sockets(spec: Spec, path: str) -> list[Cause]:
    """Rules 32 and 93."""
    cpu = _domain(spec).get("cpu") or {}
    if (most := cpu.get("maxSockets") or 0) and (cpu.get("sockets") or 0) > most:
        text = "Number of sockets in CPU topology is greater than the maximum sockets allowed"
        return [denial.invalid(f"{path}.domain.cpu.sockets", text)]
    return []


def _check_dedicated(spec: Spec, path: str) -> list[Cause]:
    """Rules 82 to 88."""
    requests, limits = _resources(spec)
    memory = _domain(spec).get("memory") or {}
    cpu = _domain(spec).get("cpu") or {}
    resources_path, cpu_path = f"{path}.domain.resources", f"{path}.domain.cpu"
    dedicated = f"{cpu_path}.dedicatedCpuPlacement"
    request_cpu, limit_cpu = f"{resources_path}.requests.cpu", f"{resources_path}.limits.cpu"
    causes = []
    if not any((requests.get("memory"), limits.get("memory"), memory.get("hugepages"), memory.get("guest"))):
        text = (
            f"{resources_path}.requests.memory, {resources_path}.limits.memory, {path}.domain.memory.hugepages or "
            f"{path}.domain.memory.guest should be provided"
        )
        causes.append(denial.invalid(f"{resources_path}.limits.memory", text))
    request, limit = quantity.number(requests.get("cpu")), quantity.number(limits.get("cpu"))
    if request.denominator != 1:
        causes.append(denial.invalid(request_cpu, "provided resources CPU requests must be an interger"))
    if limit.denominator != 1:
        causes.append(denial.invalid(limit_cpu, "provided resources CPU limits must be an interger"))
    asked, most = requests.get("memory"), limits.get("memory")
    if asked is not None and most is not None and quantity.read(asked) != quantity.read(most):
        text = f"{resources_path}.requests.memory must be equal to {resources_path}.limits.memory"
        causes.append(denial.invalid(f"{resources_path}.requests.memory", text))
    cores, threads = cpu.get("cores") or 0, cpu.get("threads") or 0
    suffix = "when DedicatedCPUPlacement is true "
    if not request and not limit and not cores:
        text = f"either {request_cpu} or {limit_cpu} or {cpu_path}.cores must be provided {suffix}"
        causes.append(denial.invalid(dedicated, text))
    if request and limit and request != limit:
        causes.append(denial.invalid(dedicated, f"{request_cpu} or {limit_cpu} must be equal {suffix}"))
    if (request or limit) and cores:
        text = f"{request_cpu} or {limit_cpu} must not be provided at the same time with {cpu_path}.cores {suffix}"
        causes.append(denial.invalid(dedicated, text))
    if threads > _MOST_THREADS_WHEN_DEDICATED:
        text = f"Not more than two threads must be provided at {cpu_path}.threads (got {threads}) {suffix.rstrip()}"
        causes.append(denial.invalid(dedicated, text))
    return causes


def _check_numa(spec: Spec, path: str) -> list[Cause]:
    """Rules 90 and 96: guest mapping passthrough and realtime."""
    cpu = _domain(spec).get("cpu") or {}
    field = f"{path}.domain.cpu.numa.guestMappingPassthrough"
    dedicated_path = f"{path}.domain.cpu.dedicatedCpuPlacement"
    passthrough = (cpu.get("numa") or {}).get("guestMappingPassthrough") is not None
    dedicated = bool(cpu.get("dedicatedCpuPlacement"))
    causes = []
    if passthrough and not dedicated:
        text = f"{dedicated_path} must be set to true when NUMA topology strategy is set in {field}"
        causes.append(denial.invalid(field, text))
    if passthrough and (_domain(spec).get("memory") or {}).get("hugepages") is None:
        text = f"{path}.domain.memory.hugepages must be requested when NUMA topology strategy is set in {field}"
        causes.append(denial.invalid(field, text))
    if cpu.get("realtime") is not None:
        realtime = f"{path}.domain.cpu.realtime"
        if not dedicated:
            causes.append(
                denial.required(dedicated_path, f"{dedicated_path} must be set to true when {realtime} is used")
            )
        if not passthrough:
            causes.append(denial.required(field, f"{field} must be defined when {realtime} is used"))
    return causes


def check_start_strategy(spec: Spec, path: str) -> list[Cause]:
    """Rules 94 and 95."""
    strategy = spec.get("startStrategy")
    if strategy is None:
        return []
    field = f"{path}.startStrategy"
    if strategy != "Paused":
        return [denial.invalid(field, f"{field} is set with an unrecognized option: {strategy}")]
    if spec.get("livenessProbe") is not None:
        text = (
            f"either {field} or {path}.livenessProbe should be provided.Pausing VMI with LivenessProbe is not supported"
        )
        return [denial.invalid(field, text)]
    return []


def check_memory_hotplug(spec: Spec, path: str) -> list[Cause]:
    """Rule 33: a given maxGuest is one that memory can be plugged up to."""
    memory = _domain(spec).get("memory") or {}
    if memory.get("maxGuest") is None:
        return []
    text = why_no_memory_hotplug(spec, memory["maxGuest"])
    return [denial.invalid(f"{path}.domain.memory.guest", text)] if text else []


def why_no_memory_hotplug(spec: Spec, max_guest: Any) -> str:
    """Why no memory up to *max_guest* can be plugged into an instance with this *spec*; empty if it can."""
    domain = _domain(spec)
    memory, cpu = domain.get("memory") or {}, domain.get("cpu") or {}
    gi = 1 << 30
    guest, most = quantity.number(memory.get("guest")), quantity.number(max_guest)
    pages = memory.get("hugepages") or {}
    align, unit = (gi, "1Gi") if quantity.number(pages.get("pageSize")) == gi else (2 << 20, "2Mi")
    numa = cpu.get("numa") or {}
    reasons = (
        (cpu.get("realtime") is not None, "Memory hotplug is not compatible with realtime VMs"),
        (
            numa.get("guestMappingPassthrough") is not None,
            "Memory hotplug is not compatible with guest mapping passthrough",
        ),
        (domain.get("launchSecurity") is not None, "Memory hotplug is not compatible with encrypted VMs"),
        (memory.get("guest") is None, "Guest memory must be configured when memory hotplug is enabled"),
        (guest > most, "Guest memory is greater than the configured maxGuest memory"),
        (bool(guest % align), f"Guest memory must be {unit} aligned"),
        (bool(most % align), f"MaxGuest must be {unit} aligned"),
        (spec.get("architecture", "amd64") != "amd64", "Memory hotplug is only available for x86_64 VMs"),
        (guest < gi, "Memory hotplug is only available for VMs with at least 1Gi of guest memory"),
    )
    return next((text for wrong, text in reasons if wrong), "")
